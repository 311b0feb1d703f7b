"""Studies: what each factor changes in the training and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import CONFIG, SHORT, fake_photos

from catsdogs.backbone import Backbone, copy_of_base, cut
from catsdogs.config import BetterConfig, Config
from catsdogs.data import split_photos
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study import studies
from catsdogs.study.studies import (
    better_run,
    fine_tune_run,
    head_run,
    measure_parts,
    random_base,
    recipe_run,
    split_with_few,
    transfer_run,
)
from catsdogs.training import build_head, fit

FAST = replace(SHORT, head_epochs=1, fine_tune_epochs=1)
HIGH = replace(FAST, fine_tune_learning_rate=1e-2)
MEASURES = {f"{part}_{key}" for part in ("train", "validation", "test")
            for key in studies.MEASURES}


@pytest.fixture(scope="module")
def materials(studied, backbone):
    return Materials(CONFIG, studied.photos, studied.split, backbone, studied.maps)


def test_few_photos_are_repeated_until_the_epoch_is_as_long_as_before():
    photos, config = fake_photos(100), Config(seed=3)
    whole, few = split_photos(photos, config), split_with_few(photos, config, 20)
    different, times = np.unique(few.train, return_counts=True)
    assert len(few.train) == len(whole.train) and len(different) == 20
    assert times.max() - times.min() <= 1
    assert set(different) <= set(whole.train)
    assert np.bincount(photos.labels[different]).tolist() == [10, 10]
    assert (few.validation == whole.validation).all() and (few.test == whole.test).all()


@pytest.mark.slow
def test_a_run_measures_what_train_measures_and_leaves_the_materials_alone(trained):
    before = trained.materials.backbone.base.get_weights()
    for number, row in enumerate(recipe_run(trained.materials, trained.materials.config, "desafio"), start=1):
        recorded = trained.record[f"phase{number}"]
        assert row["phase"] == number and row["epochs"] == len(recorded["history"]["loss"])
        for part in ("validation", "test"):
            assert row[f"{part}_accuracy"] == recorded[part]["accuracy"]
            assert row[f"{part}_loss"] == pytest.approx(recorded[part]["loss"], rel=1e-5)
    after = trained.materials.backbone.base.get_weights()
    assert all((one == two).all() for one, two in zip(before, after, strict=True))


@pytest.mark.slow
def test_the_better_recipe_answers_from_one_view_and_from_both(trained, monkeypatch):
    monkeypatch.setenv("CATSDOGS_CACHE", str(trained.cache))
    config = BetterConfig(image_size=96, head_epochs=1, fine_tune_epochs=1, seed=3, unfrozen_layers=20)
    train_better, trained_with = studies.train_better, {}

    def train_once(base, views, labels, split, config):
        if config not in trained_with:
            trained_with[config] = train_better(base, views, labels, split, config)
        return trained_with[config]

    monkeypatch.setattr(studies, "train_better", train_once)
    one, both = better_run(trained.materials, config, "receita")
    assert (one["views"], both["views"]) == (1, 2) and one["test_loss"] != both["test_loss"]
    assert MEASURES | {"phase", "views", "epochs", "seconds"} == set(one)
    row, = recipe_run(trained.materials, config, "melhor")
    assert len(trained_with) == 1
    assert row["views"] == 2 and row["test_loss"] == pytest.approx(both["test_loss"], rel=1e-4)


def test_few_photos_change_with_the_seed_only():
    photos = fake_photos(100)
    one, same, other = (split_with_few(photos, Config(seed=seed), 20).train for seed in (1, 1, 2))
    assert (one == same).all() and set(one) != set(other)


def test_all_photos_are_the_usual_split():
    photos = fake_photos(20)
    assert (split_with_few(photos, CONFIG, None).train == split_photos(photos, CONFIG).train).all()


def test_repeated_photos_count_once_in_the_measures():
    photos = fake_photos(100)
    split = split_with_few(photos, CONFIG, 20)
    right = np.eye(2)[photos.labels]
    right[split.train[0]] = right[split.train[0], ::-1]  # one training photo answered wrongly
    measures = measure_parts(right, photos, split)
    assert set(measures) == MEASURES
    assert measures["train_errors"] == 1 and measures["train_accuracy"] == pytest.approx(0.95)
    assert measures["test_errors"] == 0 and measures["test_auc"] == 1


@pytest.mark.slow
def test_flatten_gives_the_head_every_position(materials):
    (gap,), (flat,) = (head_run(materials, FAST, pooling) for pooling in ("gap", "flatten"))
    positions = np.prod(materials.backbone.tail.output_shape[1:3])
    units, photos = CONFIG.head_units, len(materials.photos)
    rest = units + 2 * units + 2
    assert gap["parameters"] == 1280 * units + rest and flat["parameters"] == positions * 1280 * units + rest
    assert gap["feature_bytes"] == photos * 1280 * 4 and flat["feature_bytes"] == positions * gap["feature_bytes"]
    assert gap["epochs"] == 1 and set(gap) >= MEASURES


@pytest.mark.slow
def test_the_mean_of_the_flat_features_is_the_pooled_ones(materials):
    flat = studies.flat_features(materials.backbone.tail, materials.maps)
    assert np.allclose(flat.reshape(len(flat), -1, 1280).mean(axis=1), materials.features, atol=1e-5)


@pytest.fixture(scope="module")
def fine_tuned(materials):
    """The row of one run at a high learning rate."""
    return fine_tune_run(materials, HIGH)[0]


@pytest.mark.slow
def test_without_fine_tuning_nothing_is_lost(materials, monkeypatch):
    class Former:
        def answers(self, features):
            return features[:, :10].argmax(axis=1)

    monkeypatch.setattr(studies, "load_original_classifier", lambda base: Former())
    (row,) = fine_tune_run(materials, replace(FAST, unfrozen_layers=0))
    (phase1,) = head_run(materials, FAST)
    assert row["cka"] == pytest.approx(1) and row["original_agreement"] == 1 and row["epochs"] == 0
    assert row["parameters"] == phase1["parameters"]
    assert row["test_loss"] == pytest.approx(phase1["test_loss"], rel=1e-4)


@pytest.mark.slow
def test_a_high_learning_rate_moves_the_features(fine_tuned):
    assert 0 <= fine_tuned["cka"] < 0.99 and 0 <= fine_tuned["probe_accuracy"] <= 1 and fine_tuned["epochs"] == 1
    assert set(fine_tuned) >= MEASURES and "original_agreement" not in fine_tuned


@pytest.mark.slow
def test_the_same_seed_gives_the_same_row_and_leaves_the_materials_alone(materials, fine_tuned):
    before = materials.backbone.base.get_weights()
    (same,) = fine_tune_run(materials, HIGH)
    assert {**same, "seconds": 0} == {**fine_tuned, "seconds": 0}
    assert all((one == two).all() for one, two in zip(before, materials.backbone.base.get_weights(), strict=True))


def changed_by_training(materials, layers: int, batch_norm: str) -> dict[str, list[bool]]:
    """For each layer of the tail that one epoch changed, which of its weights changed."""
    tail = cut(copy_of_base(materials.backbone.base), CONFIG.unfrozen_layers)[1]
    before = {layer.name: layer.get_weights() for layer in tail.layers}
    model = studies._thawed(tail, build_head(CONFIG), layers, batch_norm)
    fit(model, materials.maps, materials.photos.labels, materials.split, CONFIG, 1e-3, 1)
    changed = {layer.name: [bool((one != two).any()) for one, two in zip(before[layer.name], layer.get_weights(),
                                                                         strict=True)] for layer in tail.layers}
    return {name: weights for name, weights in changed.items() if any(weights)}


@pytest.mark.slow
@pytest.mark.parametrize("layers", [3, 11, 20])
def test_frozen_changes_the_convolutions_of_the_last_layers_only(materials, layers):
    last = materials.backbone.base.layers[-layers:]
    expected = {layer.name for layer in last if layer.weights and not layer.name.endswith("BN")
                and not layer.name.endswith("bn")}
    assert set(changed_by_training(materials, layers, "frozen")) == expected != set()


@pytest.mark.slow
def test_trained_moves_the_batch_statistics_too(materials):
    changed = changed_by_training(materials, 3, "trained")
    assert changed == {"Conv_1": [True], "Conv_1_bn": [True] * 4}  # gamma, beta, mean, variance


@pytest.mark.slow
def test_inference_learns_the_factors_of_batch_norm(materials):
    # Whether training=False holds the statistics still depends on Keras (keras-team/keras#20285).
    changed = changed_by_training(materials, 3, "inference")
    assert set(changed) == {"Conv_1", "Conv_1_bn"} and changed["Conv_1_bn"][:2] == [True, True]


def test_inference_answers_as_the_frozen_model_before_training(materials):
    tail, head = cut(copy_of_base(materials.backbone.base), CONFIG.unfrozen_layers)[1], build_head(CONFIG)
    frozen, inference = (studies._thawed(tail, head, 20, batch_norm).predict(materials.maps[:8], verbose=0)
                         for batch_norm in ("frozen", "inference"))
    assert np.allclose(frozen, inference, atol=1e-6)


@pytest.mark.slow
def test_more_layers_than_the_tail_holds_start_from_an_earlier_cut(materials, fine_tuned, monkeypatch):
    asked = []

    def keras_activations(photos, backbone: Backbone, config):
        asked.append(backbone.fingerprint)
        pixels = studies._pixels(photos, np.arange(len(photos)), config.image_size)
        return backbone.trunk.predict(studies.preprocess(pixels), verbose=0)

    monkeypatch.setattr(studies, "activations", keras_activations)
    (row,) = fine_tune_run(materials, replace(FAST, unfrozen_layers=38, fine_tune_learning_rate=1e-9))
    assert asked and asked[0] != materials.backbone.fingerprint
    assert row["parameters"] > fine_tuned["parameters"]
    assert row["cka"] == pytest.approx(1, abs=1e-3)  # the earlier maps lead to the same features


def test_an_earlier_cut_without_photos_is_refused(materials, refused):
    alone = replace(materials, photos=replace(materials.photos, folder=None))
    assert "fotos" in refused(fine_tune_run, alone, replace(FAST, unfrozen_layers=38))


@pytest.mark.slow
def test_random_networks_are_frozen_reproducible_and_differ_by_seed(studied, backbone):
    one, same, other = (random_base(studied.photos, replace(CONFIG, seed=seed)).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    # The kernels and statistics differ; gamma and beta still are ones and zeros.
    assert sum((a != b).any() for a, b in zip(one, other, strict=True)) > len(one) / 2
    assert any((a != b).any() for a, b in zip(one, backbone.base.get_weights(), strict=True))


@pytest.mark.slow
def test_a_random_network_keeps_its_activations_at_a_usual_size(studied):
    base = random_base(studied.photos, CONFIG)
    assert not base.trainable_weights
    pixels = studies.preprocess(studies._pixels(studied.photos, studied.split.test, CONFIG.image_size))
    features = base.predict(pixels, verbose=0)
    assert 0.1 < features.std() < 3


@pytest.mark.slow
def test_transfer_gives_a_row_per_size_and_a_row_per_layer(materials, monkeypatch):
    monkeypatch.setattr("catsdogs.features._keras_is_faster", lambda: True)
    monkeypatch.setattr(studies, "TRAIN_SIZES", (10, 20, 1000))
    rows = transfer_run(materials, FAST, "pretrained")
    most = len(materials.split.train)
    assert [row["train_photos"] for row in rows if "layer" not in row] == [10, 20, most]
    assert [row["layer"] for row in rows if "layer" in row] == list(studies.PROBED_LAYERS)
    assert all(set(row) >= MEASURES for row in rows)
    (usual,) = head_run(materials, FAST)
    assert rows[2]["test_loss"] == pytest.approx(usual["test_loss"], rel=1e-2)  # the same features by another road


@pytest.mark.slow
def test_from_scratch_the_whole_network_is_trained(materials, monkeypatch):
    def small_network(size):
        photo = keras.Input((size, size, 3))
        return keras.Model(photo, keras.layers.Conv2D(1280, 3, strides=8)(photo))

    monkeypatch.setattr(studies, "new_base", small_network)
    monkeypatch.setattr(studies, "SMALL_IMAGE", 32)
    monkeypatch.setattr(studies, "SCRATCH_SIZES", (20, 1000))
    monkeypatch.setattr(studies, "SCRATCH_PHOTO_PASSES", 160)
    rows = transfer_run(materials, FAST, "scratch")
    most = len(materials.split.train)
    assert [(row["train_photos"], row["epochs"] <= 160 // row["train_photos"]) for row in rows] == [
        (20, True), (most, True)]
    whole = small_network(32).count_params() + build_head(CONFIG).count_params()
    assert all(set(row) >= MEASURES and row["parameters"] == whole for row in rows)
