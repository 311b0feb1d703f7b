"""What ImageNet's network says of some of the bundled photos, for trainings in the reader's browser."""

import gzip
import hashlib
from pathlib import Path

import numpy as np

from catsdogs.backbone import load_backbone
from catsdogs.config import Config
from catsdogs.data import bundled_photos, draw_photos, split_photos
from catsdogs.errors import CatsdogsError
from catsdogs.features import activations, pooled_features
from catsdogs.files import atomic_path, write_json
from catsdogs.storage.bundle import load_bundle_about
from catsdogs.text import display_name

LEVELS_FILE = "fotos.gz"
ABOUT_FILE = "fotos.json"
TO_TRAIN_ON = 700


def export_photos(folder: Path) -> dict:
    """Write the features of ``TO_TRAIN_ON`` bundled photos, and then of the challenge's whole test part.

    ``LEVELS_FILE`` holds them in 8 bits, photo after photo; a channel's level times its scale is its value.
    ``ABOUT_FILE`` says what a page must know of them. Always the same photos, by the repository's own network:
    neither a rehearsal nor other weights change them.

    Returns:
        what ``ABOUT_FILE`` holds.

    Raises:
        CatsdogsError: there is no bundle, or it is damaged.
    """
    config, photos = Config(), bundled_photos()
    if photos is None:
        raise CatsdogsError("Faltam as ativações que acompanham o repositório: recupere-as com `git restore models`.")
    split = split_photos(photos, config)
    seen = draw_photos(split.train, photos.labels, TO_TRAIN_ON, config.seed)
    rows = np.concatenate([seen, split.test])
    levels, scales = quantised(_features(photos, rows, config))
    content = gzip.compress(levels.tobytes(), 9, mtime=0)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / LEVELS_FILE) as temporary:
        temporary.write_bytes(content)
    origin = load_bundle_about()
    about = {
        "file": LEVELS_FILE, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
        "classes": [display_name(name) for name in photos.class_names],
        "train": len(seen), "test": len(split.test), "labels": photos.labels[rows].tolist(),
        "scales": scales.tolist(), "backbone": origin["backbone"], "data": origin["data"],
    }
    write_json(folder / ABOUT_FILE, about)
    return about


def _features(photos, rows: np.ndarray, config: Config) -> np.ndarray:
    """Phase 1's features of the photos in these rows, float32 (n, 1280), values 0 to 6."""
    backbone = load_backbone(config, shipped=True)
    order = np.argsort(rows)  # photos are taken in their own order
    features = np.empty((len(rows), 1280), np.float32)
    features[order] = pooled_features(backbone.tail, activations(photos.subset(rows[order]), backbone, config))
    return features


def quantised(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, channels), none negative → levels, uint8 (n, channels), and one scale a channel, float64.

    The scales have few digits, so that text holds them exactly.
    """
    scales = np.array([float(f"{high:.5g}") for high in np.maximum(features.max(axis=0), 1e-6) / 255])
    return np.clip(np.round(features / scales), 0, 255).astype(np.uint8), scales
