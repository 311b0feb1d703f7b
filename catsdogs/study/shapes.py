"""Circles and squares drawn by code: two classes that are the same on every machine, as pixels or as a folder."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

CLASSES = ("circulos", "quadrados")


def draw_shapes(per_class: int, size: int = 224, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Circles and squares in turns, on blurred backgrounds.

    Args:
        size: height and width, in pixels.
        seed: the same seed gives the same drawings.

    Returns:
        uint8 array of shape (2 × per_class, size, size, 3), values 0 to 255, and int labels, 0 for a circle.
    """
    rng, labels = np.random.default_rng(seed), np.arange(2 * per_class) % 2
    return np.stack([np.asarray(_drawing(label, rng).resize((size, size))) for label in labels]), labels


def worn_collection(folder: Path, per_class: int = 24, seed: int = 42) -> None:
    """Write a folder for each class, with what spoils real collections.

    ``circulos/03.jpg`` is cut in half, ``quadrados/repetida.jpg`` is ``circulos/05.jpg`` again,
    ``circulos/trocada.jpg`` should be ``quadrados/07.jpg``, and the four ``quadrados/rajada-*.jpg`` are nearly
    ``quadrados/10.jpg``.

    Args:
        per_class: drawings of each class, more than 10.

    Raises:
        FileExistsError: the folder of a class is there already.
    """
    rng = np.random.default_rng(seed)
    circles, squares = (folder / name for name in CLASSES)
    for label, place in enumerate((circles, squares)):
        place.mkdir(parents=True)
        for number in range(per_class):
            _drawing(label, rng).save(place / f"{number:02}.jpg", quality=90)
    content = (circles / "03.jpg").read_bytes()
    (circles / "03.jpg").write_bytes(content[:len(content) // 2])
    shutil.copy(circles / "05.jpg", squares / "repetida.jpg")
    (squares / "07.jpg").rename(circles / "trocada.jpg")
    with Image.open(squares / "10.jpg") as original:
        for step in range(1, 5):
            ImageEnhance.Brightness(original).enhance(1 + step / 40).save(squares / f"rajada-{step}.jpg")


def _drawing(label: int, rng: np.random.Generator) -> Image.Image:
    """A shape of one colour, 320 × 240 pixels."""
    tones = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    canvas = Image.fromarray(tones).resize((320, 240), Image.Resampling.BICUBIC)
    x, y, side = (int(value) for value in rng.integers([20, 20, 60], [150, 90, 130]))
    pen = ImageDraw.Draw(canvas)
    draw = (pen.ellipse, pen.rectangle)[label]
    draw([x, y, x + side, y + side], tuple(int(value) for value in rng.integers(0, 256, 3)))
    return canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))
