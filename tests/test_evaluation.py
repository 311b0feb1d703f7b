"""Metrics against values worked out by hand."""

import math

import numpy as np
import pytest

from catsdogs.evaluation import METRICS_HEADER, REPORT_HEADER, metrics_row, report_rows, score

LABELS = np.array([0, 0, 0, 1, 1, 1, 1], np.int32)
SECOND = np.array([0.1, 0.8, 0.7, 0.9, 0.75, 0.3, 0.55], np.float32)
SCORES = score(np.stack([1 - SECOND, SECOND], axis=1), LABELS, ("cats", "dogs"))


def test_accuracy_auc_and_loss():
    assert SCORES.accuracy == pytest.approx(4 / 7) and (SCORES.errors, SCORES.photos) == (3, 7)
    # Of the 3 × 4 pairs (cat, dog), the dog scores higher in 3 + 2 + 1 + 1.
    assert SCORES.auc == pytest.approx(7 / 12)
    assert SCORES.loss == pytest.approx(-sum(map(math.log, (0.9, 0.2, 0.3, 0.9, 0.75, 0.3, 0.55))) / 7, abs=1e-6)


def test_confusion_has_the_truth_in_rows():
    assert SCORES.confusion == [[1, 2], [1, 3]]


def test_per_class():
    assert SCORES.per_class["cats"] == pytest.approx({"precision": 1 / 2, "recall": 1 / 3, "f1": 0.4, "photos": 3})
    assert SCORES.per_class["dogs"] == pytest.approx({"precision": 3 / 5, "recall": 3 / 4, "f1": 2 / 3, "photos": 4})


def test_a_class_that_is_never_answered(recwarn):
    scores = score(np.full((4, 2), [0.2, 0.8]), np.array([0, 0, 1, 1]), ("a", "b"))
    assert scores.per_class["a"] == {"precision": 0, "recall": 0, "f1": 0, "photos": 2} and scores.auc == 0.5
    assert not [warning for warning in recwarn if "sklearn" in warning.filename]


def test_certain_and_wrong_gives_a_finite_loss():
    scores = score(np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), np.array([0, 1]), ("a", "b"))
    assert math.isfinite(scores.loss) and scores.loss > 5


def test_rows_of_the_tables_are_in_portuguese():
    row = metrics_row("Teste", SCORES)
    assert row == ["Teste", "0,5714", "0,5833", f"{SCORES.loss:.4f}".replace(".", ","), "3 em 7"]
    assert len(row) == len(METRICS_HEADER)
    rows = report_rows(SCORES)
    assert rows[0] == ["gato", "0,5000", "0,3333", "0,4000", "3"] and rows[1][0] == "cachorro"
    assert {len(row) for row in rows} == {len(REPORT_HEADER)}
