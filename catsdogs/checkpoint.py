"""Whole models on disk: the usual ``.keras`` file, plus class names and origin; or one that plain Keras saved."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from catsdogs.config import BetterConfig, Config
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path, read_json
from catsdogs.storage import guard
from catsdogs.storage.limits import MAX_IMAGE_SIZE

if TYPE_CHECKING:
    from catsdogs.quiet import keras

METADATA_MEMBER = "catsdogs.json"
# Beside a model that plain Keras saved: the two class names, in the order of its answers.
CLASSES_FILE = "classes.json"
CLASSES_EXAMPLE = '["cats", "dogs"]'
# Keras goes by the name: what ends otherwise it opens as HDF5, also where ``guard`` found a harmless zip.
CHECKPOINT_SUFFIX = ".keras"


def save_checkpoint(model: keras.Model, path: Path, class_names: tuple[str, str], about: dict) -> None:
    """Save a whole model and, in the same file, its class names and origin.

    The file is a usual ``.keras`` archive with one more member, ``catsdogs.json``; plain
    ``keras.saving.load_model`` ignores it. A crash while saving leaves the old file intact.
    """
    with atomic_path(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(METADATA_MEMBER, json.dumps({"class_names": class_names, **about}))


def read_metadata(path: Path) -> dict:
    """What ``save_checkpoint`` wrote about a checkpoint; at least its two ``class_names``.

    Of a model that plain Keras saved, the names in ``CLASSES_FILE`` beside it, and the size of its input.

    Raises:
        CatsdogsError: the file is missing or damaged, or nothing tells its class names.
    """
    if not path.exists():
        raise CatsdogsError(f"Não encontrei o checkpoint {path}: rode `catsdogs train` para criá-lo.")
    try:
        with zipfile.ZipFile(path) as archive:
            guard.check_members(archive)
            ours = METADATA_MEMBER in archive.namelist()
            metadata = json.loads(archive.read(METADATA_MEMBER)) if ours else _plain_metadata(path, archive)
        first, second = metadata["class_names"]
        if not all(isinstance(name, str) for name in (first, second)):
            raise guard.RefusedFile("class names are no text")
        config_of(metadata)
    except CatsdogsError:
        raise
    except Exception as error:  # the readers of zip, of each compression and of JSON have many
        raise _bad_checkpoint(path) from error
    return metadata


def _plain_metadata(path: Path, archive: zipfile.ZipFile) -> dict:
    """Class names from the file beside a model that plain Keras saved, and the size that its input has, if it has one.

    Raises:
        CatsdogsError: there are no two class names, or the input is not square.
    """
    layers = json.loads(archive.read(guard.CONFIG_MEMBER))["config"]["layers"]
    class_names = plain_classes(path)
    _, size, width, _ = layers[0]["config"]["batch_shape"]
    if size != width:
        raise CatsdogsError(f"{path.name} recebe imagens de {width} × {size} px, e aqui elas são quadradas: use um "
                            "modelo com entrada quadrada, como a de 224 × 224.")
    return {"class_names": class_names, "config": {"image_size": size} if size else {}}


def plain_classes(path: Path) -> list[str]:
    """The two class names in the file beside a model that plain Keras saved.

    Raises:
        CatsdogsError: the file is missing, or does not hold two names.
    """
    try:
        first, second = read_json(path.parent / CLASSES_FILE)
        if not (isinstance(first, str) and isinstance(second, str)):
            raise TypeError("class names are no text")
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise CatsdogsError(f"{path.name} não diz os nomes das classes: ponha ao lado dele um {CLASSES_FILE} com os "
                            f"dois, na ordem das respostas, como {CLASSES_EXAMPLE}.") from error
    return [first, second]


def is_plain(path: Path) -> bool:
    """Whether a file looks like a model that plain Keras saved, without our metadata."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # zipfile has many
        return False
    return guard.CONFIG_MEMBER in names and METADATA_MEMBER not in names


def config_of(metadata: dict) -> Config:
    """The settings of a run, from its checkpoint's metadata; what is not told is the challenge's.

    Raises:
        TypeError: an unknown setting, or one of another type.
        ValueError: an image size that no network of ours has.
    """
    told = metadata.get("config", {})
    config = (BetterConfig if "mirror" in told else Config)(**told)
    for name, value in told.items():
        if not (value is None or isinstance(value, (int, float))):
            raise TypeError(f"{name} is {value!r}")
    if not 0 < config.image_size <= MAX_IMAGE_SIZE:
        raise ValueError(f"image_size is {config.image_size}")
    return config


def load_checkpoint(path: Path) -> tuple[keras.Model, dict]:
    """A checkpoint's model, frozen as it was saved, and its metadata.

    Nothing in the file is run: see ``guard``.

    Raises:
        CatsdogsError: as ``read_metadata``; or it holds more than numbers and known layers; or
            Keras refuses the model.
    """
    metadata = read_metadata(path)
    if not path.name.endswith(CHECKPOINT_SUFFIX):
        raise CatsdogsError(f"{path.name} não tem nome de checkpoint: indique um arquivo que termine em "
                            f"{CHECKPOINT_SUFFIX}.")
    try:
        guard.check_checkpoint(path)
    except guard.RefusedFile as error:
        raise CatsdogsError(f"{path.name} contém o que um modelo deste projeto não tem e não foi aberto, porque "
                            "poderia executar código de outra pessoa: use um checkpoint feito por este projeto."
                            ) from error
    except Exception as error:  # and that of HDF5, too
        raise _bad_checkpoint(path) from error
    from catsdogs.quiet import keras  # here, so that reading metadata does not wait for TensorFlow

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True), metadata
    except Exception as error:  # a configuration that makes no sense may fail anywhere inside Keras
        raise _bad_checkpoint(path) from error


def _bad_checkpoint(path: Path) -> CatsdogsError:
    return CatsdogsError(f"{path.name} está danificado ou não foi feito por este projeto: "
                         "rode `catsdogs train` para refazê-lo.")
