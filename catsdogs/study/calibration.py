"""Whether a probability means what it says."""

import numpy as np


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
