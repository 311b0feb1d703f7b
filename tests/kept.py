"""What takes long to make and comes out the same every time is kept between runs, below ``_build/tests``."""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "_build" / "tests"


def digest(value) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


@functools.cache
def kept_folder() -> Path:
    """The folder of what this package, what helps to test it, these packages and this machine make; others go."""
    helpers = [path for path in (ROOT / "tests").glob("*.py") if not path.name.startswith("test_")]
    sources = sorted([*(ROOT / "catsdogs").rglob("*.py"), *helpers])
    packages = sorted(f"{found.name} {found.version}" for found in importlib.metadata.distributions())
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS")  # with another number of them, sums have another order
    made_by = sys.version, sys.prefix, platform.uname(), threads, packages, [path.read_bytes() for path in sources]
    folder = FOLDER / digest(made_by)
    folder.mkdir(parents=True, exist_ok=True)
    for other in sorted(FOLDER.iterdir(), key=os.path.getmtime)[:-3]:  # tests of another state may be at work
        shutil.rmtree(other, ignore_errors=True)
    return folder


def content_of(folder: Path) -> str:
    """A name for all that a folder holds."""
    return digest([(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
                   for path in sorted(folder.rglob("*")) if path.is_file()])


def kept(name: str, make, of: str = "") -> Path:
    """The folder that ``make`` filled, now or in an earlier run of the same file. Read only.

    Args:
        of: what it was made of, besides the package, its tests' helpers, the packages and the machine.
    """
    folder = kept_folder() / f"{name}-{digest((of, Path(make.__code__.co_filename).read_bytes()))}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=kept_folder()) as temporary:
            made = Path(temporary) / name
            made.mkdir()
            make(made)
            with contextlib.suppress(OSError):  # another process was first
                made.rename(folder)
    return folder
