"""What a Keras file from somebody else may hold: only arithmetic, and only as much as fits.

Keras opens a ``.keras`` file in safe mode, but that mode has had holes, closed in Keras 3.9 and 3.11 only
(CVE-2025-1550, CVE-2025-8747), and HDF5 itself lets one file point into another (CVE-2026-1669). So a file is
looked at before Keras sees it: it may name the kinds of layers listed here and nothing else, whatever version
of Keras opens it.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from catsdogs.storage.limits import MAX_CHECKPOINT_BYTES, MAX_CHECKPOINT_TEXT_BYTES

CONFIG_MEMBER, WEIGHTS_MEMBER = "config.json", "model.weights.h5"

# Layers that compute with what they are given; none of them runs code, opens a file or asks a server.
LAYERS = {
    "Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D", "Cropping2D",
    "Dense", "DepthwiseConv2D", "Dropout", "Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "InputLayer",
    "LayerNormalization", "LeakyReLU", "MaxPooling2D", "Multiply", "ReLU", "RandomFlip", "RandomRotation", "RandomZoom",
    "Rescaling", "Reshape", "Resizing", "SeparableConv2D", "Softmax", "Subtract", "ZeroPadding2D",
}
INITIALIZERS = {
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Ones",
    "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros",
}
ALLOWED = {
    "keras": {"DTypePolicy", "Sequential"},
    "keras.layers": LAYERS,
    "keras.initializers": INITIALIZERS,
    "keras.regularizers": {"L1", "L2", "L1L2"},
    # A model keeps what it was compiled with.
    "keras.optimizers": {"Adam", "AdamW", "LossScaleOptimizer", "RMSprop", "SGD"},
    "keras.optimizers.schedules": {"CosineDecay", "ExponentialDecay", "PiecewiseConstantDecay"},
    "keras.losses": {"BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"},
    "keras.metrics": {"AUC", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy"},
    "keras.src.models.functional": {"Functional"},
    "keras.src.ops.numpy": {"Flip"},  # the mirror image in the better recipe
    None: {"__keras_tensor__"},
}


class RefusedFile(ValueError):
    """What a file holds that it may not; for developers, the reader gets a sentence of its own."""


def check_checkpoint(path: Path) -> None:
    """Raise RefusedFile, or what ``zipfile``, ``json`` and ``h5py`` raise, unless a ``.keras`` file is harmless."""
    with zipfile.ZipFile(path) as archive:
        check_members(archive)
        check_layers(json.loads(archive.read(CONFIG_MEMBER)))
        check_weights(io.BytesIO(archive.read(WEIGHTS_MEMBER)))


def check_members(archive: zipfile.ZipFile) -> None:
    """Raise RefusedFile unless a checkpoint's members are of a usual size; BadZipFile unless each is whole."""
    members = archive.infolist()
    texts = [member for member in members if member.filename.endswith(".json")]
    if sum(member.file_size for member in members) > MAX_CHECKPOINT_BYTES \
            or any(text.file_size > MAX_CHECKPOINT_TEXT_BYTES for text in texts):
        raise RefusedFile("it is too large")
    if len({member.filename for member in members}) < len(members):
        raise RefusedFile("two members have one name")
    if damaged := archive.testzip():
        raise zipfile.BadZipFile(f"{damaged} is damaged")


def check_layers(config: object) -> None:
    """Raise RefusedFile if a model's configuration names anything that is not in ``ALLOWED``."""
    todo = [config]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        if isinstance(value, dict):
            todo += value.values()
            if "class_name" in value:
                check_name(value)


def check_name(named: dict) -> None:
    """Raise RefusedFile unless a serialized object is of a kind in ``ALLOWED``."""
    module, name = named.get("module"), named["class_name"]
    if not isinstance(name, str) or name not in ALLOWED.get(module if isinstance(module, str) else None, ()):
        raise RefusedFile(f"it names {module}.{name}")
    if named.get("registered_name") not in (None, name):
        raise RefusedFile(f"it names {named['registered_name']}")


def check_weights(file: Path | io.BytesIO) -> None:
    """Raise RefusedFile unless an HDF5 file holds nothing but its own numbers and texts, and not too many of them.

    Raises:
        OSError: it is no HDF5 file.
    """
    import h5py

    with h5py.File(file, "r") as weights:
        total = 0
        for dataset in datasets(weights):
            if dataset.is_virtual or dataset.external:
                raise RefusedFile(f"{dataset.name} lies in another file")
            if dataset.dtype.kind not in "biufSO" or (dataset.dtype.kind == "O" and not h5py.check_string_dtype(
                    dataset.dtype)):
                raise RefusedFile(f"{dataset.name} holds neither numbers nor text")
            total += dataset.size * dataset.dtype.itemsize
        if total > MAX_CHECKPOINT_BYTES:
            raise RefusedFile("it would take too much memory")


def datasets(weights) -> Iterator:
    """Every dataset of an open HDF5 file, each group visited once; RefusedFile for a link to somewhere else."""
    import h5py

    todo, seen = [weights], set()
    while todo:
        group = todo.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise RefusedFile(f"{name} is a link to somewhere else")
            found = group[name]
            if isinstance(found, h5py.Group):
                todo.append(found)
            elif isinstance(found, h5py.Dataset):
                yield found
