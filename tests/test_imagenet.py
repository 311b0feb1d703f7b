"""The repository's base is the MobileNetV2 that Keras downloads, weight by weight.

``CATSDOGS_ONLINE=1`` downloads it, as the weekly workflow does; a file in its place shows that the comparison can fail.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from catsdogs.backbone import keep_for_keras, keras_path, load_backbone
from catsdogs.config import Config

# As it is before the tests' isolation hides the proxies, without which some machines reach no server.
ENVIRONMENT = dict(os.environ)
DOWNLOAD = """
import sys
import keras, numpy
base = keras.applications.MobileNetV2(input_shape=(224, 224, 3), include_top=False, weights="imagenet")
numpy.savez(sys.argv[1], *base.get_weights())
"""


def weights_of_keras(folder):
    """What Keras's base holds, in a process of its own: Keras reads ``KERAS_HOME`` only as it is imported."""
    home = keras_path().parents[1]
    home.mkdir(parents=True, exist_ok=True)  # into a folder that is not there, Keras does not download
    done = subprocess.run([sys.executable, "-c", DOWNLOAD, folder / "weights.npz"], capture_output=True, text=True,
                          env={**ENVIRONMENT, "KERAS_HOME": str(home)})
    assert done.returncode == 0, done.stderr[-3000:]
    assert keras_path().exists()  # and nowhere else, where another one may have lain
    with np.load(folder / "weights.npz") as stored:
        return [stored[name] for name in stored.files]


def differing(base, weights):
    """The names of a network's variables that do not hold exactly these values."""
    return [variable.path for variable, value in zip(base.weights, weights, strict=True)
            if not np.array_equal(variable.numpy(), value)]


@pytest.mark.skipif(ENVIRONMENT.get("CATSDOGS_ONLINE") != "1", reason="CATSDOGS_ONLINE=1 lets it download")
def test_the_repositorys_base_is_what_keras_downloads(repository_models, isolated, tmp_path):
    assert not keras_path().exists() and keras_path().is_relative_to(isolated)
    base = load_backbone(Config(), shipped=True).base
    assert differing(base, weights_of_keras(tmp_path)) == []


@pytest.mark.slow
def test_one_other_number_in_one_weight_is_found(new_backbone, tmp_path):
    base = new_backbone.base
    keep_for_keras(base)
    downloaded = weights_of_keras(tmp_path)
    assert differing(base, downloaded) == []
    kernel = base.get_layer("block_16_project").kernel
    values = kernel.numpy()
    values.flat[-1] = np.nextafter(values.flat[-1], np.float32(1))
    kernel.assign(values)
    assert differing(base, downloaded) == [kernel.path]
