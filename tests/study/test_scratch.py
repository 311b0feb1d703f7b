"""From scratch: every weight learns, on a budget of photos seen."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import FAST, MEASURED

from catsdogs.quiet import keras
from catsdogs.study import scratch
from catsdogs.study.scratch import NETWORKS, PASSES, PEAK_RATES, SCRATCH_SIZES, SIZE, scratch_run


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_take_small_images_and_all_their_layers_learn(name):
    model = NETWORKS[name]()
    assert model.input_shape == (None, SIZE, SIZE, 3) and model.output_shape == (None, 2)
    assert all(layer.trainable for layer in model.layers)
    answers = model.predict(np.zeros((2, SIZE, SIZE, 3), np.float32), verbose=0)
    assert np.allclose(answers.sum(axis=1), 1)
    assert name in PASSES and name in PEAK_RATES and name in SCRATCH_SIZES


@pytest.mark.slow
@pytest.mark.compiled
def test_a_run_counts_its_epochs_and_learns_stripes(materials, monkeypatch):
    def tiny():
        return keras.Sequential([keras.Input((SIZE, SIZE, 3)),
                                 keras.layers.Conv2D(4, 5, strides=4, activation="relu"),
                                 keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")])

    monkeypatch.setitem(NETWORKS, "small", tiny)
    monkeypatch.setitem(PASSES, "small", 3200)
    monkeypatch.setitem(PEAK_RATES, "small", 0.02)
    (row,) = scratch_run(materials, replace(FAST, batch_size=16), "small", 20)
    assert row["epochs"] == 3200 // 20 and set(row) >= MEASURED
    assert row["parameters"] == tiny().count_params()
    assert row["train_accuracy"] > 0.9 and row["test_accuracy"] > 0.9
    monkeypatch.setattr(scratch, "MAX_EPOCHS", 8)
    (short,) = scratch_run(materials, replace(FAST, batch_size=16), "small", 20)
    assert short["epochs"] == 8 and short["test_loss"] != row["test_loss"]
