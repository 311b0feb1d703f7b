"""Phase 2: which layers learn, what becomes of BatchNorm, and what is lost."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import CONFIG, FAST, MEASURED

from catsdogs.backbone import Backbone, copy_of_base, cut
from catsdogs.features import preprocess
from catsdogs.photo import read_photo, resize_photo
from catsdogs.study import phase2_runs
from catsdogs.study.attributes import ATTRIBUTES
from catsdogs.study.phase1_runs import head_run
from catsdogs.study.phase2_runs import _unfrozen, fine_tune_run
from catsdogs.training import build_head, fit

HIGH = replace(FAST, fine_tune_learning_rate=1e-2)


@pytest.fixture(scope="module")
def fine_tuned(materials):
    """The row of one run at a high learning rate."""
    return fine_tune_run(materials, HIGH)[0]


@pytest.mark.slow
def test_without_fine_tuning_nothing_is_lost(materials):
    (row,) = fine_tune_run(materials, replace(FAST, unfrozen_layers=0))
    (phase1,) = head_run(materials, FAST)
    assert row["cka"] == pytest.approx(1) and row["epochs"] == 0
    for name in ATTRIBUTES:
        assert row[f"{name}_probe"] == row[f"{name}_probe_before"]
    assert row["parameters"] == phase1["parameters"]
    assert row["test_loss"] == pytest.approx(phase1["test_loss"], rel=1e-4)


@pytest.mark.slow
def test_a_high_learning_rate_moves_the_features(fine_tuned):
    assert 0 <= fine_tuned["cka"] < 0.99 and 0 <= fine_tuned["probe_accuracy"] <= 1 and fine_tuned["epochs"] == 1
    assert set(fine_tuned) >= MEASURED


@pytest.mark.slow
@pytest.mark.compiled
def test_the_same_seed_gives_the_same_row_and_leaves_the_materials_alone(materials, fine_tuned):
    before = materials.backbone.base.get_weights()
    (same,) = fine_tune_run(materials, HIGH)
    assert {**same, "seconds": 0} == {**fine_tuned, "seconds": 0}
    assert all((one == two).all() for one, two in zip(before, materials.backbone.base.get_weights(), strict=True))


def changed_by_training(materials, layers: int, batch_norm: str) -> dict[str, list[bool]]:
    """For each layer of the tail that one epoch changed, which of its weights changed."""
    tail = cut(copy_of_base(materials.backbone.base), CONFIG.unfrozen_layers)[1]
    before = {layer.name: layer.get_weights() for layer in tail.layers}
    model = _unfrozen(tail, build_head(CONFIG), layers, batch_norm)
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
    frozen, inference = (_unfrozen(tail, head, 20, batch_norm).predict(materials.maps[:8], verbose=0)
                         for batch_norm in ("frozen", "inference"))
    assert np.allclose(frozen, inference, atol=1e-6)


@pytest.mark.slow
def test_more_layers_than_the_tail_holds_start_from_an_earlier_cut(materials, fine_tuned, monkeypatch):
    asked = []

    def keras_activations(photos, backbone: Backbone, config):
        asked.append(backbone.fingerprint)
        pixels = [resize_photo(read_photo(photos.path(i)), config.image_size) for i in range(len(photos))]
        return backbone.trunk.predict(preprocess(np.stack(pixels)), verbose=0)

    monkeypatch.setattr(phase2_runs, "activations", keras_activations)
    (row,) = fine_tune_run(materials, replace(FAST, unfrozen_layers=38, fine_tune_learning_rate=1e-9))
    assert asked and asked[0] != materials.backbone.fingerprint
    assert row["parameters"] > fine_tuned["parameters"]
    assert row["cka"] == pytest.approx(1, abs=1e-3)  # the earlier maps lead to the same features


def test_an_earlier_cut_without_photos_is_refused(materials, refused):
    alone = replace(materials, photos=replace(materials.photos, folder=None))
    assert "fotos" in refused(fine_tune_run, alone, replace(FAST, unfrozen_layers=38))
