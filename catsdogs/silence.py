"""Native libraries that write to the process's error output, kept quiet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced_native_output() -> Iterator[None]:
    """Send what native libraries write to file descriptor 2 nowhere; Python exceptions still pass."""
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
