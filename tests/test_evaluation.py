"""Metrics against values worked out by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from catsdogs.evaluation import (
    METRICS_HEADER,
    REPORT_HEADER,
    accuracy_interval,
    auc_interval,
    change_over_splits,
    mean_over_splits,
    metrics_row,
    report_rows,
    score,
)

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


@pytest.mark.parametrize(("right", "photos", "low", "high"), [
    # R. G. Newcombe, 1998, Statistics in Medicine 17, table I, method 3.
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)])
def test_accuracy_interval_gives_published_values(right, photos, low, high):
    assert accuracy_interval(photos - right, photos) == pytest.approx((low, high), abs=5e-5)


def scattered(photos, rng):
    """Probabilities of the second class that overlap between the classes, and the labels."""
    labels = np.arange(photos) % 2
    return 1 / (1 + np.exp(-rng.normal(loc=1.5 * labels))), labels


def test_auc_interval_holds_the_auc_and_narrows_with_more_photos():
    rng = np.random.default_rng(0)
    widths = []
    for photos in (60, 600):
        probabilities, labels = scattered(photos, rng)
        low, high = auc_interval(probabilities, labels)
        assert low < score(np.stack([1 - probabilities, probabilities], axis=1), labels, ("a", "b")).auc < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_auc_interval_covers_the_true_auc_about_as_often_as_it_says():
    true_auc = stats.norm.cdf(1.5 / math.sqrt(2))
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        low, high = auc_interval(*scattered(120, rng))
        held += low <= true_auc <= high
    assert held >= 50


def test_without_overlap_the_interval_is_the_usual_t_interval():
    values = [0.98, 0.985, 0.99, 0.97, 0.995]
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    estimate = mean_over_splits(values, test_to_train=0)
    assert (estimate.low, estimate.high) == pytest.approx(expected)
    assert estimate.mean == pytest.approx(np.mean(values)) and estimate.p_value is None


def test_overlapping_splits_widen_the_interval_as_nadeau_and_bengio_say():
    # Ten splits, one test photo for eight training photos: 1/10 becomes 1/10 + 1/8.
    values = np.linspace(0.9, 1.0, 10)
    usual, corrected = mean_over_splits(values, test_to_train=0), mean_over_splits(values)
    assert (corrected.high - corrected.mean) / (usual.high - usual.mean) == pytest.approx(np.sqrt(0.225 / 0.1))


def test_without_overlap_the_change_is_a_paired_t_test():
    first, second = [1.0, 2.0, 3.0, 4.0], [1.5, 2.2, 3.9, 4.1]
    expected = stats.ttest_rel(second, first)
    change = change_over_splits(first, second, test_to_train=0)
    assert change.p_value == pytest.approx(expected.pvalue)
    assert (change.low, change.high) == pytest.approx(expected.confidence_interval())
    assert change_over_splits(second, first).mean == pytest.approx(-change.mean)


def test_overlap_makes_a_change_less_sure():
    first, second = [1.0, 2.0, 3.0, 4.0], [1.5, 2.2, 3.9, 4.1]
    assert change_over_splits(first, second).p_value > change_over_splits(first, second, test_to_train=0).p_value


@pytest.mark.parametrize(("second", "p_value"), [([1.0, 2.0], 1.0), ([2.0, 3.0], 0.0)])
def test_changes_that_never_vary_have_no_width(second, p_value):
    change = change_over_splits([1.0, 2.0], second)
    assert change.low == change.mean == change.high and change.p_value == p_value
