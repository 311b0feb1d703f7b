"""What to look for in a set of photos before believing a number: copies, wrong labels, shortcuts.

Perceptual hashing and confident learning are written here because each is a few lines:
``imagehash`` would bring PyWavelets, and ``cleanlab`` pandas, for the same answers.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.spatial.distance import pdist
from scipy.stats import mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

from catsdogs.data import PARTS, Photos, Split
from catsdogs.photo import read_photo

STATISTICS = {"width": "largura (px)", "height": "altura (px)", "bytes": "arquivo (bytes)",
              "brightness": "brilho médio", "contrast": "contraste"}
# Measured by benchmarks/copies.py: 80 photos, halved, squeezed to 200 x 200, compressed (quality 30) or brightened
# by 15%, stay within 0.08 of the original by hash. Of all pairs among the 3,000, 99 in 100 are beyond 0.40.
HASH_LIMIT = 0.15
# The features less the set's mean: those 320 copies are within 0.28 of their originals; 99 in 100 pairs, beyond 0.64.
OWN_FEATURE_LIMIT = 0.5
UNUSUAL_SPREADS = 4
MOST_COMPARED = 1000


@dataclass(frozen=True)
class Pair:
    """Two photos, ``first`` before ``second``, and how far apart their descriptions are."""

    first: int
    second: int
    distance: float


def difference_hash(pixels: np.ndarray, size: int = 16) -> np.ndarray:
    """Where brightness grows from left to right in a ``size`` × ``size`` grid (dHash; N. Krawetz, 2013).

    Resizing, compressing or brightening a photo changes few bits; mirroring or cropping changes many.
    The usual 8 × 8 grid takes different photos for copies in a set of thousands; 16 × 16 does not.

    Args:
        pixels: uint8 (height, width, 3), values 0 to 255.

    Returns:
        bool array of shape (size * size,).
    """
    gray = Image.fromarray(pixels).convert("L").resize((size + 1, size), Image.Resampling.LANCZOS)
    values = np.asarray(gray).astype(int)
    return (values[:, 1:] > values[:, :-1]).ravel()


def photo_statistics(pixels: np.ndarray, file_bytes: int) -> tuple[float, ...]:
    """The ``STATISTICS`` of a uint8 photo (height, width, 3); brightness and contrast (standard deviation) of its gray.

    The gray levels go from 0 to 255.
    """
    gray = np.asarray(Image.fromarray(pixels).convert("L"))
    return pixels.shape[1], pixels.shape[0], file_bytes, gray.mean(), gray.std()


def scan(photos: Photos) -> tuple[np.ndarray, np.ndarray]:
    """Read every photo once, about 2 ms each.

    Returns:
        the difference hashes, bool (n, 256), and the ``STATISTICS``, float64 (n, 5).

    Raises:
        CatsdogsError: there are only activations at hand.
    """
    def one(index: int):
        path = photos.path(index)
        pixels = read_photo(path)
        return difference_hash(pixels), photo_statistics(pixels, path.stat().st_size)

    with ThreadPoolExecutor() as pool:
        hashes, statistics = zip(*pool.map(one, range(len(photos))), strict=True)
    return np.array(hashes), np.array(statistics, dtype=np.float64)


def close_pairs(rows: np.ndarray, metric: str, limit: float) -> list[Pair]:
    """The pairs of rows at most ``limit`` apart, nearest first.

    Args:
        rows: (n, d); hashes (bool) or features (float).
        metric: "hamming" (fraction of differing bits, 0 to 1) or "cosine" (1 − cosine, 0 to 2).
        limit: the largest distance, in the metric's unit.
    """
    # Not the matrix of all distances, which takes 5 GB for 25,000 photos.
    near = NearestNeighbors(radius=limit, metric=metric, algorithm="brute").fit(rows).radius_neighbors_graph(
        mode="distance").tocoo()
    pairs = [Pair(int(i), int(j), float(distance)) for i, j, distance in zip(near.row, near.col, near.data, strict=True)
             if i < j]
    return sorted(pairs, key=lambda pair: pair.distance)


def near_copies(hashes: np.ndarray, features: np.ndarray) -> list[Pair]:
    """The pairs that two measures take for copies of one photo, nearest first.

    Photos of one kind of scene, such as X-rays, are all close by hash. So a pair has to be closer than the distances
    within the set explain (median and MAD; Leys et al., 2013, doi:10.1016/j.jesp.2013.03.013), and close in what its
    features have that the set's mean has not.

    Args:
        hashes: bool (n, 256), from ``difference_hash``.
        features: float32 (n, channels), the frozen base's output averaged over positions.
    """
    some = np.random.default_rng(0).permutation(len(hashes))[:MOST_COMPARED]
    distances = pdist(hashes[some], "hamming")
    usual = np.median(distances)
    limit = max(0, min(HASH_LIMIT, usual - UNUSUAL_SPREADS * 1.4826 * np.median(np.abs(distances - usual))))
    own = normalize(features - features.mean(axis=0))
    return [pair for pair in close_pairs(hashes, "hamming", limit)
            if 1 - own[pair.first] @ own[pair.second] <= OWN_FEATURE_LIMIT]


def crossing(groups: Sequence[Sequence[int]], split: Split) -> list[list[int]]:
    """The groups of photos, as indices, that fell into more than one part of the split."""
    part_of = {int(photo): name for name in PARTS for photo in getattr(split, name)}
    return [list(group) for group in groups if len({part_of[photo] for photo in group}) > 1]


def out_of_fold_probabilities(features: np.ndarray, labels: np.ndarray, C: float = 0.01, folds: int = 5,
                              seed: int = 0) -> np.ndarray:
    """What a logistic regression says of each row when it learned from the other folds only.

    Args:
        features: (n, d), standardised here.
        labels: (n,), 0 or 1, each at least ``folds`` times.
        C: inverse strength of the L2 penalty. The default gave the least cross-entropy among powers of ten
            on the pooled features of 3,000 photos; confident learning needs probabilities that mean what they say.

    Returns:
        float64 array of shape (n, 2), rows summing to 1.
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000))
    by_class = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return cross_val_predict(model, features, labels, cv=by_class, method="predict_proba")


