"""Augmentation: what each kind does to a photo, and copies that are computed once."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import FAST, MEASURED

from catsdogs.quiet import keras
from catsdogs.study import augmentation
from catsdogs.study.augmentation import COPIES, KINDS, augmentation_run, augmented_features, changed
from catsdogs.study.phase1_runs import head_run


def photos(count=6, size=20) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (count, size, size, 3)).astype(np.float32)


def test_none_changes_nothing():
    np.testing.assert_array_equal(changed(photos(), "none"), photos())


def test_the_mirror_turns_some_photos_round_and_no_pixel_else():
    seen = changed(photos(20), "mirror")
    same = (seen == photos(20)).all(axis=(1, 2, 3))
    turned = (seen == photos(20)[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ turned).all() and 0 < same.sum() < 20


@pytest.mark.parametrize("kind", ["rotation", "zoom", "crop"])
def test_the_others_give_each_photo_another_change_in_the_same_size(kind):
    keras.utils.set_random_seed(0)  # else two changes may, by chance, be nearly the same
    one = np.repeat(photos(1), 5, axis=0)
    seen = changed(one, kind)
    assert seen.shape == one.shape and seen.min() >= 0 and seen.max() <= 255
    assert all(np.abs(seen[i] - seen[0]).max() > 1 for i in range(1, 5)) or kind == "crop"
    assert np.abs(seen - one).max() > 1


@pytest.fixture
def counted(monkeypatch):
    """How many photos the network saw at a time, with few copies of each photo."""
    monkeypatch.setattr(augmentation, "COPIES", 2)
    seen, make = [], augmentation.runner

    def counting(model):
        run = make(model)
        return lambda pixels: seen.append(len(pixels)) or run(pixels)

    monkeypatch.setattr(augmentation, "runner", counting)
    return seen


@pytest.mark.slow
def test_copies_are_computed_once_and_differ(materials, counted, isolated):
    few = replace(materials.photos, names=materials.photos.names[:8], labels=materials.photos.labels[:8],
                  digests=materials.photos.digests[:8])
    features = augmented_features(few, materials.backbone, materials.config, "rotation")
    assert features.shape == (2, 8, 1280) and sum(counted) == 16
    assert np.abs(features[0] - features[1]).max() > 0.01
    plain = augmented_features(few, materials.backbone, materials.config, "none")
    np.testing.assert_allclose(plain[0], materials.features[:8], atol=1e-3)
    augmented_features(few, materials.backbone, materials.config, "rotation")
    assert sum(counted) == 24


@pytest.mark.slow
def test_a_run_on_unchanged_photos_is_phase_one(materials, counted, isolated):
    (row,) = augmentation_run(materials, FAST, "none", 20)
    (usual,) = head_run(materials, FAST, train_photos=20)
    assert set(row) >= MEASURED and row["epochs"] == 1
    # Drawn in the photos' order, then shuffled by fit as usual.
    assert row["validation_loss"] == pytest.approx(usual["validation_loss"], rel=0.05)


def test_kinds_have_layers():
    assert COPIES > 1 and all(isinstance(augmentation.layers_of(kind, 20), list) for kind in KINDS)
