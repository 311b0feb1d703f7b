"""Phases 1 and 2."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import CONFIG

from catsdogs.backbone import cut, find_base, load_backbone
from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, Config
from catsdogs.data import Split
from catsdogs.features import pooled_features
from catsdogs.quiet import keras
from catsdogs.training import activations_to_probabilities, assemble, build_head, fine_tune, tail_and_head, train_head

BN = keras.layers.BatchNormalization
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def snapshot(model):
    return {layer.name: [array.copy() for array in layer.get_weights()] for layer in model.layers if layer.weights}


def both_phases(backbone, studied, config=CONFIG):
    """Run both phases; gives the head and the two phases."""
    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    features = pooled_features(backbone.tail, studied.maps)
    phase1 = train_head(head, features, studied.photos.labels, studied.split, config)
    phase2 = fine_tune(backbone.tail, head, studied.maps, studied.photos.labels, studied.split, config)
    return head, phase1, phase2


@pytest.fixture(scope="module")
def run(studied, weights_file):
    """One run of both phases: backbone, trunk and tail before, head, phase 1, phase 2."""
    backbone = load_backbone(CONFIG, weights_file)
    before = snapshot(backbone.trunk), snapshot(backbone.tail)
    return backbone, *before, *both_phases(backbone, studied)


@pytest.mark.slow
def test_phase_2_leaves_batchnorm_statistics_gamma_and_beta_alone(run):
    backbone, _, tail_before, *_ = run
    norms = [layer for layer in backbone.tail.layers if isinstance(layer, BN)]
    assert len(norms) == 7
    for layer in norms:
        names = [weight.name for weight in layer.weights]
        assert sorted(names) == ["beta", "gamma", "moving_mean", "moving_variance"]
        for name, old, new in zip(names, tail_before[layer.name], layer.get_weights(), strict=True):
            assert np.array_equal(old, new), f"{layer.name}/{name}"
            assert len(np.unique(old)) > 1  # a value of its own, not a starting value that would come back


@pytest.mark.slow
def test_phase_2_trains_every_convolution_of_the_tail(run):
    backbone, _, tail_before, *_ = run
    convolutions = [layer for layer in backbone.tail.layers if isinstance(layer, CONVOLUTIONS)]
    assert len(convolutions) == 7
    for layer in convolutions:
        assert not np.array_equal(tail_before[layer.name][0], layer.get_weights()[0]), layer.name


@pytest.mark.slow
def test_phase_2_leaves_the_trunk_alone(run):
    backbone, trunk_before, *_ = run
    for name, arrays in snapshot(backbone.trunk).items():
        assert all(np.array_equal(old, new) for old, new in zip(trunk_before[name], arrays, strict=True)), name


def test_phase_1_trains_only_the_head(studied, new_backbone):
    before = snapshot(new_backbone.base)
    head = build_head(CONFIG)
    start = head.get_weights()
    train_head(head, pooled_features(new_backbone.tail, studied.maps), studied.photos.labels, studied.split, CONFIG)
    assert all(not np.array_equal(old, new) for old, new in zip(start, head.get_weights(), strict=True))
    after = snapshot(new_backbone.base)
    assert all(np.array_equal(old, new) for name in before for old, new in zip(before[name], after[name], strict=True))


@pytest.mark.slow
def test_same_seed_gives_bit_identical_weights_in_both_phases(trained, studied):
    """The pipeline's run, and each phase again from where it started."""
    keras.utils.set_random_seed(CONFIG.seed)
    head = build_head(CONFIG)
    features = pooled_features(trained.materials.backbone.tail, studied.maps)
    phase1 = train_head(head, features, studied.photos.labels, studied.split, CONFIG)
    first, _ = load_checkpoint(trained.models / PHASE1_CHECKPOINT)
    _, tail = cut(find_base(first), CONFIG.unfrozen_layers)
    phase2 = fine_tune(tail, first.get_layer("head"), studied.maps, studied.photos.labels, studied.split, CONFIG)
    assert phase1.history == trained.record["phase1"]["history"]
    assert phase2.history == trained.record["phase2"]["history"]
    start, _ = load_checkpoint(trained.models / PHASE1_CHECKPOINT)
    end, _ = load_checkpoint(trained.models / PHASE2_CHECKPOINT)
    for ours, theirs in ((head, start.get_layer("head")), (first, end)):
        assert all(np.array_equal(a, b) for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True))


