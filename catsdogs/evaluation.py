"""How good a model is on photos it did not learn from."""

from dataclasses import dataclass

import numpy as np
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
