"""Images that are neither cat nor dog: repeatable, well formed, and of really different kinds."""

import numpy as np
import pytest

from catsdogs.study.strange import KINDS, drawn_pets, random_crops, strange_images

PER_KIND, SIZE = 4, 64


@pytest.fixture(scope="module")
def by_kind():
    images, kinds = strange_images(PER_KIND, SIZE)
    return {kind: images[[name == kind for name in kinds]].astype(float) for kind in KINDS}


def roughness(images):
    """Mean absolute difference between neighbouring pixels."""
    return np.abs(np.diff(images, axis=2)).mean()


def test_images_and_kinds_go_together():
    images, kinds = strange_images(PER_KIND, SIZE)
    assert images.dtype == np.uint8 and images.shape == (PER_KIND * len(KINDS), SIZE, SIZE, 3)
    assert kinds == [kind for kind in KINDS for _ in range(PER_KIND)]


def test_the_seed_decides_everything():
    assert np.array_equal(strange_images(2, SIZE, seed=3)[0], strange_images(2, SIZE, seed=3)[0])
    one, other = strange_images(2, SIZE, seed=3)[0], strange_images(2, SIZE, seed=4)[0]
    assert all(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_more_images_of_a_kind_begin_with_the_same_ones(by_kind):
    images, kinds = strange_images(PER_KIND + 2, SIZE)
    for kind, fewer in by_kind.items():
        assert np.array_equal(images[[name == kind for name in kinds]][:PER_KIND], fewer)


def test_no_image_comes_twice(by_kind):
    images = np.concatenate(list(by_kind.values()))
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)


def test_plain_images_have_one_color_and_no_other_kind_does(by_kind):
    for kind, images in by_kind.items():
        flat = [np.ptp(image, axis=(0, 1)).max() == 0 for image in images]
        assert all(flat) if kind == "cor lisa" else not any(flat)


def test_stripes_have_two_colors(by_kind):
    for image in by_kind["listras"]:
        assert len(np.unique(image.reshape(-1, 3), axis=0)) == 2


def test_noise_is_rough_and_smooth_noise_is_not(by_kind):
    rough = roughness(by_kind["ruído uniforme"])
    assert rough > 2 * roughness(by_kind["ruído suave"])
    # Neighbours drawn evenly from 0 to 255 differ by a third of the range on average.
    assert rough == pytest.approx(256 / 3, rel=0.05)


@pytest.mark.parametrize("kind", ["peixe", "coelho", "texto", "formas"])
def test_a_drawing_covers_part_of_its_background(by_kind, kind):
    for image in by_kind[kind]:
        background = (np.abs(image - image[0, 0]).max(axis=-1) < 8).mean()
        assert 0.02 < background < 0.98


def test_pets_are_drawn_in_both_classes_and_differ_by_more_than_color():
    images, names = drawn_pets(2, SIZE)
    assert images.dtype == np.uint8 and images.shape == (4, SIZE, SIZE, 3)
    assert names == ["desenho de gato"] * 2 + ["desenho de cachorro"] * 2
    assert np.array_equal(images, drawn_pets(2, SIZE)[0])
    assert not np.array_equal(images[0], images[2])


def test_crops_come_from_the_photo_and_repeat_with_the_seed():
    rows, columns = np.mgrid[0:60, 0:90]
    photo = np.stack([rows, columns, np.full_like(rows, 7)], axis=-1).astype(np.uint8)
    crops = random_crops(photo, 5, SIZE, seed=1)
    assert crops.dtype == np.uint8 and crops.shape == (5, SIZE, SIZE, 3)
    assert np.array_equal(crops, random_crops(photo, 5, SIZE, seed=1))
    assert len(np.unique(crops.reshape(5, -1), axis=0)) == 5
    assert (crops[..., 2] == 7).all()
    for crop in crops.astype(int):
        # Every crop is square: as many rows as columns of the photo.
        assert np.ptp(crop[..., 0]) == pytest.approx(np.ptp(crop[..., 1]), abs=2)
        assert 0.4 * 60 - 3 <= np.ptp(crop[..., 0]) <= 60


def test_the_smallest_photo_can_be_cropped():
    assert random_crops(np.zeros((1, 1, 3), np.uint8) + 9, 1, 8).tolist() == np.full((1, 8, 8, 3), 9).tolist()
