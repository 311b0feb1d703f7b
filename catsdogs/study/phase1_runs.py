"""Phase 1 alone: GAP or Flatten, how much dropout, how many photos."""

import time

import numpy as np

from catsdogs.config import Config
from catsdogs.data import Photos
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study.measures import measure_parts, split_with_few
from catsdogs.training import build_head, train_head


def head_run(materials: Materials, config: Config, pooling: str = "gap",
             train_photos: int | None = None) -> list[dict]:
    """Phase 1 with its settings in ``config``.

    Args:
        pooling: "gap" gives the head the mean over positions, "flatten" every position.
        train_photos: how many training photos to use; None for all.
    """
    features = materials.features if pooling == "gap" else flat_features(materials.backbone.tail, materials.maps)
    return [head_row(features, materials.photos, config, train_photos)]


def head_row(features: np.ndarray, photos: Photos, config: Config, train_photos: int | None) -> dict:
    """The measures of phase 1's head on these features, float32 (n, width), of ``train_photos`` photos (None: all)."""
    split = split_with_few(photos, config, train_photos)
    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    head = build_head(config, features.shape[1])
    start = time.perf_counter()
    phase = train_head(head, features, photos.labels, split, config)
    seconds = time.perf_counter() - start
    return {**measure_parts(head.predict(features, verbose=0), photos, split), "epochs": len(phase.history["loss"]),
            "seconds": seconds, "parameters": head.count_params(), "feature_bytes": features.nbytes}


def flat_features(tail: keras.Model, maps: np.ndarray) -> np.ndarray:
    """The frozen tail's output with every position kept: float32 (n, positions * 1280)."""
    return tail.predict(maps, verbose=0).reshape(len(maps), -1)
