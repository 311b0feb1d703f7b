"""The audit recovers what was planted, and says nothing of clean data."""

import io
import tracemalloc

import numpy as np
import pytest
import sklearn
from helpers import fake_photos, make_photos
from PIL import Image, ImageEnhance, ImageOps
from sklearn.metrics import pairwise_distances

from catsdogs.data import Split, index_folder
from catsdogs.photo import read_photo, sample_photo
from catsdogs.study.audit import (
    HASH_LIMIT,
    close_pairs,
    compare_classes,
    confident_classes,
    crossing,
    difference_hash,
    out_of_fold_probabilities,
    photo_statistics,
    scan,
    suspicious_labels,
)


def scene(seed, width=160, height=120):
    """A photo of smooth patches, different for each seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC)


def recompressed(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


COPIES = {
    "resized": lambda image: image.resize((80, 60)),
    "recompressed": recompressed,
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
}


def hash_distance(first, second):
    return np.mean(difference_hash(np.asarray(first)) != difference_hash(np.asarray(second)))


@pytest.mark.parametrize("change", COPIES)
@pytest.mark.parametrize("original", [scene(0), Image.fromarray(read_photo(sample_photo()))], ids=["scene", "cat"])
def test_copy_has_nearly_the_same_hash(original, change):
    assert hash_distance(original, COPIES[change](original)) <= HASH_LIMIT


@pytest.mark.parametrize("change", [ImageOps.mirror, lambda image: scene(1)], ids=["mirrored", "other"])
def test_another_picture_has_another_hash(change):
    assert hash_distance(scene(0), change(scene(0))) > 2 * HASH_LIMIT


def test_hash_by_hand():
    ramp = np.tile(np.linspace(0, 255, 170).astype(np.uint8)[:, None], (160, 1, 3))
    assert difference_hash(ramp).shape == (256,)
    assert difference_hash(ramp).all()
    assert not difference_hash(ramp[:, ::-1]).any()


def test_planted_copies_are_found_and_no_other_pair(tmp_path):
    for label, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        for seed in range(12):
            scene(100 * label + seed).save(tmp_path / name / f"{seed}.png")
    for name, change in COPIES.items():
        change(scene(3)).save(tmp_path / "cats" / f"copy-{name}.png")
    photos = index_folder(tmp_path, "teste")
    hashes, _ = scan(photos)
    pairs = close_pairs(hashes, "hamming", HASH_LIMIT)
    same = {"cats/3.png", "cats/copy-resized.png", "cats/copy-recompressed.png", "cats/copy-brightened.png"}
    assert len(pairs) == 6 and {photos.names[i] for pair in pairs for i in (pair.first, pair.second)} == same


def test_planted_copy_is_found_among_features():
    rng = np.random.default_rng(0)
    features = rng.exponential(size=(40, 200))
    features[30] = 1.1 * features[5] + rng.uniform(0, 0.2, 200)
    assert [(pair.first, pair.second) for pair in close_pairs(features, "cosine", 0.15)] == [(5, 30)]


def test_pairs_come_nearest_first_and_only_within_the_limit():
    rows = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.3], [0.0, 1.0]])
    pairs = close_pairs(rows, "cosine", 0.15)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (1, 2), (0, 2)]
    assert pairs[0].distance == pytest.approx(1 - 1 / np.sqrt(1.01))


@pytest.mark.parametrize("metric", ["hamming", "cosine"])
def test_pairs_are_those_of_all_distances_without_holding_them_all(metric):
    rng = np.random.default_rng(0)
    rows = rng.random((2000, 16)) > 0.5 if metric == "hamming" else rng.normal(size=(2000, 6))
    limit = 0.1
    with sklearn.config_context(working_memory=1):
        tracemalloc.start()
        found = close_pairs(rows, metric, limit)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    near = np.argwhere(np.triu(pairwise_distances(rows, metric=metric) <= limit, 1))
    assert sorted([pair.first, pair.second] for pair in found) == near.tolist() != []
    assert peak < 8 * len(rows) ** 2 / 2


def test_only_groups_in_two_parts_cross():
    split = Split(train=np.array([0, 1, 4]), validation=np.array([2]), test=np.array([3, 5]))
    assert crossing([[0, 1, 4], [1, 3], [3, 5], [0, 2]], split) == [[1, 3], [0, 2]]


def test_statistics_by_hand():
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[:, :2] = 200
    assert photo_statistics(pixels, 1234) == pytest.approx((4, 2, 1234, 100, 100))


def test_scan_measures_each_file(tmp_path):
    photos = index_folder(make_photos(tmp_path, count=10, size=(40, 30)), "teste")
    hashes, statistics = scan(photos)
    assert hashes.shape == (20, 256) and hashes.dtype == bool
    assert np.all(statistics[:, :2] == (40, 30))
    assert statistics[7, 2] == photos.path(7).stat().st_size
    assert tuple(statistics[7]) == photo_statistics(read_photo(photos.path(7)), photos.path(7).stat().st_size)


def test_scan_needs_the_photos(refused):
    assert "CATSDOGS_DATA" in refused(scan, fake_photos(10))


def test_corrupt_file_and_identical_copy_are_listed(tmp_path):
    folder = make_photos(tmp_path, count=11)
    whole = (folder / "cats" / "000.jpg").read_bytes()
    (folder / "cats" / "001.jpg").write_bytes(whole[:len(whole) // 2])
    (folder / "dogs" / "010.jpg").write_bytes(whole)
    photos = index_folder(folder, "teste")
    reasons = dict(photos.skipped)
    assert set(reasons) == {"cats/001.jpg", "dogs/010.jpg"}
    assert "corrompido" in reasons["cats/001.jpg"]
    assert reasons["dogs/010.jpg"] == "cópia idêntica de cats/000.jpg, que está na outra classe."
    assert not {name for name, _ in photos.skipped} & set(photos.names)


def separable(photos, seed=0, distance=6.0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(photos) % 2)
    features = rng.normal(size=(photos, 20))
    features[:, :4] += distance / 2 * (2 * labels[:, None] - 1)
    return features, labels


@pytest.mark.parametrize("photos", [60, 400])
def test_planted_flips_are_found(photos):
    features, labels = separable(photos)
    flipped = np.random.default_rng(1).choice(photos, photos // 20, replace=False)
    noisy = labels.copy()
    noisy[flipped] = 1 - noisy[flipped]
    found = suspicious_labels(out_of_fold_probabilities(features, noisy, C=1.0), noisy)
    assert set(found) <= set(flipped)
    # A photo below its class's mean is no confident one, so some always escape.
    assert len(found) >= 0.6 * len(flipped)


def test_clean_labels_raise_no_suspicion():
    features, labels = separable(400)
    probabilities = out_of_fold_probabilities(features, labels)
    assert len(suspicious_labels(probabilities, labels)) == 0
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_probabilities_come_from_the_other_folds():
    # Labels unrelated to the features: who had seen them would get them all right.
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    probabilities = out_of_fold_probabilities(rng.normal(size=(100, 300)), labels, C=10.0)
    assert 0.25 < (probabilities.argmax(axis=1) == labels).mean() < 0.75


def test_confident_rule_by_hand():
    second = np.array([0.1, 0.3, 0.9, 0.6, 0.85, 0.45, 0.95, 0.05])
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    probabilities = np.stack([1 - second, second], axis=1)
    # Thresholds: the means, (0.9 + 0.7 + 0.1) / 3 = 0.567 and (0.6 + 0.85 + 0.45 + 0.95 + 0.05) / 5 = 0.58.
    assert confident_classes(probabilities, labels).tolist() == [0, 0, 1, 1, 1, -1, 1, 0]
    assert suspicious_labels(probabilities, labels).tolist() == [7, 2]


def test_both_thresholds_reached_the_more_probable_class_wins():
    probabilities = np.array([[0.6, 0.4], [0.2, 0.8], [0.7, 0.3], [0.9, 0.1]])
    labels = np.array([0, 0, 1, 1])
    # Thresholds 0.4 and 0.2, both reached by the first and the third.
    assert confident_classes(probabilities, labels).tolist() == [0, 1, 0, 0]


def test_classes_that_differ_are_told_apart():
    comparison = compare_classes(np.array([1.0, 2.0, 3.0, 3.0, 4.0, 5.0]), np.array([0, 0, 0, 1, 1, 1]))
    assert comparison.medians == (2.0, 4.0)
    assert comparison.superiority == pytest.approx(8.5 / 9)
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    same, shifted = (compare_classes(rng.normal(size=400) + shift * labels, labels) for shift in (0, 1))
    assert shifted.p_value < 1e-6 < 0.01 < same.p_value
    assert abs(same.superiority - 0.5) < 0.1


def test_planted_shortcut_is_found():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    widths = 300 + 100 * labels + rng.normal(0, 50, 200)
    others = rng.normal(size=(200, 3))
    with_it, without = (out_of_fold_probabilities(rows, labels, C=1.0).argmax(axis=1) == labels
                        for rows in (np.column_stack([widths, others]), others))
    assert with_it.mean() > 0.75
    assert without.mean() < 0.65
