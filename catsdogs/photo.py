"""One photo: from a file of any usual kind to the pixels the network sees."""

import io
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from catsdogs.config import book_dir
from catsdogs.errors import CatsdogsError, reason
from catsdogs.storage.limits import MAX_PHOTO_BYTES, MAX_PHOTO_PIXELS, MIB

EXTENSIONS = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif"}
HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}
# What is decoded, whatever the file is called: Pillow knows dozens of kinds more, some through other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
# EXIF's orientation → what puts the photo upright (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, 4.6.4).
ORIENTATION_TAG, TURNS = 0x0112, {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90}
# What a PNG may say of itself and no pixel depends on here (https://www.w3.org/TR/png-3/, 11.3).
PNG_NOTES = {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"bKGD", b"hIST", b"sPLT",
             b"sBIT"}
# The mean level, 0 to 255, under which nobody would see what is in a photo.
NEARLY_BLACK = 8
# What Pillow complains of, in English, and reads all the same.
warnings.filterwarnings("ignore", module=r"PIL\b")


def sample_photo() -> Path:
    """A photo of the cat Chelsea by Stéfan van der Walt (CC0), which ships with the book."""
    return book_dir() / "images" / "gata-chelsea.png"


def is_photo_name(name: str) -> bool:
    """Whether a file of this name counts as a photo: known extension, not hidden (macOS leaves ``._foto.jpg``)."""
    return Path(name).suffix.lower() in EXTENSIONS and not name.startswith(".")


def kind_of_image(start: bytes) -> str:
    """The kind of image that a file's first 32 bytes announce: one of ``FORMATS``, HEIC, AVIF, or empty."""
    if start[4:8] == b"ftyp":  # ISO base media file: the brands follow (ISO/IEC 14496-12, 4.3)
        brands = {start[at:at + 4] for at in range(8, len(start), 4)}
        return "AVIF" if brands & {b"avif", b"avis"} else "HEIC" if brands & HEIC_BRANDS else ""
    if start[:4] == b"RIFF":
        return "WEBP" if start[8:12] == b"WEBP" else ""
    if start[:2] == b"BM":  # two letters are few: the two reserved fields are zero, too
        return "BMP" if start[6:10] == bytes(4) and len(start) > 10 else ""
    signs = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF"}
    return next((kind for sign, kind in signs.items() if start.startswith(sign)), "")


def read_photo(path: Path | str) -> np.ndarray:
    """Decode a photo to upright RGB: ``decode_photo`` of ``photo_bytes``.

    Returns:
        uint8 array of shape (height, width, 3), values 0 to 255.

    Raises:
        CatsdogsError: the file cannot be read or is no photo that ``decode_photo`` takes.
    """
    path = Path(path)
    return decode_photo(photo_bytes(path), path.name)


