"""The activations that ship with the repository, for machines without photos or network.

The photos cannot be redistributed; what the frozen trunk made of them can. Each
activation is kept in 8 bits, with one scale and offset per channel.
"""

import contextlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from catsdogs.config import BUNDLE_FILE, shipped_models_dir
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path


def bundle_path() -> Path:
    """Where the repository keeps the bundle."""
    return shipped_models_dir() / BUNDLE_FILE


def save_bundle(path: Path, photos, activations: np.ndarray, attributes: np.ndarray, about: dict) -> None:
    """Write photos' names, labels and quantised activations to one compressed file.

    Args:
        photos: a ``data.Photos``, row for row with ``activations``.
        activations: float32 (n, height, width, channels), the trunk's output.
        attributes: float32 (n, 4), from ``study.attributes``.
        about: plain values to keep beside it; must hold ``fingerprint`` (of the trunk)
            and ``image_size``.
    """
    flat = activations.reshape(-1, activations.shape[-1])
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = np.maximum(high - low, 1e-12) / 255
    levels = np.round((activations - low) / scale).astype(np.uint8)
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, levels=levels, scale=scale.astype(np.float32), low=low.astype(np.float32),
                            names=np.array(photos.names), labels=photos.labels, digests=np.array(photos.digests),
                            class_names=np.array(photos.class_names), attributes=attributes.astype(np.float32),
                            about=np.array(json.dumps(about)))


@contextlib.contextmanager
def _opened() -> Iterator[np.lib.npyio.NpzFile]:
    """The bundle, or one sentence on what to do when it is damaged; nothing pickled in it is read."""
    try:
        with np.load(bundle_path(), allow_pickle=False) as stored:
            yield stored
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, ValueError, OSError) as error:
        raise CatsdogsError(f"{bundle_path()} está danificado: recupere-o com `git restore models` ou clone o "
                            "repositório de novo.") from error


def load_bundle_index() -> dict | None:
    """Names, labels, digests and class names of the bundled photos; None when there is no bundle."""
    if not bundle_path().exists():
        return None
    with _opened() as stored:
        return {"names": tuple(stored["names"].tolist()), "labels": stored["labels"],
                "digests": tuple(stored["digests"].tolist()), "class_names": tuple(stored["class_names"].tolist())}


def load_bundle_about() -> dict:
    """What the bundle says of its making: trunk fingerprint, image size, backbone and data."""
    with _opened() as stored:
        return json.loads(stored["about"].item())


def load_bundle_activations(digests: tuple[str, ...], image_size: int, fingerprint: str) -> np.ndarray:
    """The bundled activations of the photos with these digests, back in float32.

    Raises:
        CatsdogsError: the bundle is damaged, or was made with another trunk or image size.
    """
    about = load_bundle_about()
    if about["image_size"] != image_size:
        raise CatsdogsError(f"As ativações que acompanham o repositório são de {about['image_size']} px: "
                            f"para treinar com {image_size} px, indique uma pasta de fotos com CATSDOGS_DATA.")
    if about["fingerprint"] != fingerprint:
        raise CatsdogsError("As ativações que acompanham o repositório servem só para o backbone que veio com ele e o "
                            "número padrão de camadas descongeladas: indique uma pasta de fotos com CATSDOGS_DATA.")
    with _opened() as stored:
        row_of = {digest: row for row, digest in enumerate(stored["digests"].tolist())}
        levels = stored["levels"][[row_of[digest] for digest in digests]]
        return levels * stored["scale"] + stored["low"]


def load_bundle_attributes(digests: tuple[str, ...]) -> np.ndarray | None:
    """The bundled attributes of the photos with these digests, float32 (n, 4); None when the bundle has none."""
    with _opened() as stored:
        if "attributes" not in stored:
            return None
        row_of = {digest: row for row, digest in enumerate(stored["digests"].tolist())}
        return stored["attributes"][[row_of[digest] for digest in digests]]
