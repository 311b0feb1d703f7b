"""Reading one photo of any usual kind."""

import contextlib
import io
import os
import struct
import zlib

import numpy as np
import pytest
from helpers import FULL, assert_sentence, closed, whole_photos
from PIL import Image

from catsdogs import photo
from catsdogs.errors import CatsdogsError, printable
from catsdogs.photo import decode_photo, read_photo, resize_photo
from catsdogs.quiet import keras
from catsdogs.storage.limits import MAX_PHOTO_BYTES

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


@pytest.mark.fault("Fotos", "deitadas ou espelhadas, com a posição no EXIF", "são postas de pé")
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


@pytest.mark.fault("Fotos", "EXIF estragado", "são lidas")
def test_broken_exif_does_not_lose_the_photo(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(UPRIGHT).save(path, exif=b"Exif\x00\x00not a TIFF header")
    assert read_photo(path).shape == UPRIGHT.shape


GRAY = np.tile(np.linspace(0, 255, 20).astype(np.uint8), (10, 1))


def test_grayscale_gives_three_equal_channels(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    assert np.array_equal(read_photo(tmp_path / "a.png"), np.repeat(GRAY[..., None], 3, 2))


# Make as a fraction, the width as text, a number of entries that cannot be: what some cameras and programs write.
@pytest.mark.fault("Fotos", "EXIF estragado", "são lidas")
@pytest.mark.parametrize("entry", [
    struct.pack("<HHII", 0x010F, 5, 1, 38), struct.pack("<HHI4s", 0x0100, 2, 4, b"abc\0"),
    struct.pack("<HHII", 0x8769, 4, 1, 0xFFFFFF), struct.pack("<HHII", 0x0110, 99, 1, 0)],
    ids=["fraction", "text", "far away", "unknown"])
def test_orientation_counts_whatever_else_exif_says(tmp_path, entry):
    turn = struct.pack("<HHII", 0x0112, 3, 1, 6)
    entries = sorted([entry, turn], key=lambda each: each[:2][::-1])
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + b"".join(entries) + bytes(4) + struct.pack("<II", 1, 1)
    Image.fromarray(np.rot90(UPRIGHT)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    assert np.abs(read_photo(tmp_path / "a.jpg")[8::16, 12::24].astype(int) - QUARTERS).max() <= 6


def test_a_png_s_damaged_note_does_not_matter(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(UPRIGHT).save(buffer, "PNG")
    png = buffer.getvalue()
    note = chunk(b"tEXt", b"Comment\0cat")
    (tmp_path / "a.png").write_bytes(png[:33] + note[:-1] + bytes([note[-1] ^ 1]) + png[33:])
    assert np.array_equal(read_photo(tmp_path / "a.png"), UPRIGHT)


@pytest.mark.fault("Fotos", "vazias, cortadas, ou outro tipo de arquivo com nome de foto", "uma frase por arquivo")
def test_a_png_without_pixels_gives_one_sentence(tmp_path, refused):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", 9, 9, 8, 2, 0, 0, 0))
                                     + chunk(b"IEND", b""))
    assert "a.png" in refused(read_photo, tmp_path / "a.png")


@pytest.mark.fault("Fotos", "com paleta, CMYK, 16 bits, transparência", "viram RGB de 8 bits")
def test_palette_gives_its_colours(tmp_path):
    Image.fromarray(UPRIGHT).quantize(4).save(tmp_path / "a.png")
    assert np.array_equal(read_photo(tmp_path / "a.png"), UPRIGHT)


@pytest.mark.fault("Fotos", "com paleta, CMYK, 16 bits, transparência", "viram RGB de 8 bits")
def test_cmyk_gives_rgb(tmp_path):
    cmyk = Image.new("CMYK", (20, 10), (0, 255, 255, 0))  # magenta and yellow ink: red
    cmyk.save(tmp_path / "a.jpg", quality=95)
    pixels = read_photo(tmp_path / "a.jpg")
    assert pixels.shape == (10, 20, 3) and pixels[..., 0].min() > 240 and pixels[..., 1:].max() < 15


@pytest.mark.fault("Fotos", "com paleta, CMYK, 16 bits, transparência", "viram RGB de 8 bits")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_over_white(tmp_path, mode):
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    if mode == "RGBA":
        image.putpixel((2, 0), (0, 0, 0, 128))
    image.convert(mode).save(tmp_path / "a.png")
    row = read_photo(tmp_path / "a.png")[0, :, 0]
    assert row[0] == 0 and row[1] == 255 and row[2] == (127 if mode == "RGBA" else 0)


@pytest.mark.fault("Fotos", "com paleta, CMYK, 16 bits, transparência", "viram RGB de 8 bits")
def test_16_bit_keeps_the_brightness(tmp_path):
    Image.fromarray(GRAY.astype(np.uint16) * 257).save(tmp_path / "a.png")
    assert np.array_equal(read_photo(tmp_path / "a.png")[..., 0], GRAY)


@pytest.mark.fault("Fotos", "com paleta, CMYK, 16 bits, transparência", "viram RGB de 8 bits")
def test_a_dark_16_bit_photo_stays_dark(tmp_path):
    Image.fromarray(np.arange(200, dtype=np.uint16).reshape(10, 20)).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png").max() <= 1


@pytest.mark.fault("Fotos", "animadas", "vale o primeiro quadro")
def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (20, 10), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert read_photo(tmp_path / "a.webp")[5, 5].tolist() == [255, 0, 0]


@pytest.mark.fault("Fotos", "de um pixel", "são lidas")
def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), (10, 20, 30)).save(tmp_path / "a.bmp")
    assert read_photo(tmp_path / "a.bmp").tolist() == [[[10, 20, 30]]]
    assert np.allclose(resize_photo(read_photo(tmp_path / "a.bmp"), 32), [10, 20, 30])


def jpeg_bytes():
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(content, "JPEG")
    return content.getvalue()


@pytest.mark.fault("Fotos", "vazias, cortadas, ou outro tipo de arquivo com nome de foto", "uma frase por arquivo")
@pytest.mark.parametrize(("content", "words"), [
    (b"", "vazio"), (jpeg_bytes()[:-400], "corrompido"), (jpeg_bytes()[:30], "não é uma imagem"),
    (b"just text\n", "não é uma imagem"), (b"GIF89a", "não é uma imagem"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", "não é uma imagem")])
def test_unreadable_content_gives_one_sentence(tmp_path, refused, content, words):
    (tmp_path / "foto.jpg").write_bytes(content)
    message = refused(read_photo, tmp_path / "foto.jpg")
    assert words in message and "foto.jpg" in message


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width: int, height: int, extra: bytes = b"") -> bytes:
    """A one-bit PNG whose pixels are all zero: thousands of times smaller than what it unpacks to."""
    row = bytes(1 + -(-width // 8))
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.fault("Fotos", "20.000 × 20.000 pixels, bombas de descompressão", "uma frase, sem descompactar")
@pytest.mark.parametrize("content", [png_bomb(20_000, 20_000), png_bomb(9_434, 9_434)],
                         ids=["20,000 × 20,000", "just too large"])
def test_a_bomb_of_pixels_is_refused(tmp_path, refused, monkeypatch, content):
    monkeypatch.setattr(photo, "_to_rgb", lambda image: pytest.fail("the image was decoded"))
    (tmp_path / "a.png").write_bytes(content)
    assert "megapixels" in refused(read_photo, tmp_path / "a.png")


@pytest.mark.fault("Fotos", "20.000 × 20.000 pixels, bombas de descompressão", "uma frase, sem descompactar")
@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_bomb_of_text_is_passed_over_or_refused(tmp_path, kind):
    comment = b"a\0\0" + zlib.compress(bytes(30 * 2**20), 9)
    (tmp_path / "a.png").write_bytes(png_bomb(20, 10, chunk(kind, comment)))
    with contextlib.suppress(CatsdogsError):
        assert read_photo(tmp_path / "a.png").shape == (10, 20, 3)


@pytest.mark.fault("Fotos", "arquivo de tamanho absurdo", "uma frase, sem ler")
def test_a_huge_file_is_refused_before_reading(tmp_path, refused):
    with open(tmp_path / "a.jpg", "wb") as file:
        file.truncate(MAX_PHOTO_BYTES + 1)
    assert "MiB" in refused(read_photo, tmp_path / "a.jpg")


@pytest.mark.fault("Fotos", "cortadas em qualquer byte", "a mesma imagem, ou uma frase; nunca meia foto")
@pytest.mark.parametrize("original", whole_photos().values(), ids=whole_photos())
def test_a_photo_cut_at_any_byte_is_never_half_read(tmp_path, original, record_property):
    """Of what is lost at the very end, such as a closing mark, some is not needed."""
    expected, cuts = decode_photo(original, "a"), range(0, len(original), 1 if FULL else 23)
    for cut in cuts:
        try:
            pixels = decode_photo(original[:cut], "a")
        except CatsdogsError as error:
            assert_sentence(error)
        else:
            assert np.array_equal(pixels, expected), cut
    record_property("trials", len(cuts))


@pytest.mark.fault("Fotos", "PNG com um bit trocado", "a mesma imagem, ou uma frase")
def test_a_changed_bit_of_a_png_is_noticed(tmp_path, record_property):
    """PNG alone carries checksums; in the other kinds a changed bit may be just another photo."""
    original, trials = whole_photos()["png"], 0
    expected = decode_photo(original, "a")
    for bit in range(0, 8 * len(original), 1 if FULL else 199):
        content = bytearray(original)
        content[bit // 8] ^= 1 << bit % 8
        trials += 1
        try:
            pixels = decode_photo(bytes(content), "a")
        except CatsdogsError:
            continue
        assert np.array_equal(pixels, expected), bit
    record_property("trials", trials)


NAMES = ["com espaço.jpg", "ação.jpg", "gato 😺.jpg", "duas\nlinhas.jpg", "\x1b[2J.jpg", "-rf.jpg", "$(touch x).jpg",
         "<img src=x onerror=alert(1)>.jpg", "a" * 200 + ".jpg", "\udcff\udc80.jpg", "%s%n{0}.jpg", "família\u200d.jpg"]


@pytest.mark.fault("Fotos", "nomes com espaços, acentos, emoji, quebras de linha, bytes sem sentido", "são lidas")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_is_read_and_told_on_one_line(tmp_path, refused, name):
    (tmp_path / name).write_bytes(jpeg_bytes())
    assert read_photo(tmp_path / name).shape == (64, 64, 3)
    (tmp_path / name).write_bytes(jpeg_bytes()[:-400])
    with pytest.raises(CatsdogsError) as error:
        read_photo(tmp_path / name)
    assert str(error.value).isprintable() and str(error.value).startswith(printable(name))


@pytest.mark.fault("Fotos", "links simbólicos em ciclo ou que não levam a nada, pipes, pastas", "uma frase por arquivo")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_what_is_no_plain_file_is_refused_at_once(tmp_path, refused):
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nada.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    for name in ("loop.jpg", "dangling.jpg", "pipe.jpg", "folder.jpg", "zero.jpg"):
        assert name in refused(read_photo, tmp_path / name)
    assert refused(read_photo, tmp_path / "a\0.jpg")


@pytest.mark.fault("Fotos", "sem permissão de leitura", "uma frase por arquivo")
@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_file_that_may_not_be_read(open_folder, refused):
    path = open_folder / "a.jpg"
    path.write_bytes(jpeg_bytes())
    with closed(path):
        assert "Sem permissão" in refused(read_photo, path)
    assert read_photo(path).ndim == 3


def test_missing_file_and_folder_give_one_sentence(tmp_path, refused):
    assert "Não encontrei" in refused(read_photo, tmp_path / "nada.jpg")
    assert "pasta" in refused(read_photo, tmp_path)


@pytest.mark.fault("Fotos", "20.000 × 20.000 pixels, bombas de descompressão", "uma frase, sem descompactar")
def test_too_many_pixels_are_refused_before_decoding(tmp_path, refused, monkeypatch):
    Image.new("L", (2000, 1001)).save(tmp_path / "a.png")
    monkeypatch.setattr(photo, "MAX_PHOTO_PIXELS", 2_000_000)
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
