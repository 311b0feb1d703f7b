"""Grad-CAM, on tiny heads whose answer is known and on trained models."""

import numpy as np
import pytest
from helpers import CONFIG

from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT
from catsdogs.pipeline import probabilities
from catsdogs.quiet import keras
from catsdogs.study.explain import grad_cam, last_maps, log_odds, signed_map
from catsdogs.training import assemble, find_head

CHANNELS = 6


def make_head(*hidden, channels=CHANNELS, biases=True):
    """A float64 head, so that finite differences can be trusted."""
    units = [keras.layers.Dense(n, activation="relu", dtype="float64") for n in hidden]
    head = keras.Sequential([keras.Input((channels,), dtype="float64"), *units,
                             keras.layers.Dense(2, activation="softmax", dtype="float64")], name="head")
    rng = np.random.default_rng(5)
    head.set_weights([rng.normal(size=array.shape) * (array.ndim == 2 or biases) for array in head.get_weights()])
    return head


@pytest.fixture
def features():
    return np.random.default_rng(3).uniform(0, 6, (4, 3, 3, CHANNELS))


def test_linear_head_gives_the_class_activation_map(features):
    """With GAP and one Dense layer, Grad-CAM is CAM (Zhou et al., 2016, arXiv:1512.04150) over the positions."""
    head = make_head()
    kernel = head.get_weights()[0]
    for label in (0, 1):
        cam = features @ (kernel[:, label] - kernel[:, 1 - label])
        assert np.allclose(signed_map(head, features, label), cam / 9)


def test_agrees_with_finite_differences(features):
    head = make_head(8, 5)
    step = 1e-5
    gradient = np.zeros_like(features)
    for index in np.ndindex(features.shape[1:]):
        nudge = np.zeros(features.shape[1:])
        nudge[index] = step
        change = log_odds(head, features + nudge, 1) - log_odds(head, features - nudge, 1)
        gradient[(slice(None), *index)] = change / (2 * step)
    expected = np.einsum("nijk,nk->nij", features, gradient.mean(axis=(1, 2)))
    assert np.ptp(expected) > 0.1
    assert np.allclose(signed_map(head, features, 1), expected, atol=1e-7)


def test_log_odds_are_those_of_the_probabilities(features):
    head = make_head(8)
    p = head(features.mean(axis=(1, 2))).numpy()
    for label in (0, 1):
        assert np.allclose(log_odds(head, features, label), np.log(p[:, label] / p[:, 1 - label]))


def test_saturated_probabilities_still_have_a_map(features):
    head = make_head()
    kernel, bias = head.get_weights()
    head.set_weights([100 * kernel, bias])
    p = head(features.mean(axis=(1, 2)).astype(np.float32)).numpy().max(axis=1)
    assert (p == 1).all()
    assert np.allclose(signed_map(head, features, 1) / 100, features @ (kernel[:, 1] - kernel[:, 0]) / 9)


def test_positions_without_activation_get_no_heat_and_their_place_does_not_matter(features):
    head = make_head(8)
    features[:, 0, 1] = 0
    heat = signed_map(head, features, 1)
    assert (heat[:, 0, 1] == 0).all() and np.abs(heat).max() > 0.1
    turned = signed_map(head, np.flip(features, axis=2), 1)
    assert np.allclose(turned, np.flip(heat, axis=2))


def test_channels_that_the_head_ignores_bring_no_heat(features):
    head = make_head(8)
    first, *others = head.get_weights()
    first[2] = 0
    head.set_weights([first, *others])
    before = signed_map(head, features, 1)
    features[:, 1, 1, 2] += 50
    assert np.allclose(signed_map(head, features, 1), before)


def test_without_biases_the_map_sums_to_the_log_odds(features):
    head = make_head(8, biases=False)
    assert np.allclose(signed_map(head, features, 0).sum(axis=(1, 2)), log_odds(head, features, 0))


def test_the_other_class_flips_the_sign_and_each_photo_may_have_its_own(features):
    head = make_head(8)
    zero, one = (signed_map(head, features, label) for label in (0, 1))
    assert np.allclose(zero, -one)
    mixed = signed_map(head, features, np.array([0, 1, 1, 0]))
    assert np.allclose(mixed, np.stack([zero[0], one[1], one[2], zero[3]]))


@pytest.mark.slow
@pytest.mark.parametrize("name", [PHASE1_CHECKPOINT, PHASE2_CHECKPOINT])
def test_explains_saved_models_from_their_activations(trained, name):
    model, _ = load_checkpoint(trained.models / name)
    maps = trained.materials.maps[:6]
    features = last_maps(model, maps, CONFIG)
    p = probabilities(model, trained.materials)[:6].astype(np.float64)
    assert np.allclose(log_odds(find_head(model), features, 1), np.log(p[:, 1] / p[:, 0]), atol=1e-3)
    heat = grad_cam(model, maps, 1, CONFIG)
    assert heat.shape == (6, 3, 3) and heat.dtype == np.float32
    signed = signed_map(find_head(model), features, 1)
    assert np.array_equal(heat, np.maximum(signed, 0)) and heat.max() > 0 > signed.min()
    assert np.allclose(grad_cam(model, maps, 0, CONFIG), np.maximum(-signed, 0), atol=1e-5)


def test_refuses_models_of_another_make(trained, backbone, refused):
    maps = trained.materials.maps[:1]
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    assert "cabeça" in refused(grad_cam, dense, maps, 1, CONFIG)
    sigmoid = keras.Sequential([keras.Input((1280,)), keras.layers.Dense(1, activation="sigmoid")], name="head")
    assert "softmax" in refused(grad_cam, assemble(backbone.base, sigmoid, CONFIG), maps, 1, CONFIG)
    photo = keras.Input((4,))
    headed = keras.Model(photo, make_head(channels=4)(photo))
    assert "MobileNetV2" in refused(grad_cam, headed, maps, 1, CONFIG)
