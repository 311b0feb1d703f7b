"""MobileNetV2, where its weights come from, and the cut into a frozen trunk and a trainable tail."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import absl.logging

from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import MIN_IMAGE_SIZE, PHASE1_CHECKPOINT, Config, shipped_models_dir
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path
from catsdogs.quiet import keras
from catsdogs.storage.guard import check_weights

# Keras goes by the name: what ends otherwise it opens as a zip or a folder, and ``check_weights`` reads HDF5.
WEIGHTS_SUFFIXES = (".h5", ".hdf5")
# As Keras Applications calls the weights that ``weights="imagenet"`` downloads (mobilenet_v2.py).
KERAS_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


@dataclass(frozen=True)
class Backbone:
    """The pre-trained network and its two halves, which share its layers and weights.

    Attributes:
        base: preprocessed photos (n, size, size, 3) in [-1, 1] → feature maps (n, s, s, 1280).
        trunk: the frozen half, photos → activations (n, t, t, c) at the cut.
        tail: the half that phase 2 trains, activations → feature maps.
        origin: one Portuguese sentence on where the weights come from.
        fingerprint: SHA-256 over the trunk's layer names and weights.
    """

    base: keras.Model
    trunk: keras.Model
    tail: keras.Model
    origin: str
    fingerprint: str


def load_backbone(config: Config, weights: str | Path | None = None, shipped: bool = False) -> Backbone:
    """MobileNetV2 without its classifier, frozen and cut.

    Args:
        weights: a weights file for ``keras.applications.MobileNetV2(include_top=False)``;
            else the environment variable ``CATSDOGS_WEIGHTS``; else the base inside the phase 1
            checkpoint of the repository; where only the package is installed, Keras's download.
        shipped: take the repository's whatever else is named; the bundled activations were made with it.

    Raises:
        CatsdogsError: the named file does not fit, or Keras cannot download its weights.
    """
    if config.image_size < MIN_IMAGE_SIZE:
        raise CatsdogsError(f"A MobileNetV2 não aceita imagens de {config.image_size} px: "
                            f"use {MIN_IMAGE_SIZE} px ou mais.")
    weights = weights or os.environ.get("CATSDOGS_WEIGHTS")
    checkpoint = shipped_models_dir() / PHASE1_CHECKPOINT
    if weights and not shipped:
        base, origin = _base_from_file(config, Path(weights).expanduser())
    elif checkpoint.exists():
        base, origin = _base_of(checkpoint, config)
    else:
        base, origin = _imagenet_base(config)
    return _cut_backbone(base, origin, config)


def backbone_of(path: Path, config: Config) -> Backbone:
    """The backbone inside a checkpoint of ours; that of phase 1 is as it was before any training.

    Raises:
        CatsdogsError: the checkpoint is missing, damaged or not ours.
    """
    return _cut_backbone(*_base_of(path, config), config)


def _cut_backbone(base: keras.Model, origin: str, config: Config) -> Backbone:
    base.trainable = False
    trunk, tail = cut(base, config.unfrozen_layers)
    return Backbone(base, trunk, tail, origin, fingerprint(trunk))


def new_base(image_size: int | None, weights: str | Path | None = None) -> keras.Model:
    """MobileNetV2 (alpha 1.0, no classifier) with these weights; random ones when None."""
    return keras.applications.MobileNetV2(input_shape=(image_size, image_size, 3), include_top=False, weights=weights)


def _base_from_file(config: Config, path: Path) -> tuple[keras.Model, str]:
    if not path.exists():
        raise CatsdogsError(f"Não encontrei os pesos {path}: confira o caminho.")
    if not path.name.endswith(WEIGHTS_SUFFIXES):
        raise CatsdogsError(f"{path.name} não tem nome de arquivo de pesos: indique um que termine em "
                            ".weights.h5, .h5 ou .hdf5.")
    base = new_base(config.image_size)  # what fails here says nothing about the file
    try:
        check_weights(path)
        base.load_weights(path)
        return base, f"pesos de {path.name}"
    except MemoryError:
        raise
    except Exception as error:  # weights of something else may fail anywhere inside Keras
        raise CatsdogsError(f"{path.name} não contém pesos da MobileNetV2 sem classificador (include_top=False): "
                            "indique outro arquivo.") from error


def _imagenet_base(config: Config) -> tuple[keras.Model, str]:
    """The weights for 224 px at any size: for some others Keras has files of their own, which are other networks."""
    try:
        official = new_base(Config.image_size, "imagenet")
    except MemoryError:
        raise
    except Exception as error:  # Keras raises it as such when the download fails
        raise CatsdogsError("O Keras não trouxe os pesos da ImageNet: confira a internet (e, se um download parou no "
                            "meio, apague a pasta models do Keras) ou indique um arquivo com "
                            "CATSDOGS_WEIGHTS.") from error
    return base_at(official, config.image_size), "pesos oficiais da ImageNet (keras.applications)"


def _base_of(path: Path, config: Config) -> tuple[keras.Model, str]:
    model, metadata = load_checkpoint(path)
    return base_at(find_base(model), config.image_size), metadata["backbone"]


def base_at(base: keras.Model, image_size: int | None) -> keras.Model:
    """Another frozen network with the same weights for images of this size, or, with None, of any multiple of 32."""
    other = new_base(image_size)
    other.set_weights(base.get_weights())
    other.trainable = False
    return other


def keras_path() -> Path:
    """Where ``weights="imagenet"`` looks for the base before downloading it: Keras's own folder, by Keras's name."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser() / "models" / KERAS_FILE