def confident_classes(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class each photo confidently looks like (Northcutt et al., 2021, JAIR 70, arXiv:1911.00068).

    A class's threshold is its mean probability among the photos that bear its label; the class chosen is the
    more probable of those that reach their threshold.

    Args:
        probabilities: (n, 2), out of sample.
        labels: (n,), 0 or 1; both must occur.

    Returns:
        int64 array of shape (n,): 0, 1, or −1 when no class reaches its threshold.
    """
    thresholds = np.array([probabilities[labels == label, label].mean() for label in (0, 1)])
    reached = probabilities >= thresholds
    return np.where(reached.any(axis=1), np.where(reached, probabilities, -1).argmax(axis=1), -1)


def suspicious_labels(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Photos that confidently look like the other class, the least probable label first; int64 (k,)."""
    looks = confident_classes(probabilities, labels)
    found = np.flatnonzero((looks != -1) & (looks != labels))
    return found[np.argsort(probabilities[found, labels[found]], kind="stable")]


@dataclass(frozen=True)
class ClassComparison:
    """One statistic in the two classes.

    Attributes:
        medians: of class 0 and of class 1.
        p_value: two-sided test of equal distributions (H. B. Mann & D. R. Whitney, 1947, Ann. Math. Stat. 18).
        superiority: chance that a photo of class 1 has the larger value, ties counting half; 0.5 is no
            difference (A. Vargha & H. D. Delaney, 2000, J. Educ. Behav. Stat. 25).
    """

    medians: tuple[float, float]
    p_value: float
    superiority: float


def compare_classes(values: np.ndarray, labels: np.ndarray) -> ClassComparison:
    """Compare a statistic, (n,), between the photos of label 1 and of label 0; both must occur."""
    first, second = values[labels == 0], values[labels == 1]
    test = mannwhitneyu(second, first)
    return ClassComparison((float(np.median(first)), float(np.median(second))), float(test.pvalue),
                           float(test.statistic / (len(first) * len(second))))
