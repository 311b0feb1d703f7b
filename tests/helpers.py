"""What several test files make: photos, answers of a server, checks of a message."""

import os
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catsdogs.config import Config
from catsdogs.data import Photos

PER_CLASS = 24
CONFIG = Config(image_size=96, head_epochs=10, head_learning_rate=1e-3, fine_tune_epochs=2,
                fine_tune_learning_rate=1e-4)


def photo_pixels(label: int, seed: int, width: int = 112, height: int = 100) -> np.ndarray:
    """A noisy photo: warm with horizontal stripes (0) or cold with vertical ones (1)."""
    rng = np.random.default_rng([label, seed])
    rows, columns = np.mgrid[:height, :width]
    wave = np.sin((rows if label == 0 else columns) / rng.uniform(2, 4) + rng.uniform(0, 6))
    color = np.array([190, 120, 70] if label == 0 else [70, 120, 190]) + rng.uniform(-25, 25, 3)
    pixels = color + 40 * wave[..., None] + rng.normal(0, 20, (height, width, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def make_photos(folder: Path, names=("cats", "dogs"), count=PER_CLASS, extensions=(".jpg",), size=(112, 100)) -> Path:
    """``count`` photos in each class folder of ``folder``; extensions take turns."""
    for label, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for seed in range(count):
            extension = extensions[seed % len(extensions)]
            Image.fromarray(photo_pixels(label, seed, *size)).save(folder / name / f"{seed:03}{extension}")
    return folder


def tiny_photos(folder: Path, names=("cats", "dogs"), count=10, **options) -> Path:
    """Photos of a few pixels, for tests that look at files only."""
    return make_photos(folder, names, count, size=(12, 10), **options)


def fake_photos(per_class: int, folder: Path | None = None) -> Photos:
    """Photos without files: names, labels and made-up digests."""
    digests = tuple(f"{i:064x}" for i in range(2 * per_class))
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1], per_class)).astype(np.int32)
    return Photos(tuple(f"{i}.jpg" for i in range(2 * per_class)), labels, digests, ("cats", "dogs"), "teste", folder)


def assert_sentence(error) -> str:
    """One line that a user can read: a capital or a name first, a full stop at the end."""
    message = str(error.value if hasattr(error, "value") else error)
    assert message and "\n" not in message and message.endswith(".")
    for foreign in ("Error", "Errno", "Traceback", "None", "'"):
        assert foreign not in message
    return message


def body(content: bytes, status: int = 200, declared: int | None = None, pause: threading.Event | None = None):
    """An answer of the local server; ``declared`` lies about the length, ``pause`` stops it half-way."""
    def answer(request: BaseHTTPRequestHandler):
        request.send_response(status)
        request.send_header("Content-Length", str(len(content) if declared is None else declared))
        request.end_headers()
        request.wfile.write(content[:len(content) // 2])
        request.wfile.flush()
        if pause:
            pause.wait(20)
        request.wfile.write(content[len(content) // 2:])
    return answer


def missing(reason):
    """Skip, or fail where everything must be there."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
