"""Images that are neither cat nor dog: repeatable, well formed, and of really different kinds."""

import numpy as np
import pytest

from catsdogs.study.strange import KINDS, photographs, strange_images

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


def test_photographs_are_three_photos_squared():
    photos = photographs(SIZE)
    assert list(photos) == ["templo", "flor", "retrato"]
    for photo in photos.values():
        assert photo.dtype == np.uint8 and photo.shape == (SIZE, SIZE, 3)
        assert len(np.unique(photo.reshape(-1, 3), axis=0)) > 1000
