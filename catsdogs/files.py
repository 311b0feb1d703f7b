"""Files that are either whole or absent."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; move it there only if the block succeeds.

    A crash while writing leaves the old ``target`` untouched. The temporary name keeps
    the suffix, because Keras chooses the format by it.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    temporary = folder / target.name
    try:
        yield temporary
        with open(temporary, "rb+") as written:  # Windows flushes only files open for writing
            os.fsync(written.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
        folder.rmdir()


def write_json(target: Path, value: object) -> None:
    """Write ``value`` as indented UTF-8 JSON, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> object:
    """The value in a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
