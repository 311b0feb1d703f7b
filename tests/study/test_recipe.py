"""The better recipe: two views of each photo, a schedule, and a model that holds both views inside."""

from dataclasses import replace

import numpy as np
import pytest

from catsdogs.backbone import cut, find_base
from catsdogs.checkpoint import load_checkpoint, save_checkpoint
from catsdogs.config import BetterConfig
from catsdogs.photo import read_photo, resize_photo
from catsdogs.quiet import keras
from catsdogs.study.recipe import (
    MirroredBatches,
    _warm_up_then_cosine,
    assemble_better,
    both_views,
    mean_over_views,
    train_better,
)

# Fewer layers than the recipe's own, which train sooner.
BETTER = BetterConfig(image_size=96, fine_tune_epochs=2, head_epochs=4, head_learning_rate=1e-3, unfrozen_layers=3)


@pytest.fixture(scope="module")
def views(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CATSDOGS_CACHE", str(trained.cache))
        return both_views(trained.materials, BETTER)


@pytest.fixture(scope="module")
def result(trained, views):
    materials = trained.materials
    return train_better(materials.backbone.base, views, materials.photos.labels, materials.split, BETTER)


def test_the_second_view_is_that_of_the_mirrored_photo(trained, views):
    trunk, _ = cut(trained.materials.backbone.base, BETTER.unfrozen_layers)
    photo = resize_photo(read_photo(trained.materials.photos.path(5)), 96) / 127.5 - 1
    expected = [np.asarray(trunk(view[None]))[0] for view in (photo, photo[:, ::-1])]
    for view, wanted in zip(views, expected, strict=True):
        np.testing.assert_allclose(view[5], wanted, atol=1e-4 * np.abs(wanted).max())
    assert np.abs(views[0][5] - views[1][5]).max() > 0.01


def test_batches_hold_each_photo_once_in_one_view_or_the_other():
    views = [np.arange(10.0).reshape(10, 1, 1, 1), 100 + np.arange(10.0).reshape(10, 1, 1, 1)]
    rows, targets = np.array([0, 2, 4, 6, 8]), np.eye(2)[np.arange(10) % 2]
    batches = MirroredBatches(views, rows, targets, batch_size=2, seed=0)
    seen = []
    for _ in range(20):
        values = np.concatenate([batches[i][0].ravel() for i in range(len(batches))])
        assert sorted(values % 100) == [0, 2, 4, 6, 8]
        seen += list(values)
        batches.on_epoch_end()
    share = np.mean(np.array(seen) >= 100)
    assert 0.3 < share < 0.7
    x, y = batches[0]
    np.testing.assert_array_equal(y, targets[(x.ravel() % 100).astype(int)])


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
@pytest.mark.parametrize("change", [{"mirror": False}, {"average_weights": False}, {"label_smoothing": 0.2}])
def test_every_ingredient_changes_what_is_learned(trained, views, result, change):
    materials = trained.materials
    _, other = train_better(materials.backbone.base, views, materials.photos.labels, materials.split,
                            replace(BETTER, **change))
    assert np.abs(other.predict(views[0], verbose=0) - result[1].predict(views[0], verbose=0)).max() > 1e-4


@pytest.mark.slow
def test_training_is_repeatable(trained, views, result):
    materials = trained.materials
    _, again = train_better(materials.backbone.base, views, materials.photos.labels, materials.split, BETTER)
    np.testing.assert_allclose(again.predict(views[0], verbose=0), result[1].predict(views[0], verbose=0), atol=1e-6)


@pytest.mark.slow
def test_the_whole_model_gives_the_mean_over_both_views(trained, views, result, tmp_path):
    base, model = result
    whole = assemble_better(base, model.get_layer("head"), BETTER)
    save_checkpoint(whole, tmp_path / "better.keras", ("cats", "dogs"), {})
    reopened, _ = load_checkpoint(tmp_path / "better.keras")
    photos = trained.materials.photos
    pixels = np.stack([resize_photo(read_photo(photos.path(i)), 96) for i in range(4)])
    expected = mean_over_views(model, [view[:4] for view in views])
    for candidate in (whole, reopened):
        answers = np.asarray(candidate(pixels))
        np.testing.assert_allclose(answers, expected, atol=1e-4)
        np.testing.assert_allclose(np.asarray(candidate(pixels[:, :, ::-1])), answers, atol=1e-5)
    assert find_base(reopened).name.startswith("mobilenetv2")


def test_without_photos_there_is_one_sentence(trained, refused):
    photos = replace(trained.materials.photos, folder=None)
    refused(both_views, replace(trained.materials, photos=photos), BETTER)
