"""Where training starts: pre-trained, or random and frozen."""

from dataclasses import replace

import pytest
from helpers import CONFIG, FAST, MEASURED

from catsdogs.study import transfer_runs
from catsdogs.study.phase1_runs import head_run
from catsdogs.study.transfer_runs import random_base, transfer_run


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
    pixels = transfer_runs.preprocess(transfer_runs.pixels_of(studied.photos, studied.split.test, CONFIG.image_size))
    features = base.predict(pixels, verbose=0)
    assert 0.1 < features.std() < 3


@pytest.mark.slow
def test_transfer_gives_a_row_per_size_and_a_row_per_layer(materials, monkeypatch):
    monkeypatch.setattr("catsdogs.features._keras_is_faster", lambda: True)
    monkeypatch.setattr(transfer_runs, "TRAIN_SIZES", (10, 20, 1000))
    rows = transfer_run(materials, FAST, "pretrained")
    most = len(materials.split.train)
    assert [row["train_photos"] for row in rows if "layer" not in row] == [10, 20, most]
    assert [row["layer"] for row in rows if "layer" in row] == list(transfer_runs.PROBED_LAYERS)
    assert all(set(row) >= MEASURED for row in rows)
    (usual,) = head_run(materials, FAST)
    assert rows[2]["test_loss"] == pytest.approx(usual["test_loss"], rel=1e-2)  # the same features by another road
