"""What a photo shows besides cat or dog."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from catsdogs.photo import read_photo
from catsdogs.storage.bundle import bundle_path, save_bundle
from catsdogs.study.attributes import ATTRIBUTES, attributes_of, photo_attributes


def of(pixels) -> dict[str, float]:
    return dict(zip(ATTRIBUTES, photo_attributes(pixels), strict=True))


def plain(*colour) -> np.ndarray:
    return np.broadcast_to(np.array(colour, dtype=np.uint8), (8, 8, 3))


def test_brightness_weighs_the_colours_as_bt_601_does():
    assert of(plain(255, 255, 255))["brightness"] == pytest.approx(255)
    assert [of(plain(*255 * np.eye(3)[channel]))["brightness"] for channel in range(3)] == pytest.approx(
        [255 * weight for weight in (0.299, 0.587, 0.114)], rel=1e-5)


def test_a_plain_photo_has_no_contrast_and_the_least_sharpness():
    seen = of(plain(90, 90, 90))
    assert seen["contrast"] == pytest.approx(0, abs=1e-4) and seen["sharpness"] == pytest.approx(-5, abs=0.01)


def test_contrast_is_the_deviation_and_sharpness_the_laplacian():
    stripes = np.zeros((8, 8, 3)) + 100 * (np.arange(8) % 2)[None, :, None]
    seen = of(stripes)
    assert seen["contrast"] == pytest.approx(50)
    assert seen["sharpness"] == pytest.approx(np.log(200), abs=1e-4)  # 100 - 2 * 0 + 100, or the other way round


def test_the_same_photo_blurred_is_less_sharp(trained):
    path = trained.materials.photos.path(0)
    blurred = np.asarray(Image.fromarray(read_photo(path)).reduce(4).resize((112, 100), Image.Resampling.BILINEAR))
    assert of(blurred)["sharpness"] < of(read_photo(path))["sharpness"] - 1


@pytest.mark.parametrize(("colour", "degrees"), [((255, 0, 0), 0), ((255, 255, 0), 60), ((0, 255, 0), 120),
                                                 ((0, 0, 255), -120), ((9, 9, 9), 0)])
def test_hue_is_the_angle_of_the_colour_circle(colour, degrees):
    assert of(plain(*colour))["hue"] == pytest.approx(np.radians(degrees), abs=1e-5)


def test_without_files_they_come_from_the_bundle(trained, isolated):
    photos = trained.materials.photos
    alone = replace(photos, folder=None)
    computed = attributes_of(photos)
    assert computed.shape == (len(photos), len(ATTRIBUTES)) and computed.dtype == np.float32
    bundle_path().parent.mkdir(parents=True, exist_ok=True)
    save_bundle(bundle_path(), photos, trained.materials.maps, computed, {"fingerprint": "f", "image_size": 96})
    np.testing.assert_array_equal(attributes_of(replace(alone, digests=alone.digests[::-1])), computed[::-1])
