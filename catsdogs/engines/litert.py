"""Models as LiteRT files, which on a CPU load at once and run faster than Keras, without TensorFlow."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catsdogs.files import read_sealed, write_sealed
from catsdogs.silence import silenced_native_output

if TYPE_CHECKING:
    from catsdogs.quiet import keras


def is_installed() -> bool:
    """Whether LiteRT can run models here; some machines have no wheel of it."""
    return importlib.util.find_spec("ai_edge_litert") is not None


def exported(path: Path, load: Callable[[], keras.Model]) -> bytes:
    """A model as LiteRT, kept in the file ``path`` and made again if that is missing or damaged.

    The file carries its checksum, because LiteRT itself notices no damage.

    Args:
        load: gives the Keras model; called only when there is something to convert.
    """
    content = read_sealed(path)
    if content is None:
        content = convert(load())
        with contextlib.suppress(OSError):  # without a place to keep it, the next time is slow again
            write_sealed(path, content)
    return content


def convert(model: keras.Model, float16: bool = False) -> bytes:
    """A Keras model as LiteRT; ``float16`` halves the bytes of the weights, the sums are in float32 all the same."""
    from catsdogs.quiet import tf

    # Converting the model itself crashes the process in TensorFlow 2.16; a SavedModel takes several times as long.
    with silenced_native_output():
        call = tf.function(lambda rows: model(rows, training=False), autograph=False)
        traced = call.get_concrete_function(tf.TensorSpec(model.inputs[0].shape, tf.float32))
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
        if float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


def usual_threads() -> int:
    """As many threads as ``TF_NUM_INTRAOP_THREADS`` allows, else one per core."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS") or os.cpu_count() or 1)


def make_runner(content: bytes, batch: int, threads: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """A LiteRT model with one input and one output as a function: float32 (n, …) → float32 (n, …), n up to ``batch``.

    Every call costs as much as ``batch`` rows.

    Args:
        threads: when None, as many as TensorFlow is told to use, else one per core; no bit of the result changes.
    """
    from ai_edge_litert.interpreter import Interpreter

    with silenced_native_output():
        interpreter = Interpreter(model_content=content, num_threads=threads or usual_threads())
        first = interpreter.get_input_details()[0]
        interpreter.resize_tensor_input(first["index"], (batch, *first["shape"][1:]))
        interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def run(rows: np.ndarray) -> np.ndarray:
        full = np.zeros(source["shape"], np.float32)
        full[:len(rows)] = rows
        interpreter.set_tensor(source["index"], full)
        interpreter.invoke()
        return interpreter.get_tensor(result["index"])[:len(rows)].copy()

    return run