def test_another_seed_gives_other_weights(studied, backbone):
    features = pooled_features(backbone.tail, studied.maps)
    kernels = []
    for seed in (42, 43):
        head = build_head(CONFIG)
        head.set_weights([np.full(array.shape, 0.01, np.float32) for array in head.get_weights()])
        train_head(head, features, studied.photos.labels, studied.split, replace(CONFIG, seed=seed, head_epochs=1))
        kernels.append(head.get_weights()[0])
    assert not np.array_equal(*kernels)


@pytest.mark.slow
def test_history_has_its_four_lists_and_the_best_epoch(run):
    *_, phase1, phase2 = run
    for phase, epochs in ((phase1, CONFIG.head_epochs), (phase2, CONFIG.fine_tune_epochs)):
        assert set(phase.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        counts = {len(values) for values in phase.history.values()}
        assert len(counts) == 1 and 1 <= counts.pop() <= epochs
        assert phase.history["val_loss"][phase.best_epoch] == min(phase.history["val_loss"])


def test_phase_1_learns_what_can_be_learned():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200).astype(np.int32)
    features = rng.uniform(0, 1, (200, 1280)).astype(np.float32)
    features[:, :60] += labels[:, None]
    split = Split(np.arange(150), np.arange(150, 200), np.arange(0))
    phase = train_head(build_head(CONFIG), features, labels, split, CONFIG)
    assert phase.history["val_accuracy"][phase.best_epoch] > 0.9 and phase.history["val_loss"][0] > min(
        phase.history["val_loss"])


@pytest.fixture
def overfitting():
    """Features and labels whose validation part gets worse as training goes on."""
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (80, 1280)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(np.int32)
    labels[40:] = 1 - labels[40:]
    return features, labels, Split(np.arange(40), np.arange(40, 80), np.arange(0))


def test_early_stopping_restores_the_best_epoch(overfitting):
    features, labels, split = overfitting
    config = Config(head_epochs=30, patience=2, head_learning_rate=1e-3)
    head = build_head(config)
    phase = train_head(head, features, labels, split, config)
    losses = phase.history["val_loss"]
    assert len(losses) == phase.best_epoch + 1 + config.patience < 30
    kept = head.evaluate(features[split.validation], labels[split.validation], verbose=0)[0]
    assert kept == pytest.approx(losses[phase.best_epoch], rel=1e-5) and kept < losses[-1] * 0.999


def test_training_never_sees_the_test_part(overfitting):
    features, labels, _ = overfitting
    split = Split(np.arange(30), np.arange(30, 50), np.arange(50, 80))
    weights = []
    for poison in (0.0, np.nan):
        changed = features.copy()
        changed[50:] += poison
        keras.utils.set_random_seed(1)
        head = build_head(CONFIG)
        train_head(head, changed, labels, split, replace(CONFIG, head_epochs=2))
        weights.append(head.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_head_is_the_challenges():
    head = build_head(Config())
    assert head.count_params() == 1280 * 256 + 256 + 256 * 2 + 2
    dropout = [layer for layer in head.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.rate for layer in dropout] == [0.3]
    answers = np.asarray(head(np.random.default_rng(0).uniform(0, 6, (5, 1280)), training=False))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)


def test_whole_model_and_the_part_after_the_cut_share_their_weights(new_backbone, studied):
    head = build_head(CONFIG)
    model = assemble(new_backbone.base, head, CONFIG)
    after_cut = activations_to_probabilities(model, CONFIG)
    expected = tail_and_head(new_backbone.tail, head).predict(studied.maps[:4], verbose=0)
    np.testing.assert_allclose(after_cut.predict(studied.maps[:4], verbose=0), expected, atol=1e-6)
    head.set_weights([np.zeros_like(array) for array in head.get_weights()])
    np.testing.assert_allclose(np.asarray(after_cut(studied.maps[:4])), 0.5)


def test_a_foreign_model_has_no_part_after_the_cut(refused):
    foreign = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert "MobileNetV2" in refused(activations_to_probabilities, foreign, CONFIG)