def keep_for_keras(base: keras.Model) -> Path:
    """Put the base at ``keras_path``, so that Keras need not download it; a file that is there stays as it is.

    Args:
        base: MobileNetV2 without its classifier, with ImageNet's weights.

    Raises:
        OSError, RuntimeError: it cannot be written there; for a full disk, h5py has either.
    """
    path = keras_path()
    if os.path.lexists(path):
        return path
    verbosity = absl.logging.get_verbosity()
    absl.logging.set_verbosity(absl.logging.ERROR)  # Keras calls the format old, and keeps this file in it
    try:
        with atomic_path(path) as temporary:
            base.save(temporary)
    finally:
        absl.logging.set_verbosity(verbosity)
    return path


def copy_of_base(base: keras.Model) -> keras.Model:
    """Another frozen network with the same weights, to train on without touching ``base``."""
    return base_at(base, base.input_shape[1])


def find_base(model: keras.Model) -> keras.Model:
    """The MobileNetV2 nested in one of our photo → probabilities models.

    Raises:
        CatsdogsError: the model holds none.
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model) and layer.name.startswith("mobilenetv2"):
            return layer
    raise CatsdogsError("O modelo não contém uma MobileNetV2: use um checkpoint feito por este projeto.")


def cut(base: keras.Model, unfrozen_layers: int) -> tuple[keras.Model, keras.Model]:
    """Split ``base`` into trunk and tail, the tail holding at least the last ``unfrozen_layers`` layers.

    The cut is made at the nearest point at or before the wanted layer where a single
    tensor carries everything, that is, between two blocks rather than inside a shortcut.

    Returns:
        (trunk, tail), both sharing the layers of ``base``.

    Raises:
        CatsdogsError: ``unfrozen_layers`` is not between 1 and what leaves a trunk.
    """
    first_tail = len(base.layers) - unfrozen_layers
    if not 1 <= first_tail < len(base.layers):
        raise CatsdogsError(f"Não dá para descongelar {unfrozen_layers} camadas: escolha um número "
                            f"de 1 a {len(base.layers) - 1}.")
    last_trunk = next(i for i in range(first_tail - 1, -1, -1) if _is_single_path(base, i))
    # Tensors are taken from layers: a base that an older Keras saved wraps its own in lists.
    first, boundary, last = (base.layers[i].output for i in (0, last_trunk, -1))
    return keras.Model(first, boundary, name="trunk"), keras.Model(boundary, last, name="tail")


def _is_single_path(base: keras.Model, index: int) -> bool:
    """Whether every layer after ``index`` takes its input from ``index`` or from a later layer."""
    earlier = {id(layer.output) for layer in base.layers[:index]}
    return not any(id(tensor) in earlier for layer in base.layers[index + 1:] for tensor in _inputs(layer))


def _inputs(layer: keras.Layer) -> list:
    return layer.input if isinstance(layer.input, list) else [layer.input]


def unfreeze(tail: keras.Model) -> None:
    """Make the tail trainable, except its BatchNormalization layers.

    ``training=False`` at call time does not hold BatchNorm still in Keras 3 once layers
    are unfrozen (keras-team/keras#20285); ``trainable=False`` on each of them does.
    """
    tail.trainable = True
    # Each layer on its own: assigning the value that the model already has reaches no layer.
    for layer in tail.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)


def fingerprint(trunk: keras.Model) -> str:
    """SHA-256 over the names and weights of the trunk's layers, in hexadecimal."""
    digest = hashlib.sha256()
    for layer in trunk.layers[1:]:  # the input layer's name counts up within a process
        digest.update(layer.name.encode())
        for array in layer.get_weights():
            digest.update(array.tobytes())
    return digest.hexdigest()
