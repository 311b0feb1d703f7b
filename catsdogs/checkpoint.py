"""Whole models on disk: the usual ``.keras`` file, plus class names and origin."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path

if TYPE_CHECKING:
    from catsdogs.quiet import keras

METADATA_MEMBER = "catsdogs.json"


def save_checkpoint(model: keras.Model, path: Path, class_names: tuple[str, str], about: dict) -> None:
    """Save a whole model and, in the same file, its class names and origin.

    The file is a usual ``.keras`` archive with one more member, ``catsdogs.json``; plain
    ``keras.saving.load_model`` ignores it. A crash while saving leaves the old file intact.
    """
    with atomic_path(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(METADATA_MEMBER, json.dumps({"class_names": class_names, **about}, ensure_ascii=False))


def read_metadata(path: Path) -> dict:
    """What ``save_checkpoint`` wrote about a checkpoint; at least ``class_names``.

    Raises:
        CatsdogsError: the file is missing, damaged, or was not written by ``save_checkpoint``.
    """
    if not path.exists():
        raise CatsdogsError(f"Não encontrei o checkpoint {path}: rode `catsdogs train` para criá-lo.")
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(METADATA_MEMBER))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, ValueError, OSError) as error:
        raise _bad_checkpoint(path) from error


def load_checkpoint(path: Path) -> tuple[keras.Model, dict]:
    """A checkpoint's model, frozen as it was saved, and its metadata.

    Raises:
        CatsdogsError: as ``read_metadata``, or Keras refuses the model.
    """
    metadata = read_metadata(path)
    from catsdogs.quiet import keras  # here, so that reading metadata does not wait for TensorFlow

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True), metadata
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, ValueError, OSError,
            TypeError) as error:
        raise _bad_checkpoint(path) from error


def _bad_checkpoint(path: Path) -> CatsdogsError:
    return CatsdogsError(f"{path.name} está danificado ou não foi feito por este projeto: "
                         "rode `catsdogs train` para refazê-lo.")
