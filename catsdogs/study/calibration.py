"""Whether a probability means what it says, and how to mend it when it does not."""

import numpy as np
from scipy.optimize import minimize_scalar

from catsdogs.evaluation import photo_losses


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> list[tuple[float, float, int]]:
    """Confidence against accuracy, in equal bins of confidence from 0.5 to 1.

    Args:
        probabilities: (n, 2), rows summing to 1.
        labels: (n,), 0 or 1.

    Returns:
        for each bin that is not empty: mean confidence, accuracy, number of photos.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    which = np.minimum(((confidence - 0.5) * 2 * bins).astype(int), bins - 1)
    return [(float(confidence[which == b].mean()), float(right[which == b].mean()), int((which == b).sum()))
            for b in range(bins) if (which == b).any()]


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Mean distance between confidence and accuracy, weighted by photos (C. Guo et al., 2017, arXiv:1706.04599)."""
    table = reliability(probabilities, labels, bins)
    return sum(photos * abs(confidence - accuracy) for confidence, accuracy, photos in table) / len(labels)


def with_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (n, 2) with their logits divided by ``temperature``: above 1 softer, below 1 sharper.

    The more probable class stays the same.
    """
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1)) / temperature
    scaled = np.exp(logits - logits.max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature, 0.05 to 20, with the least loss on these photos (Guo et al., 2017); use validation photos."""
    def loss(log_temperature):
        return photo_losses(with_temperature(probabilities, np.exp(log_temperature)), labels).mean()

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))
