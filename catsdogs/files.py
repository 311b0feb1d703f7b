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

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

DIGEST_SIZE = hashlib.sha256().digest_size
ABANDONED_SECONDS = 24 * 3600
LOCK_FILE = ".lock"
# What is read at once of a large file or an answer.
PIECE_BYTES = 2**16


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

    What a killed process left of an earlier one disappears too, once it is a day old. The clock
    alone does not tell: it may have been wrong.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for earlier in target.parent.glob(f".{glob.escape(target.name)}-*"):
        with contextlib.suppress(OSError):
            if time.time() - earlier.stat().st_mtime > ABANDONED_SECONDS and not is_in_use(earlier):
                shutil.rmtree(earlier, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with open(folder / LOCK_FILE, "wb") as lock:
            if fcntl:
                with contextlib.suppress(OSError):  # a disk without locks
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_in_use(folder: Path) -> bool:
    """Whether the process that made a ``workshop`` may still be at work there; the system frees a dead one's locks."""
    lock = folder / LOCK_FILE
    try:
        if fcntl is None:
            lock.unlink()  # Windows removes no file that is open
        else:
            with open(lock, "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def write_json(target: Path, value: object) -> None:
    """Write ``value`` as indented UTF-8 JSON, atomically; a file name that is no text keeps its bytes as escapes."""
    with atomic_path(target) as temporary:
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def read_json(path: Path) -> object:
    """The value in a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def file_digest(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


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
