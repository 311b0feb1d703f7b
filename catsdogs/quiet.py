"""TensorFlow and Keras, imported without their start-up messages.

TensorFlow writes to the process's error output before any of its settings is read, so
``TF_CPP_MIN_LOG_LEVEL`` alone does not stop it (seen in 2.21). Every module of this
package takes ``keras`` and ``tf`` from here.
"""

import os
import warnings

from catsdogs.silence import silenced_native_output

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with silenced_native_output():
    import keras
    import tensorflow as tf

tf.get_logger().setLevel("ERROR")  # its INFO lines would otherwise reach the notebooks' output
# Said of files that an older Keras saved, as the shipped checkpoints are; the call is right all the same.
warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match", category=UserWarning)

__all__ = ["keras", "tf"]
