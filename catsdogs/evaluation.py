"""How good a model is on photos it did not learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.metrics import classification_report, confusion_matrix, log_loss, roc_auc_score

from catsdogs.text import display_name, integer, number


@dataclass(frozen=True)
class Scores:
    """Metrics of one model on one set of photos.

    Attributes:
        accuracy: fraction of photos whose more probable class is the right one, 0 to 1.
        auc: area under the ROC curve of the second class's probability, 0 to 1.
        loss: mean cross-entropy of the right class, in nats, 0 or more.
        errors: number of photos with the wrong class.
        photos: number of photos.
        confusion: [[true 0 said 0, true 0 said 1], [true 1 said 0, true 1 said 1]].
        per_class: for each class, ``precision``, ``recall``, ``f1`` and ``photos``.
    """

    accuracy: float
    auc: float
    loss: float
    errors: int
    photos: int
    confusion: list[list[int]]
    per_class: dict[str, dict[str, float]]


def score(probabilities: np.ndarray, labels: np.ndarray, class_names: tuple[str, str]) -> Scores:
    """Compare probabilities with the truth, with scikit-learn's metrics.

    Args:
        probabilities: (n, 2), rows summing to 1.
        labels: (n,), 0 or 1; both classes must occur.
    """
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # float32 rows sum to 1 only roughly
    answers = probabilities.argmax(axis=1)
    report = classification_report(labels, answers, labels=[0, 1], output_dict=True, zero_division=0)
    per_class = {name: {"precision": report[str(label)]["precision"], "recall": report[str(label)]["recall"],
                        "f1": report[str(label)]["f1-score"], "photos": int(report[str(label)]["support"])}
                 for label, name in enumerate(class_names)}
    return Scores(accuracy=float((answers == labels).mean()), auc=float(roc_auc_score(labels, probabilities[:, 1])),
                  loss=float(log_loss(labels, probabilities, labels=[0, 1])), errors=int((answers != labels).sum()),
                  photos=len(labels), confusion=confusion_matrix(labels, answers, labels=[0, 1]).tolist(),
                  per_class=per_class)


def accuracy_interval(errors: int, photos: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of the accuracy (E. B. Wilson, 1927, JASA 22), both ends in 0 to 1."""
    interval = stats.binomtest(photos - errors, photos).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def auc_interval(probabilities: np.ndarray, labels: np.ndarray, level: float = 0.95,
                 seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the AUC, each class resampled on its own.

    Args:
        probabilities: (n,), of the second class.
        labels: (n,), 0 or 1; both classes must occur.
    """
    def auc(positives, negatives, axis=-1):
        # The AUC is the Mann-Whitney U over the number of pairs (Hanley & McNeil, 1982, Radiology 143).
        pairs = positives.shape[axis] * negatives.shape[axis]
        return stats.mannwhitneyu(positives, negatives, axis=axis).statistic / pairs

    result = stats.bootstrap((probabilities[labels == 1], probabilities[labels == 0]), auc, n_resamples=2000,
                             confidence_level=level, method="percentile", batch=200, rng=np.random.default_rng(seed))
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


# Test photos per training photo in the challenge's 80/10/10: what the splits' overlap depends on.
TEST_TO_TRAIN = 1 / 8


@dataclass(frozen=True)
class Estimate:
    """A mean over repeated splits and its interval; for a difference, also the p-value of "it is zero"."""

    mean: float
    low: float
    high: float
    p_value: float | None = None


def mean_over_splits(values: Sequence[float], test_to_train: float = TEST_TO_TRAIN, level: float = 0.95) -> Estimate:
    """Mean and t interval of a measure over random splits of the same photos.

    Splits share photos, so the variance of the mean is taken as (1/k + test/train) times that of
    the values, not 1/k (C. Nadeau & Y. Bengio, 2003, Machine Learning 52).

    Args:
        values: one per split, at least two.
        test_to_train: test photos over training photos; 0 gives the usual t interval.
    """
    mean, scale = _mean_and_scale(values, test_to_train)
    reach = stats.t.ppf(0.5 + level / 2, len(values) - 1) * scale
    return Estimate(mean, mean - reach, mean + reach)


def change_over_splits(first: Sequence[float], second: Sequence[float],
                       test_to_train: float = TEST_TO_TRAIN) -> Estimate:
    """Mean of second minus first over the same splits: interval and two-sided p-value of the corrected t test.

    The correction is that of ``mean_over_splits``.
    """
    changes = np.subtract(second, first)
    mean, scale = _mean_and_scale(changes, test_to_train)
    interval = mean_over_splits(changes, test_to_train)
    statistic = abs(mean) / scale if scale else np.inf
    p_value = float(2 * stats.t.sf(statistic, len(changes) - 1)) if mean else 1.0
    return Estimate(mean, interval.low, interval.high, p_value)


def _mean_and_scale(values: Sequence[float], test_to_train: float) -> tuple[float, float]:
    variance = np.var(values, ddof=1) * (1 / len(values) + test_to_train)
    return float(np.mean(values)), float(np.sqrt(variance))


METRICS_HEADER = ["", "Acurácia", "AUC", "Perda", "Erros"]


def metrics_row(name: str, scores: Scores) -> list[str]:
    """One row under ``METRICS_HEADER``."""
    return [name, number(scores.accuracy), number(scores.auc), number(scores.loss),
            f"{scores.errors} em {integer(scores.photos)}"]


REPORT_HEADER = ["Classe", "Precisão", "Revocação (recall)", "F1", "Fotos"]


def report_rows(scores: Scores) -> list[list[str]]:
    """The classification report, one row a class, under ``REPORT_HEADER``."""
    return [[display_name(name), *(number(row[key]) for key in ("precision", "recall", "f1")),
             integer(int(row["photos"]))] for name, row in scores.per_class.items()]
