"""Files that are either whole or absent."""

import contextlib
import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DIGEST_SIZE = hashlib.sha256().digest_size
ABANDONED_SECONDS = 24 * 3600


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; move it there only if the block succeeds.

    A crash while writing leaves the old ``target`` untouched. The temporary name keeps
    the suffix, because Keras chooses the format by it.
    """
    target = Path(target)
    with workshop(target) as folder:
        temporary = folder / target.name
        yield temporary
        with open(temporary, "rb+") as written:  # Windows flushes only files open for writing
            os.fsync(written.fileno())
        os.replace(temporary, target)


@contextmanager
def workshop(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` that only this user can read, and that disappears at the end.

    What a killed process left of an earlier one disappears too, once it is a day old.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in target.parent.glob(f".{glob.escape(target.name)}-*"):
        with contextlib.suppress(OSError):
            if time.time() - abandoned.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(abandoned, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_json(target: Path, value: object) -> None:
    """Write ``value`` as indented UTF-8 JSON, atomically; a file name that is no text keeps its bytes as escapes."""
    with atomic_path(target) as temporary:
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def read_json(path: Path) -> object:
    """The value in a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_sealed(target: Path, content: bytes) -> None:
    """Write ``content`` and its SHA-256, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content + hashlib.sha256(content).digest())


def read_sealed(path: Path) -> bytes | None:
    """What ``write_sealed`` wrote; None when it cannot be read, or any byte of it has changed."""
    try:
        kept = path.read_bytes()
    except OSError:
        return None
    content, digest = kept[:-DIGEST_SIZE], kept[-DIGEST_SIZE:]
    return content if hashlib.sha256(content).digest() == digest else None
