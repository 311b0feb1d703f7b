"""What several test files make: photos, answers of a server, checks of a message."""

import contextlib
import io
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catsdogs.config import Config

# Whether `make trials` runs: as many trials of each fault as the book tells of, instead of a few.
FULL = os.environ.get("CATSDOGS_TRIALS") == "full"
PROCESSES, ROUNDS = 4, 20 if FULL else 3
PER_CLASS = 24
NOBODY = 65534
CONFIG = Config(image_size=96, head_epochs=10, head_learning_rate=1e-3, fine_tune_epochs=2,
                fine_tune_learning_rate=1e-4)
# Keras takes several times longer to set up a fine-tuning of 20 layers than to do it with these few photos.
SHORT = replace(CONFIG, unfrozen_layers=3)
FAST = replace(SHORT, head_epochs=1, fine_tune_epochs=1)
# What every run of a study measures.
MEASURED = {f"{part}_{key}" for part in ("train", "validation", "test")
            for key in ("accuracy", "auc", "loss", "errors", "confusion")}


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


def whole_photos() -> dict[str, bytes]:
    """A small file of every kind that is read."""
    photo = Image.fromarray(photo_pixels(0, 1, 60, 44))
    exif = Image.Exif()
    exif[0x0112] = 6
    saved = {
        "jpeg with exif": (photo, "JPEG", {"exif": exif}), "gray jpeg": (photo.convert("L"), "JPEG", {}),
        "cmyk jpeg": (photo.convert("CMYK"), "JPEG", {}), "progressive jpeg": (photo, "JPEG", {"progressive": True}),
        "png": (photo, "PNG", {}), "palette png": (photo.convert("P"), "PNG", {}),
        "transparent png": (photo.convert("RGBA"), "PNG", {}), "16-bit png": (photo.convert("I;16"), "PNG", {}),
        "webp": (photo, "WEBP", {}),
        "animated webp": (photo, "WEBP", {"save_all": True, "append_images": [photo.rotate(90)]}),
        "bmp": (photo, "BMP", {}), "gif": (photo.convert("P"), "GIF", {}),
    }
    files = {}
    for name, (image, kind, options) in saved.items():
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        files[name] = buffer.getvalue()
    return files


def tiny_photos(folder: Path, names=("cats", "dogs"), count=10, **options) -> Path:
    """Photos of a few pixels, for tests that look at files only."""
    return make_photos(folder, names, count, size=(12, 10), **options)


def zipped(folder: Path, archive: Path, prefix: str = "") -> Path:
    """Everything below ``folder`` in a zip."""
    with zipfile.ZipFile(archive, "w") as content:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                content.write(path, prefix + path.relative_to(folder).as_posix())
    return archive


def fake_photos(per_class: int, folder: Path | None = None):
    """``Photos`` without files: names, labels and made-up digests."""
    from catsdogs.data import Photos  # takes a second, which most tests do not need

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


def body(content: bytes, status: int = 200, declared: int | None = None, pause: threading.Event | None = None,
         kind: str | None = None):
    """An answer of the local server; ``declared`` lies about the length, ``pause`` stops it half-way.

    ``kind`` is its Content-Type; None sends none.
    """
    def answer(request: BaseHTTPRequestHandler):
        request.send_response(status)
        if kind is not None:
            request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content) if declared is None else declared))
        request.end_headers()
        request.wfile.write(content[:len(content) // 2])
        request.wfile.flush()
        if pause:
            pause.wait(20)
        request.wfile.write(content[len(content) // 2:])
    return answer


def run_on_disk(folder: Path, options: str, *arguments, **environment) -> subprocess.CompletedProcess:
    """Run Python with these arguments where ``folder / "disk"`` is a disk of its own, and the working folder.

    Args:
        options: of the mounted memory disk, such as ``size=2000000`` or ``ro``.
        environment: variables besides this process's.
    """
    disk = folder / "disk"
    disk.mkdir()
    shell = f'mount -t tmpfs -o {options} none "$0" && cd "$0" && exec "$@"'
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True).returncode:
        missing("this system gives no disk of one's own")
    return subprocess.run([*alone, "sh", "-c", shell, str(disk), sys.executable, *map(str, arguments)], text=True,
                          capture_output=True, env={**os.environ, **environment})


def run_on_small_disk(folder: Path, size: int, script: str, *arguments) -> tuple[str, list[str]]:
    """Run Python code in an empty folder on a disk of ``size`` bytes, where it must raise a CatsdogsError.

    Returns:
        What the error told, and the names left in that folder, relative to it.
    """
    code = ("import os\nfrom pathlib import Path\nfrom catsdogs.errors import CatsdogsError\n"
            f"try:\n    exec({script!r})\nexcept CatsdogsError as error:\n    print(error)\n"
            "print(*sorted(str(path) for path in Path('.').rglob('*')), sep='\\n')")
    ran = run_on_disk(folder, f"size={size}", "-c", code, *arguments, CATSDOGS_CACHE="cache", TMPDIR=".")
    assert ran.returncode == 0, ran.stderr
    told, *left = ran.stdout.splitlines()
    return told, left


def new_process(target, *arguments):
    """A new process at work; not a copy of this one, which would have its threads' locks, but not its threads.

    Where the system can, it is a copy of one that has only imported the package, which takes seconds.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["catsdogs.pipeline"])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def zip_bytes(**files) -> bytes:
    """A zip of these texts by name, or of one text."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in (files or {"a.txt": "hello" * 2000}).items():
            archive.writestr(zipfile.ZipInfo(name), text)  # of no date: the bytes name tests
    return content.getvalue()


def is_drawn(figure) -> bool:
    """Whether a figure can be saved as PNG and is not one colour alone."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=40)
    pixels = np.asarray(Image.open(png).convert("L"))
    return min(pixels.shape) > 30 and np.ptp(pixels) > 50


def nothing_left(target: Path) -> bool:
    """Whether the folder that a file was to lie in is empty, or not there."""
    return not target.parent.exists() or not list(target.parent.iterdir())


def fill(cache, rows: np.ndarray) -> np.ndarray:
    """Write what an ``ActivationCache`` lacks of ``rows``; what it then holds."""
    for missing in cache.to_fill():
        for start, stop in missing:
            cache.write(start, rows[start:stop])
    return cache.read()


def run_together(imports: str, script: str, *arguments) -> None:
    """Run Python code ``ROUNDS`` times in each of some processes, all of which begin when all have imported.

    The code knows the ``arguments`` and the number of its ``turn``.
    """
    barrier = multiprocessing.get_context("spawn").Barrier(PROCESSES)
    at_work = [new_process(take_turns, imports, script, arguments, barrier) for _ in range(PROCESSES)]
    for process in at_work:
        process.join()
    assert [process.exitcode for process in at_work] == [0] * PROCESSES


def take_turns(imports: str, script: str, arguments: tuple, barrier) -> None:
    """What a process of ``run_together`` does."""
    names = {"Path": Path, "arguments": arguments}
    exec(imports, names)
    barrier.wait(300)
    for turn in range(ROUNDS):
        exec(script, {**names, "turn": turn})


def heed_ctrl_c() -> None:
    """For a new process: what runs in the background of a shell ignores Ctrl+C, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def closed(path: Path):
    """Take all permissions from ``path``; an administrator, who needs none, is somebody else meanwhile."""
    mode, administrator = path.stat().st_mode, os.geteuid() == 0
    path.chmod(0)
    if administrator:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if administrator:
            os.seteuid(0)
        path.chmod(mode)


def missing(reason):
    """Skip, or fail where everything must be there."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
