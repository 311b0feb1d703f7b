"""What every run of a study measures, and on which photos.

Every run of a study takes the prepared materials, the settings of one run and the factor under study, trains on a
split of its own (``config.seed``), leaves no file behind, and returns one dict of measures per trained model.
``experiments`` repeats them over seeds.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from catsdogs.config import Config
from catsdogs.data import PARTS, Photos, Split, draw_photos, split_photos
from catsdogs.evaluation import score
from catsdogs.photo import read_photo, resize_photo

MEASURES = ("accuracy", "auc", "loss", "errors", "confusion")  # of ``evaluation.Scores``


def split_with_few(photos: Photos, config: Config, train_photos: int | None) -> Split:
    """The split of ``config.seed`` with only ``train_photos`` different training photos.

    They are repeated until there are as many as before, so that an epoch has as many
    steps whatever their number.
    """
    split = split_photos(photos, config)
    if train_photos is None:
        return split
    return replace(split, train=np.resize(draw_photos(split.train, photos.labels, train_photos, config.seed),
                                          len(split.train)))


def measure_parts(probabilities: np.ndarray, photos: Photos, split: Split) -> dict:
    """The ``MEASURES`` of (n, 2) probabilities on each part of the split, as ``test_loss`` and so on."""
    measures = {}
    for part in PARTS:
        rows = np.unique(getattr(split, part))
        scores = score(probabilities[rows], photos.labels[rows], photos.class_names)
        measures |= {f"{part}_{key}": getattr(scores, key) for key in MEASURES}
    return measures


def pixels_of(photos: Photos, rows: Sequence[int], size: int) -> np.ndarray:
    """These photos, which must be at hand, as squares: float32 (n, size, size, 3), 0 to 255."""
    return np.stack([resize_photo(read_photo(photos.path(row)), size) for row in rows])
