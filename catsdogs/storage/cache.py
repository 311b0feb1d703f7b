"""Activations on the disk, checked on reading, so that whatever is torn or damaged is made again."""

import contextlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catsdogs.errors import CatsdogsError, reason

# Photos in a chunk, which is written and checked as one.
CHUNK = 64


class ActivationCache:
    """One flat float32 file plus a journal of the chunks known to be in it.

    The journal has one JSON line (start, stop, CRC-32) per chunk, written after the
    chunk itself. A chunk whose bytes do not match its line counts as missing, so that
    stopping half-way, a torn write and a damaged byte all heal the same way.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...]):
        """Open or create the cache in ``folder`` for an array of ``shape``."""
        self.folder, self.shape, self._progress = folder, shape, None
        self.data, self.journal = folder / "activations.f32", folder / "chunks.jsonl"
        with self._on_disk():
            folder.mkdir(parents=True, exist_ok=True)
            with open(self.data, "ab") as file:  # never emptied: another process may be filling it
                file.truncate(int(np.prod(shape)) * 4)

    @contextlib.contextmanager
    def _on_disk(self) -> Iterator[None]:
        """Tell what to do where the disk takes no more."""
        try:
            yield
        except OSError as error:
            raise CatsdogsError(f"Não consegui guardar as ativações em {self.folder} ({reason(error)}): libere espaço "
                                "ou indique outra pasta em CATSDOGS_CACHE; o que já foi extraído fica guardado."
                                ) from error

    def _recorded(self) -> dict[tuple[int, int], int]:
        """Checksum by (start, stop), from the journal's readable lines."""
        recorded = {}
        lines = self.journal.read_text(errors="replace").splitlines() if self.journal.exists() else []
        for line in lines:
            try:
                start, stop, checksum = json.loads(line)
                recorded[start, stop] = checksum
            except (ValueError, TypeError):
                continue
        return recorded

    def missing(self) -> list[tuple[int, int]]:
        """The chunks (start, stop) that are absent or damaged, in order."""
        recorded, array = self._recorded(), self.read()
        chunks = [(at, min(at + CHUNK, self.shape[0])) for at in range(0, self.shape[0], CHUNK)]
        # What is not recorded is not looked at: in a full memory disk, even reading a hole kills the process.
        return [(start, stop) for start, stop in chunks if (start, stop) not in recorded
                or recorded[start, stop] != zlib.crc32(np.ascontiguousarray(array[start:stop]))]

    def to_fill(self) -> Iterator[list[tuple[int, int]]]:
        """The missing chunks (start, stop), again and again until there are none; whoever asks writes them meanwhile.

        Shows how many photos are done.

        Raises:
            CatsdogsError: the disk takes no more, or does not keep what is written.
        """
        for _ in range(3):  # what another process or the disk spoiled meanwhile is made again
            if not (missing := self.missing()):
                return
            photos = sum(stop - start for start, stop in missing)
            with tqdm(total=photos, desc="Extraindo ativações", unit="foto") as self._progress:
                yield missing
        if self.missing():
            raise CatsdogsError(f"O que gravo em {self.folder} não é o que leio de volta: confira o disco ou indique "
                                "outra pasta em CATSDOGS_CACHE.")

    def write(self, start: int, values: np.ndarray) -> None:
        """Store the rows from ``start`` on, then record them."""
        values = np.ascontiguousarray(values, np.float32)
        line = json.dumps([start, start + len(values), zlib.crc32(values)])
        # Not through a memory map: on a full disk that would kill the process instead of raising an error.
        with self._on_disk(), open(self.data, "r+b") as data, open(self.journal, "a") as journal:
            data.seek(start * values[0].nbytes)
            data.write(values)
            data.flush()
            # The newline comes first, so that a torn last line cannot swallow this one.
            journal.write("\n" + line)
        if self._progress is not None:
            self._progress.update(len(values))

    def read(self) -> np.ndarray:
        """The array as it is on the disk, as a read-only memory map."""
        return np.memmap(self.data, np.float32, "r", shape=self.shape)
