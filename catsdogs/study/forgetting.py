"""What fine-tuning takes from the network: drift of its features, and answers to the task it came from."""

import contextlib
import io
from functools import lru_cache

import numpy as np

from catsdogs.quiet import keras


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Linear centered kernel alignment of two sets of features (S. Kornblith et al., 2019, arXiv:1905.00414).

    Args:
        first, second: float (n, a) and (n, b), the same n photos in both.

    Returns:
        0 (nothing in common) to 1 (equal up to rotation, scale and shift). Constant features, to which
        a too large learning rate can reduce a network, have nothing in common with any others.
    """
    first, second = (features - features.mean(axis=0) for features in map(np.float64, (first, second)))
    norms = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    return float(np.linalg.norm(first.T @ second) ** 2 / norms) if norms else 0.0


@lru_cache(maxsize=1)
def _imagenet_classifier() -> list[np.ndarray] | None:
    """The kernel and bias of the last layer of Keras's MobileNetV2; None when Keras cannot download it."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # Keras announces a download, even one that fails
            return keras.applications.MobileNetV2(weights="imagenet").get_layer("predictions").get_weights()
    except Exception:  # Keras raises it as such
        return None


def imagenet_answers(features: np.ndarray) -> np.ndarray | None:
    """The most probable of ImageNet's classes, int64 (n,), for pooled features (n, 1280), by its own classifier.

    Returns:
        None when Keras cannot download that classifier.
    """
    classifier = _imagenet_classifier()
    return None if classifier is None else (features @ classifier[0] + classifier[1]).argmax(axis=1)
