"""Calibration against cases whose answer is known."""

import numpy as np
import pytest

from catsdogs.study.calibration import reliability


def both(second):
    second = np.asarray(second, float)
    return np.stack([1 - second, second], axis=1)


def test_reliability_by_hand():
    table = reliability(both([0.95, 0.97, 0.05, 0.62]), np.array([1, 0, 0, 1]))
    assert [row[2] for row in table] == [1, 3]
    assert table[0] == pytest.approx((0.62, 1.0, 1))
    assert table[1] == pytest.approx(((0.95 + 0.97 + 0.95) / 3, 2 / 3, 3))


def test_certainty_falls_into_the_last_bin():
    assert reliability(both([1.0, 0.0]), np.array([1, 0])) == [(1.0, 1.0, 2)]


def test_honest_probabilities_lie_near_the_diagonal():
    rng = np.random.default_rng(0)
    second = rng.uniform(0.02, 0.98, 20_000)
    labels = (rng.uniform(size=len(second)) < second).astype(int)
    assert all(abs(confidence - accuracy) < 0.04 for confidence, accuracy, _ in reliability(both(second), labels))
