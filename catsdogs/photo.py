"""One photo: from a file of any usual kind to the pixels the network sees."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from catsdogs.config import book_dir
from catsdogs.errors import CatsdogsError, reason
from catsdogs.limits import MAX_PHOTO_BYTES, MAX_PHOTO_PIXELS, MIB

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
# What is decoded, whatever the file is called: Pillow knows dozens of kinds more, some through other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
# What Pillow complains of, in English, and reads all the same.
warnings.filterwarnings("ignore", module=r"PIL\b")


def sample_photo() -> Path:
    """A photo of the cat Chelsea by Stéfan van der Walt (CC0), which ships with the book."""
    return book_dir() / "images" / "gata-chelsea.png"


def is_photo_name(name: str) -> bool:
    """Whether a file of this name counts as a photo: known extension, not hidden (macOS leaves ``._foto.jpg``)."""
    return Path(name).suffix.lower() in EXTENSIONS and not name.startswith(".")


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
    with _open(content, name) as image:
        try:
            if image.format == "PNG":  # its checksums, of which decoding leaves the last one out
                Image.open(io.BytesIO(content), formats=FORMATS).verify()
            return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
        except (OSError, SyntaxError, ValueError, TypeError, EOFError) as error:
            raise CatsdogsError(f"{name} está corrompido ou incompleto: use outra cópia da foto.") from error


def _open(content: bytes, name: str) -> Image.Image:
    """Open a file as an image without decoding it yet, or say why that cannot be done."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(name) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise CatsdogsError(f"{name} não é uma imagem que eu saiba ler: use JPEG, PNG, WebP ou BMP.") from error
    if image.width * image.height > MAX_PHOTO_PIXELS:
        image.close()
        raise _too_large(name)
    return image


def _too_large(name: str) -> CatsdogsError:
    limit = MAX_PHOTO_PIXELS // 1_000_000
    return CatsdogsError(f"{name} passa de {limit} megapixels: reduza a imagem antes de usá-la.")


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to 8-bit RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float32)
        # 16-bit samples span 0..65535; files in these modes with small values are already 8-bit.
        scale = 257.0 if values.max(initial=0) > 255 else 1.0
        image = Image.fromarray(np.clip(values / scale, 0, 255).astype(np.uint8), mode="L")
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
    height, width, channels = pixels.shape
    top, bottom, down = _neighbours(height, size)
    left, right, across = (np.repeat(values, channels) for values in _neighbours(width, size))
    # Each line of the photo as one row of numbers, because NumPy takes from those several times faster.
    channel = np.tile(np.arange(channels), size)
    left, right = left * channels + channel, right * channels + channel

    def lines(which: np.ndarray) -> np.ndarray:
        line = pixels.reshape(height, -1).take(which, axis=0).astype(np.float32)
        return _mix(line.take(left, axis=1), line.take(right, axis=1), across)

    return _mix(lines(top), lines(bottom), down[:, None]).reshape(size, size, channels)


def _neighbours(length: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of ``size`` points spread over ``length`` pixels: the pixels before and after it, the latter's share."""
    # In float32 and in the order of TensorFlow's own resizing, so that not even a rounding differs.
    points = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * (np.float32(length) / np.float32(size)) \
        - np.float32(0.5)
    before = np.floor(points)
    return np.maximum(before, 0).astype(int), np.minimum(np.ceil(points), length - 1).astype(int), points - before


def _mix(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """``one + (other - one) * share``, written over ``other``."""
    other -= one
    other *= share
    other += one
    return other
