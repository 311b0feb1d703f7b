"""Digits: other images, the same two phases."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import FAST, MEASURED

from catsdogs.study import digits
from catsdogs.study.digits import digit_images, digits_run


def test_the_digits_are_photos_of_eight_pixels():
    images, which = digit_images()
    assert images.shape == (1797, 8, 8, 3) and images.dtype == np.uint8 and images.max() == 255
    assert sorted(set(which)) == list(range(10))
    assert (images[..., 0] == images[..., 2]).all()


@pytest.mark.slow
def test_a_run_gives_a_row_per_phase_and_leaves_the_backbone_alone(materials, monkeypatch):
    images, which = digit_images()
    monkeypatch.setattr(digits, "digit_images", lambda: (images[:60], which[:60]))
    monkeypatch.setattr(digits, "TEST", 20)
    monkeypatch.setattr(digits, "VALIDATION", 10)
    before = materials.backbone.base.get_weights()
    first, second = digits_run(materials, replace(FAST, fine_tune_learning_rate=1e-3))
    assert (first["phase"], second["phase"]) == (1, 2) and set(first) >= MEASURED
    assert first["images"] == 60 and "dígitos" in first["source"]
    assert sum(map(sum, first["test_confusion"])) == 20 and sum(map(sum, first["train_confusion"])) == 30
    assert first["test_loss"] != second["test_loss"]
    assert all((one == two).all() for one, two in zip(before, materials.backbone.base.get_weights(), strict=True))