def photo_bytes(path: Path) -> bytes:
    """A photo's file as it is.

    Raises:
        CatsdogsError: the file is missing, empty, no plain file, larger than
            ``MAX_PHOTO_BYTES``, or cannot be read.
    """
    try:
        if path.is_dir():
            raise CatsdogsError(f"{path} é uma pasta: indique o arquivo de uma foto.")
        size = path.stat().st_size
        if size > MAX_PHOTO_BYTES:
            raise CatsdogsError(f"{path.name} passa de {MAX_PHOTO_BYTES // MIB} MiB: reduza a imagem antes de usá-la.")
        # What is no plain file, such as a pipe, has no bytes either, and could be waited for without end.
        if size == 0:
            raise CatsdogsError(f"{path.name} está vazio (0 bytes): use outra cópia da foto.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CatsdogsError(f"Não encontrei {path}: confira o caminho da foto.") from error
    except PermissionError as error:
        raise CatsdogsError(f"Sem permissão para ler {path.name}: ajuste as permissões do arquivo.") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        why = reason(error) if isinstance(error, OSError) else "o nome não é de um arquivo"
        raise CatsdogsError(f"Não consegui ler {path} ({why}): use outra cópia da foto.") from error


def decode_photo(content: bytes, name: str) -> np.ndarray:
    """Decode a photo's file to upright RGB.

    The EXIF orientation is applied; grayscale, palette, CMYK and 16-bit files become
    8-bit RGB; transparency is laid over white; of an animation the first frame is taken.

    Args:
        name: what to call it in an error.

    Returns:
        uint8 array of shape (height, width, 3), values 0 to 255.

    Raises:
        CatsdogsError: the file is truncated, no image, or larger than ``MAX_PHOTO_PIXELS``.
    """
    content = _without_damaged_notes(content)
    with _open(content, name) as image:
        try:
            if image.format == "PNG":  # its checksums, of which decoding leaves the last one out
                Image.open(io.BytesIO(content), formats=FORMATS).verify()
            image.load()
            return np.asarray(_to_rgb(_upright(image)))
        except MemoryError:
            raise
        except Exception as error:  # of a damaged file, a decoder may raise anything
            raise CatsdogsError(f"{name} está corrompido ou incompleto: use outra cópia da foto.") from error


def _without_damaged_notes(content: bytes) -> bytes:
    """A PNG without those ``PNG_NOTES`` whose checksum is wrong, which other programs skip; anything else as it is."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return content
    kept, at = [content[:8]], 8
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at:at + 4], "big")
        kind, checksum = content[at + 4:at + 8], content[end - 4:end]
        if kind not in PNG_NOTES or zlib.crc32(content[at + 4:end - 4]) == int.from_bytes(checksum, "big"):
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF asks; of EXIF that makes no sense only that matters, if it can be read."""
    try:
        orientation = image.getexif().get(ORIENTATION_TAG)
    except Exception:  # the pixels are whole all the same
        return image
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def _open(content: bytes, name: str) -> Image.Image:
    """Open a file as an image without decoding it yet, or say why that cannot be done."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(name) from error
    except MemoryError:
        raise
    except Exception as error:  # of a damaged file, a decoder may raise anything
        kind = kind_of_image(content[:32])
        if kind in ("HEIC", "AVIF"):
            raise CatsdogsError(f"{name} é uma foto {kind}, como as de celulares: converta-a para JPEG.") from error
        raise CatsdogsError(f"{name} não é uma imagem que eu saiba ler: use JPEG, PNG, WebP, BMP ou GIF.") from error
    if image.width * image.height > MAX_PHOTO_PIXELS:
        image.close()
        raise _too_large(name)
    return image


def _too_large(name: str) -> CatsdogsError:
    limit = MAX_PHOTO_PIXELS // 1_000_000
    return CatsdogsError(f"{name} passa de {limit} megapixels: reduza a imagem antes de usá-la.")


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to 8-bit RGB."""
    if image.mode.startswith("I"):  # of the kinds that are read, only a PNG of 16 bits has it: 0 to 65535
        image = Image.fromarray((np.asarray(image, dtype=np.float32) / 257).round().astype(np.uint8), mode="L")
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def resize_photo(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resize like ``keras.layers.Resizing``: bilinear, half-pixel centres, no antialiasing.

    Args:
        pixels: (height, width, 3), any numeric dtype, values 0 to 255.

    Returns:
        float32 array of shape (size, size, 3), values 0 to 255.
    """
    top, bottom, down = _neighbours(pixels.shape[0], size)
    left, right, across = _neighbours(pixels.shape[1], size)

    def lines(which: np.ndarray) -> np.ndarray:
        line = pixels[which].astype(np.float32)
        return line[:, left] + (line[:, right] - line[:, left]) * across[:, None]

    above = lines(top)
    return above + (lines(bottom) - above) * down[:, None, None]


def _neighbours(length: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of ``size`` points spread over ``length`` pixels: the pixels before and after it, the latter's share."""
    # In float32 and in the order of TensorFlow's own resizing, so that not even a rounding differs.
    points = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * (np.float32(length) / np.float32(size)) \
        - np.float32(0.5)
    before = np.floor(points)
    return np.maximum(before, 0).astype(int), np.minimum(np.ceil(points), length - 1).astype(int), points - before
