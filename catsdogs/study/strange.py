"""Images that are neither cats nor dogs: noise, colours, shapes and drawings made by code, and three photos."""

from collections.abc import Callable

import numpy as np
from matplotlib.cbook import get_sample_data
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_image

from catsdogs.photo import read_photo, resize_photo

# Drawings are made larger than asked for and then reduced, which smooths their edges.
CANVAS = 448
WORDS = ("janela", "chuva", "trem", "azul", "12:45", "feira", "rua 7", "SALA", "mapa", "R$ 20", "ABC", "sol")


def strange_images(per_kind: int, size: int = 224, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Images of every kind in ``KINDS``, kind after kind.

    Args:
        per_kind: images of each kind.
        size: height and width, in pixels.
        seed: the same seed gives the same images.

    Returns:
        uint8 array of shape (n, size, size, 3), values 0 to 255, and the kind of each image, in Portuguese.
    """
    images, kinds = [], []
    for position, (kind, make) in enumerate(KINDS.items()):
        rng = np.random.default_rng([seed, position])
        images += [make(rng, size) for _ in range(per_kind)]
        kinds += [kind] * per_kind
    return np.stack(images), kinds


def photographs(size: int = 224) -> dict[str, np.ndarray]:
    """Three photos without a cat or a dog that scikit-learn and Matplotlib bring along, squared as the network does.

    Returns:
        Portuguese name → uint8 (size, size, 3), values 0 to 255.
    """
    photos = {"templo": load_sample_image("china.jpg"), "flor": load_sample_image("flower.jpg"),
              "retrato": read_photo(get_sample_data("grace_hopper.jpg", asfileobj=False))}
    return {name: resize_photo(photo, size).round().astype(np.uint8) for name, photo in photos.items()}


def _color(rng: np.random.Generator, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    return tuple(int(value) for value in rng.integers(low, high, 3))


def _uniform_noise(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.integers(0, 256, (size, size, 3), dtype=np.uint8)


def _smooth_noise(rng: np.random.Generator, size: int) -> np.ndarray:
    few = int(rng.integers(4, 17))
    return np.asarray(Image.fromarray(_uniform_noise(rng, few)).resize((size, size), Image.Resampling.BICUBIC))


def _plain(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.full((size, size, 3), _color(rng), np.uint8)


def _stripes(rng: np.random.Generator, size: int) -> np.ndarray:
    angle, period = rng.uniform(0, np.pi), rng.uniform(8, 40)
    rows, columns = np.mgrid[0:size, 0:size]
    wave = np.sin(2 * np.pi * (rows * np.sin(angle) + columns * np.cos(angle)) / period)
    return np.where(wave[..., None] > 0, _color(rng), _color(rng)).astype(np.uint8)


def _shapes(rng: np.random.Generator, size: int) -> np.ndarray:
    canvas = Image.new("RGB", (CANVAS, CANVAS), _color(rng))
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(5, 15))):
        corner, extent = rng.uniform(-0.1, 0.9, 2), rng.uniform(0.05, 0.4, 2)
        draw = (pen.ellipse, pen.rectangle)[int(rng.integers(2))]
        draw([*(CANVAS * corner), *(CANVAS * (corner + extent))], fill=_color(rng))
    return _reduced(canvas, size)


def _text(rng: np.random.Generator, size: int) -> np.ndarray:
    canvas = Image.new("RGB", (CANVAS, CANVAS), _color(rng, 190, 256))
    pen = ImageDraw.Draw(canvas)
    height = int(rng.integers(28, 70))
    ink, font = _color(rng, 0, 120), ImageFont.truetype(findfont("DejaVu Sans"), height)
    for top in range(10, CANVAS - height, int(1.3 * height)):
        pen.text((15, top), " ".join(rng.choice(WORDS, 8)), fill=ink, font=font)
    return _reduced(canvas, size)


def _reduced(canvas: Image.Image, size: int) -> np.ndarray:
    return np.asarray(canvas.resize((size, size), Image.Resampling.LANCZOS))


def _drawing(rng: np.random.Generator, size: int, paint: Callable) -> np.ndarray:
    """One drawing on a pale background; ``paint`` works in coordinates from -1 to 1, placed at random."""
    canvas = Image.new("RGB", (CANVAS, CANVAS), _color(rng, 170, 256))
    center = CANVAS * rng.uniform(0.45, 0.55, 2)
    unit = CANVAS * rng.uniform(0.28, 0.4)

    def at(*points):
        return [tuple(center + unit * np.array(point)) for point in points]

    paint(ImageDraw.Draw(canvas), at, rng)
    return _reduced(canvas, size)


def _disc(pen: ImageDraw.ImageDraw, at: Callable, x: float, y: float, radius: float, color) -> None:
    pen.ellipse(at((x - radius, y - radius), (x + radius, y + radius)), fill=color)


def _fish(pen: ImageDraw.ImageDraw, at: Callable, rng: np.random.Generator) -> None:
    body = _color(rng, 30, 220)
    pen.polygon(at((0.5, 0), (1, -0.5), (1, 0.5)), fill=_color(rng, 30, 220))
    pen.polygon(at((-0.3, -0.3), (0.1, -0.75), (0.3, -0.3)), fill=body)
    pen.ellipse(at((-1, -0.45), (0.65, 0.45)), fill=body)
    _disc(pen, at, -0.65, -0.1, 0.1, "white")
    _disc(pen, at, -0.67, -0.1, 0.05, "black")


def _rabbit(pen: ImageDraw.ImageDraw, at: Callable, rng: np.random.Generator) -> None:
    fur = _color(rng, 110, 235)
    for x in (-0.35, 0.35):
        pen.ellipse(at((x - 0.17, -1.1), (x + 0.17, 0)), fill=fur, outline=(90, 70, 70), width=4)
    _face(pen, at, fur)


def _face(pen: ImageDraw.ImageDraw, at: Callable, fur: tuple[int, int, int]) -> None:
    pen.ellipse(at((-0.7, -0.5), (0.7, 0.85)), fill=fur)
    for x in (-0.28, 0.28):
        _disc(pen, at, x, 0.05, 0.13, "white")
        _disc(pen, at, x, 0.05, 0.07, "black")
    pen.polygon(at((-0.1, 0.32), (0.1, 0.32), (0, 0.45)), fill=(70, 40, 40))
    pen.line(at((-0.2, 0.6), (0, 0.5), (0.2, 0.6)), fill=(40, 40, 40), width=5)


def _drawn(paint: Callable) -> Callable:
    return lambda rng, size: _drawing(rng, size, paint)


KINDS = {
    "ruído uniforme": _uniform_noise,
    "ruído suave": _smooth_noise,
    "cor lisa": _plain,
    "listras": _stripes,
    "formas": _shapes,
    "texto": _text,
    "peixe": _drawn(_fish),
    "coelho": _drawn(_rabbit),
}
