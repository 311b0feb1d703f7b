"""The activations that ship with the repository."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import CONFIG, fake_photos

from catsdogs.features import activations
from catsdogs.storage.bundle import load_bundle_about, load_bundle_activations, load_bundle_index, save_bundle


@pytest.fixture
def bundled(isolated, studied, backbone):
    """The small set's activations as the repository's bundle."""
    save_bundle(isolated / "shipped" / "bundle.npz", studied.photos, studied.maps,
                np.zeros((len(studied.photos), 4), np.float32),
                {"fingerprint": backbone.fingerprint, "image_size": 96, "data": "fotos de teste"})
    return studied


def test_round_trip_errs_by_less_than_one_step_per_channel(bundled, backbone):
    restored = load_bundle_activations(bundled.photos.digests, 96, backbone.fingerprint)
    flat = bundled.maps.reshape(-1, 160)
    step = (flat.max(axis=0) - flat.min(axis=0)) / 255
    assert restored.dtype == np.float32 and restored.shape == bundled.maps.shape and step.min() > 0
    assert (np.abs(restored - bundled.maps) < step).all()


def test_extremes_and_constant_channels_survive(isolated):
    photos = fake_photos(1)
    values = np.array([[-1e3, 5.0, 0.0, 1e-9], [1e3, 5.0, 0.0, 3e-9]], np.float32).reshape(2, 1, 1, 4)
    save_bundle(isolated / "shipped" / "bundle.npz", photos, values, np.zeros((2, 4), np.float32),
                {"fingerprint": "f", "image_size": 96})
    np.testing.assert_allclose(load_bundle_activations(photos.digests, 96, "f"), values, rtol=1e-5, atol=1e-7)


def test_index_names_the_photos_row_for_row(bundled):
    index = load_bundle_index()
    photos = bundled.photos
    assert (index["names"], index["digests"], index["class_names"]) == (photos.names, photos.digests, ("cats", "dogs"))
    assert np.array_equal(index["labels"], photos.labels)
    assert load_bundle_about()["data"] == "fotos de teste"


def test_no_bundle_no_index():
    assert load_bundle_index() is None


def test_rows_come_in_the_order_asked_for(bundled, backbone):
    everything = load_bundle_activations(bundled.photos.digests, 96, backbone.fingerprint)
    chosen = [30, 2, 17]
    some = load_bundle_activations(tuple(bundled.photos.digests[i] for i in chosen), 96, backbone.fingerprint)
    assert np.array_equal(some, everything[chosen])


def test_photos_without_files_get_their_activations(bundled, backbone):
    photos = replace(bundled.photos, folder=None).subset(np.arange(5, 20))
    maps = activations(photos, backbone, CONFIG)
    np.testing.assert_allclose(maps, bundled.maps[5:20], atol=0.05)


def test_other_trunk_or_image_size_gives_one_sentence(bundled, backbone, refused):
    photos = replace(bundled.photos, folder=None)
    message = refused(activations, photos, replace(backbone, fingerprint="f" * 64), CONFIG)
    assert "só para o backbone" in message
    message = refused(activations, photos, backbone, replace(CONFIG, image_size=128))
    assert "96 px" in message and "128 px" in message
