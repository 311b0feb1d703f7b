"""Both phases, or one checkpoint, as one model for the reader's browser, Grad-CAM included."""

import hashlib
from pathlib import Path

import numpy as np

from catsdogs.backbone import cut, find_base
from catsdogs.checkpoint import config_of, load_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, Config, checkpoint_path
from catsdogs.engines import litert
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path, file_digest, write_json
from catsdogs.quiet import keras
from catsdogs.text import display_name

MODEL_FILE = "modelo.tflite"
ABOUT_FILE = "modelo.json"
UNLIKE = ("{} não tem a estrutura do desafio, a única que a página sabe rodar (pixels de 0 a 255, MobileNetV2, média "
          "de cada mapa, Dense com ReLU, Dense com softmax de duas classes): indique o checkpoint de uma das fases.")
# The largest difference of two probabilities that comes from rounding alone.
ROUNDING = 1e-3


def export_web(folder: Path) -> dict:
    """Write the two checkpoints as ``MODEL_FILE``, and ``ABOUT_FILE`` with what a page must know of it.

    Returns:
        what ``ABOUT_FILE`` holds.

    Raises:
        CatsdogsError: a checkpoint is missing or damaged, or they do not belong to the same training.
    """
    loaded = [load_checkpoint(checkpoint_path(name)) for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT)]
    models, (first, second) = [model for model, _ in loaded], [metadata for _, metadata in loaded]
    if first.get("key") != second.get("key") or first.get("config") != second.get("config"):
        raise CatsdogsError("Os checkpoints das duas fases vêm de treinos diferentes: rode `catsdogs train` antes.")
    config = config_of(second)
    return _write(folder, web_model(models, config, with_maps=True), config, second["class_names"],
                  models=["Fase 1", "Fase 2"], backbone=second["backbone"], data=second["data"])


def export_one(checkpoint: Path, folder: Path) -> dict:
    """Write one checkpoint as ``MODEL_FILE``, and ``ABOUT_FILE`` with what a page must know of it.

    Args:
        checkpoint: of this project, or a model that plain Keras saved, with its classes beside it.

    Returns:
        what ``ABOUT_FILE`` holds.

    Raises:
        CatsdogsError: the checkpoint is missing or damaged, or its model is not the challenge's.
    """
    model, metadata = load_checkpoint(checkpoint)
    config = config_of(metadata)
    try:
        whole = web_model([model], config)
    except (CatsdogsError, ValueError) as error:  # Keras has the latter for shapes that do not fit
        raise CatsdogsError(UNLIKE.format(checkpoint.name)) from error
    if not _answers_alike(whole, model, config.image_size):
        raise CatsdogsError(UNLIKE.format(checkpoint.name))
    return _write(folder, whole, config, metadata["class_names"], models=["Modelo"],
                  checkpoint=file_digest(checkpoint))


def _answers_alike(whole: keras.Model, model: keras.Model, size: int) -> bool:
    """Whether the browser's model says of dark, usual and bright noise what the checkpoint's does."""
    rng = np.random.default_rng(0)
    for brightest in (60, 255, 400):
        photo = rng.uniform(0, brightest, (1, size, size, 3)).clip(0, 255).astype(np.float32)
        given, wanted = whole(photo, training=False)[0][0], model(photo, training=False)
        if np.shape(given) != np.shape(wanted) or np.abs(np.asarray(given) - np.asarray(wanted)).max() > ROUNDING:
            return False
    return True


def _write(folder: Path, model: keras.Model, config: Config, class_names: list[str], **more) -> dict:
    content = litert.convert(model, float16=True)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / MODEL_FILE) as temporary:
        temporary.write_bytes(content)
    about = {
        "file": MODEL_FILE, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
        "image_size": config.image_size, "classes": [display_name(name) for name in class_names], **more,
    }
    write_json(folder / ABOUT_FILE, about)
    return about


def web_model(models: list[keras.Model], config: Config, with_maps: bool = False) -> keras.Model:
    """Several whole models that share their trunk, as one that takes one photo and also says where it looked.

    The input is a resized photo, float32 (1, size, size, 3), values 0 to 255. The outputs, told apart by their
    shapes, are the probabilities (1, models, 2) and the heat (1, models, s, s): ``explain.signed_map`` for the
    second class, so that its negative is the map for the first one. ``with_maps`` adds what the first model's base
    says of the photo, (1, s, s, channels).
    """
    pixels = keras.Input(batch_shape=(1, config.image_size, config.image_size, 3))
    trunk, _ = cut(find_base(models[0]), config.unfrozen_layers)
    shared = trunk(keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels))
    answers, maps = [], []
    for number, model in enumerate(models):
        tail = cut(find_base(model), config.unfrozen_layers)[1]
        renamed = keras.Model(tail.input, tail.output, name=f"tail_{number}")  # no two layers may share a name
        maps.append(renamed(shared))
        answers.append(_probabilities_and_heat(maps[-1], *head_layers(model)))
    outputs = [keras.ops.stack(each, axis=1) for each in zip(*answers, strict=True)]
    return keras.Model(pixels, outputs + maps[:with_maps])


def head_layers(model: keras.Model) -> tuple[keras.layers.Dense, keras.layers.Dense]:
    """The two layers of the challenge's head, whether they stand in a model of their own or after the base.

    Raises:
        CatsdogsError: the model ends otherwise.
    """
    dense = [layer for layer in _opened(model) if isinstance(layer, keras.layers.Dense)]
    activations = [layer.activation for layer in dense]
    if activations != [keras.activations.relu, keras.activations.softmax] or dense[-1].units != 2:
        raise CatsdogsError("O modelo não termina com Dense e ReLU, depois Dense e softmax de duas classes: use um "
                            "checkpoint feito por este projeto.")
    return tuple(dense)


def _opened(model: keras.Model):
    """Its layers, with those of a sequence within it."""
    for layer in model.layers:
        yield from _opened(layer) if isinstance(layer, keras.Sequential) else (layer,)


def _probabilities_and_heat(features, hidden: keras.layers.Dense, last: keras.layers.Dense):
    """What a head makes of features (1, s, s, channels): (1, 2) and (1, s, s).

    Grad-CAM without a gradient, for a head of one ReLU layer after the mean: the first layer's matrix comes
    before the mean, so that it is stored once for the answer and for the map.
    """
    weights, bias = last.get_weights()
    kernel, hidden_bias = hidden.get_weights()
    by_position = keras.ops.matmul(features, kernel)
    before_relu = keras.ops.mean(by_position, axis=(1, 2)) + hidden_bias
    active = keras.ops.cast(before_relu > 0, "float32")
    probabilities = keras.ops.softmax(keras.ops.matmul(before_relu * active, weights) + bias)
    says = active * (weights[:, 1] - weights[:, 0]) / np.float32(np.prod(features.shape[1:3]))
    return probabilities, keras.ops.sum(by_position * says[:, None, None, :], axis=-1)
