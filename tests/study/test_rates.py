"""The range test: a rising rate, the loss before each step, and an end where it is no number."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import FAST

from catsdogs.quiet import keras
from catsdogs.study import rates
from catsdogs.study.rates import HIGHEST, LOWEST, range_run, range_test


def logistic() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])


def test_the_rate_rises_by_a_fixed_factor_and_the_loss_is_taken_before_the_step():
    model, inputs, labels = logistic(), np.eye(3, dtype=np.float32), np.array([0, 1, 1])
    answers = model.predict(inputs, verbose=0)
    tried, losses = range_test(model, inputs, labels, batch_size=3, seed=0, steps=20)
    assert (tried[0], tried[-1]) == (pytest.approx(LOWEST), pytest.approx(HIGHEST))
    assert np.allclose(tried[1:] / tried[:-1], tried[1] / tried[0])
    assert losses[0] == pytest.approx(-np.log(answers[np.arange(3), labels]).mean(), rel=1e-4)
    assert len(losses) == 20 and losses.min() < losses[0]


def test_it_ends_where_the_loss_is_no_number():
    class Breaks(keras.layers.Layer):
        """Finite until its weight has moved far."""

        def build(self, shape):
            self.weight = self.add_weight(shape=(1, 2), initializer="zeros")

        def call(self, inputs):
            far = keras.ops.max(keras.ops.abs(self.weight)) > 0.05
            return keras.ops.where(far, float("nan"), keras.ops.softmax(inputs @ self.weight))

    model = keras.Sequential([keras.Input((1,)), Breaks()])
    tried, losses = range_test(model, np.ones((4, 1), np.float32), np.array([0, 0, 0, 1]), 4, 0, steps=30)
    assert len(tried) == len(losses) < 30 and np.isfinite(losses).all()


@pytest.mark.slow
@pytest.mark.parametrize("part", ["head", "tail"])
def test_a_run_leaves_the_materials_alone_and_is_repeatable(materials, monkeypatch, part):
    monkeypatch.setattr(rates.range_test, "__defaults__", (5,))
    before = materials.backbone.base.get_weights()
    (row,), (same,) = range_run(materials, FAST, part), range_run(materials, FAST, part)
    assert row == same and len(row["rates"]) == len(row["losses"]) == 5
    other, = range_run(materials, replace(FAST, seed=1), part)
    assert other["losses"] != row["losses"]
    assert all((one == two).all() for one, two in zip(before, materials.backbone.base.get_weights(), strict=True))
