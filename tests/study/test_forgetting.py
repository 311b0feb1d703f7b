"""Forgetting: the similarity of two sets of features, and ImageNet's own answers."""

from types import SimpleNamespace

import numpy as np
import pytest

from catsdogs.study import forgetting
from catsdogs.study.forgetting import imagenet_answers, linear_cka


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(3, 2, (40, 6)).astype(np.float32)


def test_cka_of_features_with_themselves_is_one(features):
    assert linear_cka(features, features) == pytest.approx(1)


def test_cka_ignores_rotation_scale_and_shift(features):
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    assert linear_cka(features, 0.01 * features @ rotation + 50) == pytest.approx(1)


def test_cka_notices_a_stretch_along_one_direction(features):
    assert linear_cka(features, features * [10, 1, 1, 1, 1, 1]) < 0.9


@pytest.mark.parametrize("value", [0, 0.1])
def test_constant_features_have_nothing_in_common_with_others(features, value):
    assert linear_cka(features, np.full((40, 3), value, np.float32)) == pytest.approx(0)


def test_cka_is_symmetric_and_takes_any_widths(features):
    other = np.hstack([features[:, :2] ** 2, features[:, 2:3]])
    assert linear_cka(features, other) == pytest.approx(linear_cka(other, features))
    assert 0 < linear_cka(features, other) < 1


def test_cka_by_hand():
    # Centred, both columns have squared norm 2 and their product is 1, so CKA = 1² / (2 · 2).
    assert linear_cka(np.array([[0.0], [1], [2]]), np.array([[0.0], [2], [1]])) == pytest.approx(1 / 4)


def test_cka_is_the_normalised_hsic_of_linear_kernels(features):
    other = features ** 2 + np.random.default_rng(2).normal(size=features.shape)
    centering = np.eye(40) - 1 / 40

    def hsic(one, two):
        return np.trace(one @ one.T @ centering @ two @ two.T @ centering)

    one, two = features.astype(np.float64), other.astype(np.float64)
    expected = hsic(one, two) / np.sqrt(hsic(one, one) * hsic(two, two))
    assert linear_cka(features, other) == pytest.approx(expected)


def test_cka_of_independent_features_goes_to_zero_with_many_samples():
    rng = np.random.default_rng(3)
    few, many = (linear_cka(rng.normal(size=(n, 8)), rng.normal(size=(n, 8))) for n in (10, 20_000))
    assert many < 0.001 < 0.1 < few


@pytest.fixture(autouse=True)
def nothing_kept():
    forgetting._imagenet_classifier.cache_clear()
    yield
    forgetting._imagenet_classifier.cache_clear()


def test_imagenet_answers_the_class_of_the_largest_logit(monkeypatch):
    weights = [np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([0.0, 0, 3])]
    whole = SimpleNamespace(get_layer={"predictions": SimpleNamespace(get_weights=lambda: weights)}.get)
    asked = []
    monkeypatch.setattr(forgetting.keras.applications, "MobileNetV2", lambda weights: asked.append(weights) or whole)
    features = np.array([[5.0, 1], [1, 5], [1, 1]])
    assert imagenet_answers(features).tolist() == imagenet_answers(features).tolist() == [0, 1, 2]
    assert asked == ["imagenet"]


def test_without_network_there_are_no_answers(capsys):
    assert imagenet_answers(np.zeros((2, 1280))) is None
    assert not capsys.readouterr().out  # Keras announces the download that fails
