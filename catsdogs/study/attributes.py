"""What a photo shows besides cat or dog: properties that a network knows without having been asked for them."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np

from catsdogs.data import Photos
from catsdogs.photo import read_photo, resize_photo
from catsdogs.storage.bundle import load_bundle_attributes

# Their columns, in order.
ATTRIBUTES = ("brightness", "contrast", "sharpness", "hue")
SIZE = 224


def photo_attributes(pixels: np.ndarray) -> np.ndarray:
    """The ``ATTRIBUTES`` of one photo.

    Args:
        pixels: RGB, (height, width, 3), 0 to 255.

    Returns:
        float32 (4,): mean and standard deviation of the luma (ITU-R BT.601), 0 to 255; the logarithm of the mean
        absolute Laplacian of the luma, about -5 for a plain photo; the mean hue, weighted by chroma, in radians
        from -π to π, 0 being red (of a photo without any colour, 0).
    """
    pixels = np.asarray(pixels, dtype=np.float32)
    luma = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    laplacian = (luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]) - 4 * luma[1:-1, 1:-1]
    # Hue as the angle in the plane of the chroma, so that a mean over pixels is a sum of arrows.
    red, green, blue = (pixels[..., channel].mean() for channel in range(3))
    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)
    return np.array([luma.mean(), luma.std(), np.log(np.abs(laplacian).mean() + np.exp(-5)), hue], dtype=np.float32)


def attributes_of(photos: Photos) -> np.ndarray | None:
    """The ``ATTRIBUTES`` of every photo at ``SIZE`` px, float32 (n, 4), in the photos' order.

    Without the photos' files, those that ship with the repository; None when it ships none.
    """
    if not photos.has_files:
        return load_bundle_attributes(photos.digests)
    return _computed(tuple(photos.path(i) for i in range(len(photos))), photos.digests)


@lru_cache(maxsize=1)
def _computed(paths: Sequence[Path], digests: tuple[str, ...]) -> np.ndarray:
    """By digest, too, so that photos which changed are read anew."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(lambda path: photo_attributes(resize_photo(read_photo(path), SIZE)), paths)))
