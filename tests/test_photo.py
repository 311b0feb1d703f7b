"""Reading one photo of any usual kind."""

import io

import numpy as np
import pytest
from PIL import Image

from catsdogs import photo
from catsdogs.photo import read_photo, resize_photo
from catsdogs.quiet import keras

# Red, green / blue, white: no two orientations of it look alike.
QUARTERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
UPRIGHT = QUARTERS.repeat(16, 0).repeat(24, 1)
# How a camera stores an upright photo under each EXIF orientation.
STORED = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.transpose(1, 0, 2),
          6: lambda a: np.rot90(a, 1), 7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1)}


def with_orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp"])
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation, extension):
    path = tmp_path / f"a{extension}"
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](UPRIGHT)))
    stored.save(path, exif=with_orientation(orientation), quality=95, lossless=True)
    pixels = read_photo(path)
    assert pixels.shape == UPRIGHT.shape and pixels.dtype == np.uint8
    # The middle of each quarter, where JPEG keeps the colour.
    assert np.abs(pixels[8::16, 12::24].astype(int) - QUARTERS).max() <= 6


def test_broken_exif_does_not_lose_the_photo(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(UPRIGHT).save(path, exif=b"Exif\x00\x00not a TIFF header")
    assert read_photo(path).shape == UPRIGHT.shape


GRAY = np.tile(np.linspace(0, 255, 20).astype(np.uint8), (10, 1))


def test_grayscale_gives_three_equal_channels(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    assert np.array_equal(read_photo(tmp_path / "a.png"), np.repeat(GRAY[..., None], 3, 2))


def test_palette_gives_its_colours(tmp_path):
    Image.fromarray(UPRIGHT).quantize(4).save(tmp_path / "a.png")
    assert np.array_equal(read_photo(tmp_path / "a.png"), UPRIGHT)


def test_cmyk_gives_rgb(tmp_path):
    cmyk = Image.new("CMYK", (20, 10), (0, 255, 255, 0))  # magenta and yellow ink: red
    cmyk.save(tmp_path / "a.jpg", quality=95)
    pixels = read_photo(tmp_path / "a.jpg")
    assert pixels.shape == (10, 20, 3) and pixels[..., 0].min() > 240 and pixels[..., 1:].max() < 15


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_over_white(tmp_path, mode):
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    if mode == "RGBA":
        image.putpixel((2, 0), (0, 0, 0, 128))
    image.convert(mode).save(tmp_path / "a.png")
    row = read_photo(tmp_path / "a.png")[0, :, 0]
    assert row[0] == 0 and row[1] == 255 and row[2] == (127 if mode == "RGBA" else 0)


def test_16_bit_keeps_the_brightness(tmp_path):
    Image.fromarray(GRAY.astype(np.uint16) * 257).save(tmp_path / "a.png")
    assert np.array_equal(read_photo(tmp_path / "a.png")[..., 0], GRAY)


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (20, 10), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert read_photo(tmp_path / "a.webp")[5, 5].tolist() == [255, 0, 0]


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), (10, 20, 30)).save(tmp_path / "a.bmp")
    assert read_photo(tmp_path / "a.bmp").tolist() == [[[10, 20, 30]]]
    assert np.allclose(resize_photo(read_photo(tmp_path / "a.bmp"), 32), [10, 20, 30])


def jpeg_bytes():
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(content, "JPEG")
    return content.getvalue()


@pytest.mark.parametrize(("content", "words"), [
    (b"", "vazio"), (jpeg_bytes()[:-400], "corrompido"), (jpeg_bytes()[:30], "não é uma imagem"),
    (b"just text\n", "não é uma imagem"), (b"GIF89a", "não é uma imagem"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", "não é uma imagem")])
def test_unreadable_content_gives_one_sentence(tmp_path, refused, content, words):
    (tmp_path / "foto.jpg").write_bytes(content)
    message = refused(read_photo, tmp_path / "foto.jpg")
    assert words in message and "foto.jpg" in message


def test_missing_file_and_folder_give_one_sentence(tmp_path, refused):
    assert "Não encontrei" in refused(read_photo, tmp_path / "nada.jpg")
    assert "pasta" in refused(read_photo, tmp_path)


def test_too_many_pixels_are_refused_before_decoding(tmp_path, refused, monkeypatch):
    Image.new("L", (2000, 1001)).save(tmp_path / "a.png")
    monkeypatch.setattr(photo, "MAX_PIXELS", 2_000_000)
    monkeypatch.setattr(photo, "_to_rgb", lambda image: pytest.fail("the image was decoded"))
    assert "2 megapixels" in refused(read_photo, tmp_path / "a.png")


def test_pillows_own_pixel_limit_gives_the_same_sentence(tmp_path, refused, monkeypatch):
    Image.new("L", (200, 200)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    assert "megapixels" in refused(read_photo, tmp_path / "a.png")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(100, 112, 3), (37, 301, 3), (96, 96, 3), (1, 5, 3), (300, 200, 3)])
def test_resize_equals_keras(shape, dtype):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    expected = keras.layers.Resizing(96, 96)(pixels[None].astype(np.float32))[0]
    resized = resize_photo(pixels, 96)
    assert resized.shape == (96, 96, 3) and resized.dtype == np.float32
    assert np.abs(resized - np.asarray(expected)).max() < 1e-4
