"""The better recipe: several views of each photo, a schedule, and a model that holds all views inside."""

from dataclasses import replace

import numpy as np
import pytest

from catsdogs.backbone import base_at, cut, find_base
from catsdogs.checkpoint import load_checkpoint, save_checkpoint
from catsdogs.config import BetterConfig
from catsdogs.photo import read_photo, resize_photo
from catsdogs.quiet import keras
from catsdogs.study.recipe import (
    ViewBatches,
    _warm_up_then_cosine,
    all_views,
    assemble_better,
    mean_over_views,
    train_better,
    view_sizes,
)

# Fewer layers and smaller views than the recipe's own, which train sooner.
BETTER = BetterConfig(image_size=64, fine_tune_epochs=2, head_epochs=2, head_learning_rate=1e-3, unfrozen_layers=3)


@pytest.fixture(scope="module")
def views(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CATSDOGS_CACHE", str(trained.cache))
        return all_views(trained.materials, BETTER)


@pytest.fixture(scope="module")
def result(trained, views):
    materials = trained.materials
    return train_better(materials.backbone.base, views, materials.photos.labels, materials.split, BETTER)


def test_views_are_the_photo_and_its_mirror_image_at_each_size(trained, views):
    assert view_sizes(BETTER) == [64, 128] and len(views) == 2
    assert view_sizes(BetterConfig()) == [224, 288]
    for size, pair in zip(view_sizes(BETTER), views, strict=True):
        trunk, _ = cut(base_at(trained.materials.backbone.base, size), BETTER.unfrozen_layers)
        photo = resize_photo(read_photo(trained.materials.photos.path(5)), size) / 127.5 - 1
        for seen, pixels in zip(pair, (photo, photo[:, ::-1]), strict=True):
            wanted = np.asarray(trunk(pixels[None]))[0]
            np.testing.assert_allclose(seen[5], wanted, atol=1e-4 * np.abs(wanted).max())
        assert np.abs(pair[0][5] - pair[1][5]).max() > 0.01


def test_batches_hold_each_photo_once_mirrored_or_not_at_one_scale_a_batch():
    views = [(tens + np.arange(10.0).reshape(10, 1, 1, 1), tens + 100 + np.arange(10.0).reshape(10, 1, 1, 1))
             for tens in (0, 200)]
    rows, targets = np.array([0, 2, 4, 6, 8]), np.eye(2)[np.arange(10) % 2]
    batches = ViewBatches(views, rows, targets, replace(BETTER, batch_size=2, seed=0))
    seen = []
    for _ in range(30):
        drawn = [batches[i][0].ravel() for i in range(len(batches))]
        assert all(len(set(batch // 200)) == 1 for batch in drawn)
        values = np.concatenate(drawn)
        assert sorted(values % 100) == [0, 2, 4, 6, 8]
        seen += list(values)
        batches.on_epoch_end()
    for share in (np.mean(np.array(seen) % 200 >= 100), np.mean(np.array(seen) >= 200)):
        assert 0.3 < share < 0.7
    x, y = batches[0]
    np.testing.assert_array_equal(y, targets[(x.ravel() % 100).astype(int)])


@pytest.mark.parametrize("seed", range(5))
def test_the_first_two_batches_show_keras_both_sizes(seed):
    views = [(np.zeros((8, side, side, 1)),) * 2 for side in (2, 3)]
    batches = ViewBatches(views, np.arange(8), np.eye(2)[np.arange(8) % 2], replace(BETTER, batch_size=2, seed=seed))
    assert [batches[i][0].shape[1] for i in range(4)] == [2, 3, 2, 3]


def test_without_the_mirror_no_batch_holds_a_mirror_image():
    views = [(np.zeros((10, 1, 1, 1)), np.ones((10, 1, 1, 1)))]
    batches = ViewBatches(views, np.arange(10), np.eye(2)[np.arange(10) % 2], replace(BETTER, mirror=False))
    assert not batches[0][0].any()


def test_the_learning_rate_climbs_for_an_epoch_and_falls_to_zero():
    schedule = _warm_up_then_cosine(replace(BETTER, fine_tune_epochs=4, fine_tune_learning_rate=1e-3), 10)
    rates = [float(schedule(step)) for step in range(41)]
    assert rates[0] == 0 and rates[10] == pytest.approx(1e-3) == max(rates)
    assert rates[40] == pytest.approx(0, abs=1e-9)
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)


@pytest.mark.slow
def test_training_leaves_the_backbone_and_the_frozen_layers_alone(trained, result):
    base, _ = result
    before = trained.materials.backbone.base
    first_tail = len(base.layers) - BETTER.unfrozen_layers
    changed = set()
    for index, (new, old) in enumerate(zip(base.layers, before.layers, strict=True)):
        same = all(np.array_equal(a, b) for a, b in zip(new.get_weights(), old.get_weights(), strict=True))
        assert same or index >= first_tail
        if isinstance(new, keras.layers.BatchNormalization):
            assert same
        if not same:
            changed.add(index)
    assert changed


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"mirror": False}, {"average_weights": False}, {"feature_dropout": 0.0}])
def test_every_ingredient_changes_what_is_learned(trained, views, result, change):
    materials = trained.materials
    _, other = train_better(materials.backbone.base, views, materials.photos.labels, materials.split,
                            replace(BETTER, **change))
    assert np.abs(other.predict(views[0][0], verbose=0) - result[1].predict(views[0][0], verbose=0)).max() > 1e-4


@pytest.mark.slow
def test_training_is_repeatable(trained, views, result):
    materials = trained.materials
    _, again = train_better(materials.backbone.base, views, materials.photos.labels, materials.split, BETTER)
    answers, same = (model.predict(views[0][0], verbose=0) for model in (result[1], again))
    np.testing.assert_allclose(same, answers, atol=1e-6)


@pytest.mark.slow
def test_the_whole_model_gives_the_mean_over_all_views(trained, views, result, tmp_path):
    base, model = result
    whole = assemble_better(base, model.get_layer("head"), BETTER)
    save_checkpoint(whole, tmp_path / "better.keras", ("cats", "dogs"), {})
    reopened, _ = load_checkpoint(tmp_path / "better.keras")
    photos = trained.materials.photos
    pixels = np.stack([read_photo(photos.path(i)) for i in range(4)])
    expected = mean_over_views(model, [(usual[:4], mirrored[:4]) for usual, mirrored in views])
    for candidate in (whole, reopened):
        answers = np.asarray(candidate(pixels))
        np.testing.assert_allclose(answers, expected, atol=1e-4)
        np.testing.assert_allclose(np.asarray(candidate(pixels[:, :, ::-1])), answers, atol=1e-5)
    assert find_base(reopened).name.startswith("mobilenetv2")


def test_without_photos_there_is_one_sentence(trained, refused):
    photos = replace(trained.materials.photos, folder=None)
    refused(all_views, replace(trained.materials, photos=photos), BETTER)
