"""Calibration against cases whose answer is known."""

import numpy as np
import pytest

from catsdogs.study.calibration import expected_calibration_error, fit_temperature, reliability, with_temperature


def both(second):
    second = np.asarray(second, float)
    return np.stack([1 - second, second], axis=1)


def honest(photos, seed=0):
    """Probabilities that mean what they say, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    second = rng.uniform(0.02, 0.98, photos)
    return both(second), (rng.uniform(size=photos) < second).astype(int)


def test_reliability_by_hand():
    table = reliability(both([0.95, 0.97, 0.05, 0.62]), np.array([1, 0, 0, 1]))
    assert [row[2] for row in table] == [1, 3]
    assert table[0] == pytest.approx((0.62, 1.0, 1))
    assert table[1] == pytest.approx(((0.95 + 0.97 + 0.95) / 3, 2 / 3, 3))


def test_certainty_falls_into_the_last_bin():
    assert reliability(both([1.0, 0.0]), np.array([1, 0])) == [(1.0, 1.0, 2)]


def test_calibration_error_by_hand():
    # Always 90% sure, right half of the time.
    assert expected_calibration_error(both([0.9] * 10), np.array([1, 0] * 5)) == pytest.approx(0.4)


def test_honest_probabilities_have_little_calibration_error():
    assert expected_calibration_error(*honest(20_000)) < 0.02


def test_temperature_1_changes_nothing_and_no_temperature_changes_the_answer():
    probabilities, _ = honest(100)
    assert with_temperature(probabilities, 1) == pytest.approx(probabilities)
    for temperature in (0.2, 5):
        scaled = with_temperature(probabilities, temperature)
        assert np.array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))
        assert scaled.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_fit_finds_the_temperature_that_was_applied(temperature):
    probabilities, labels = honest(20_000)
    distorted = with_temperature(probabilities, 1 / temperature)
    assert fit_temperature(distorted, labels) == pytest.approx(temperature, rel=0.05)
    mended = with_temperature(distorted, fit_temperature(distorted, labels))
    assert expected_calibration_error(mended, labels) < 0.02


def test_certain_and_right_photos_do_not_break_the_fit():
    assert np.isfinite(fit_temperature(both([1.0, 0.0, 1.0]), np.array([1, 0, 1])))
