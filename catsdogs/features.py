"""The trunk's activations: computed once per photo, kept on disk, used by both phases.

The trunk is frozen in both phases, so its output for a photo never changes. Training on
the stored output is the same arithmetic as training the whole network.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from catsdogs import litert
from catsdogs.bundle import load_bundle_activations
from catsdogs.config import Config, cache_dir
from catsdogs.errors import CatsdogsError, reason
from catsdogs.photo import decode_photo, photo_bytes, resize_photo

if TYPE_CHECKING:  # a cluster's worker extracts without TensorFlow
    from catsdogs.backbone import Backbone
    from catsdogs.data import Photos
    from catsdogs.quiet import keras

BATCH = 8
CHUNK = 64
PREPROCESSING = "bilinear, x/127.5-1"


def activations(photos: Photos, backbone: Backbone, config: Config, mirrored: bool = False) -> np.ndarray:
    """The trunk's output for every photo, or its mirror image, in the photos' order.

    With photo files, what the cache lacks is computed and kept, and the result is a
    read-only memory map; with the bundle alone, it is read from there.

    Returns:
        float32 array of shape (n, t, t, channels); (n, 7, 7, 160) by default.

    Raises:
        CatsdogsError: the bundle has no activations of mirror images, or at this cut or size.
    """
    if not photos.has_files:
        if mirrored:
            raise CatsdogsError("As ativações que acompanham o repositório não incluem as fotos espelhadas: "
                                "conecte-se à internet ou indique uma pasta de fotos com CATSDOGS_DATA.")
        return load_bundle_activations(photos.digests, config.image_size, backbone.fingerprint)
    cache = open_cache(photos, backbone, config, mirrored)
    return cache.complete(lambda missing: _computed_here(missing, photos, backbone, config, mirrored))


def open_cache(photos: Photos, backbone: Backbone, config: Config, mirrored: bool = False) -> ActivationCache:
    """Where these activations are kept, whoever computes them."""
    shape = (len(photos), *backbone.trunk.output_shape[1:])
    return ActivationCache(cache_dir() / "activations" / cache_key(photos, backbone, config, mirrored), shape)


def _computed_here(chunks: list[tuple[int, int]], photos: Photos, backbone: Backbone, config: Config,
                   mirrored: bool) -> Iterator[tuple[int, np.ndarray]]:
    """(start, rows) of each chunk, one after the other."""
    run_trunk, paths = make_runner(backbone), [photos.path(i) for i in range(len(photos))]
    with ThreadPoolExecutor(os.cpu_count()) as decoders:
        for start, stop in chunks:
            chunk = paths[start:stop], photos.digests[start:stop]
            yield start, extract(*chunk, config.image_size, run_trunk, decoders.map, mirrored)


def photo_activations(pixels: Sequence[np.ndarray], backbone: Backbone, config: Config) -> np.ndarray:
    """The trunk's output for photos at hand, by the same road but without the cache.

    Args:
        pixels: RGB photos, each (height, width, 3) of any size, values 0 to 255.

    Returns:
        float32 array of shape (n, t, t, channels).
    """
    resized = [resize_photo(photo, config.image_size) for photo in pixels]
    return _run_in_batches(resized, make_runner(backbone))


def cache_key(photos: Photos, backbone: Backbone, config: Config, mirrored: bool = False) -> str:
    """A name for these activations, from photos, size, preprocessing and trunk.

    Not from what computes them, which only rounds otherwise: what a cluster extracted serves a machine with a GPU.
    """
    parts = [*photos.digests, config.image_size, PREPROCESSING, backbone.fingerprint, backbone.trunk.output.shape]
    parts += ["mirrored"] if mirrored else []
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def extract(paths: Sequence[Path | str], digests: Sequence[str], size: int,
            run_trunk: Callable[[np.ndarray], np.ndarray], each: Callable = map, mirrored: bool = False) -> np.ndarray:
    """What ``run_trunk`` gives for the photos in these files.

    Args:
        digests: SHA-256 of each file, in hexadecimal.
        run_trunk: preprocessed photos (n, size, size, 3), n up to ``BATCH`` → rows (n, …).
        each: ``map``, or one that decodes in several threads.

    Returns:
        float32 array (n, …), in the order of ``paths``.

    Raises:
        CatsdogsError: a file cannot be read, or is not the one of that digest.
    """
    resized = list(each(lambda path, digest: _resized(Path(path), digest, size), paths, digests))
    return _run_in_batches([photo[:, ::-1] for photo in resized] if mirrored else resized, run_trunk)


def _resized(path: Path, digest: str, size: int) -> np.ndarray:
    """A photo as the network sees it, made from the very bytes that were verified."""
    content = photo_bytes(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise CatsdogsError(f"A foto {path} mudou depois de conferida: rode de novo e, se esta mensagem voltar, "
                            "troque a foto por outra cópia.")
    return resize_photo(decode_photo(content, path.name), size)


def _run_in_batches(resized: list[np.ndarray], run_trunk) -> np.ndarray:
    batches = [np.stack(resized[at:at + BATCH]) for at in range(0, len(resized), BATCH)]
    return np.concatenate([run_trunk(preprocess(batch)) for batch in batches])


def preprocess(pixels: np.ndarray) -> np.ndarray:
    """Pixels 0 to 255 → [-1, 1], as MobileNetV2 was trained (``keras.applications.mobilenet_v2``)."""
    return pixels / np.float32(127.5) - np.float32(1)


def make_runner(backbone: Backbone):
    """The trunk as a function (n, size, size, 3) → (n, t, t, channels): LiteRT on CPU, Keras on GPU."""
    if _keras_is_faster():
        return _keras_runner(backbone.trunk)
    return litert.make_runner(export_trunk(backbone), BATCH)


def _keras_is_faster() -> bool:
    from catsdogs.quiet import tf

    return bool(tf.config.list_physical_devices("GPU")) or not litert.is_installed()


def _keras_runner(model: keras.Model):
    return lambda batch: np.asarray(model(batch, training=False))


def outputs(photos: Photos, model: keras.Model) -> np.ndarray:
    """What a frozen model gives for every photo, by the trunk's road but without the cache.

    Args:
        model: preprocessed photos (n, size, size, 3) in [-1, 1] → one tensor (n, …).

    Returns:
        float32 array (n, …), in the photos' order.
    """
    run = _keras_runner(model) if _keras_is_faster() else litert.make_runner(litert.convert(model), BATCH)
    size = model.input_shape[1]
    with ThreadPoolExecutor(os.cpu_count()) as decoders:
        paths, pieces = [photos.path(i) for i in range(len(photos))], range(0, len(photos), CHUNK)
        return np.concatenate([extract(paths[at:at + CHUNK], photos.digests[at:at + CHUNK], size, run, decoders.map)
                               for at in pieces])


def export_trunk(backbone: Backbone) -> bytes:
    """The trunk as LiteRT, converted once per set of weights and image size, and kept in the cache."""
    size = backbone.trunk.input_shape[1]
    path = cache_dir() / "trunks" / f"{backbone.fingerprint[:32]}-{size}.tflite"
    return litert.exported(path, lambda: backbone.trunk)


class ActivationCache:
    """One flat float32 file plus a journal of the chunks known to be in it.

    The journal has one JSON line (start, stop, CRC-32) per chunk, written after the
    chunk itself. A chunk whose bytes do not match its line counts as missing, so that
    stopping half-way, a torn write and a damaged byte all heal the same way.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...]):
        """Open or create the cache in ``folder`` for an array of ``shape``."""
        self.folder, self.shape = folder, shape
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

    def complete(self, compute: Callable[[list[tuple[int, int]]], Iterable[tuple[int, np.ndarray]]]) -> np.ndarray:
        """The whole array as a read-only memory map, once nothing is missing.

        Args:
            compute: given the missing chunks (start, stop), yields (start, rows) of each, in any order.

        Raises:
            CatsdogsError: the disk takes no more, or does not keep what is written.
        """
        for _ in range(3):  # what another process or the disk spoiled meanwhile is made again
            if not (missing := self.missing()):
                return self.read()
            self.fill(missing, compute(missing))
        if self.missing():
            raise CatsdogsError(f"O que gravo em {self.folder} não é o que leio de volta: confira o disco ou indique "
                                "outra pasta em CATSDOGS_CACHE.")
        return self.read()

    def fill(self, missing: list[tuple[int, int]], computed: Iterable[tuple[int, np.ndarray]]) -> None:
        """Store each (start, rows) of ``computed`` as it comes, showing how many photos of ``missing`` are done."""
        todo = sum(stop - start for start, stop in missing)
        with tqdm(total=todo, desc="Extraindo ativações", unit="foto") as progress:
            for start, values in computed:
                self.write(start, values)
                progress.update(len(values))

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

    def read(self) -> np.ndarray:
        """The array as it is on the disk, as a read-only memory map."""
        return np.memmap(self.data, np.float32, "r", shape=self.shape)


def pooled_features(tail: keras.Model, maps: np.ndarray) -> np.ndarray:
    """What phase 1's head sees: the frozen tail, then the mean over positions (GAP).

    Args:
        maps: float32 (n, t, t, channels), from ``activations``.

    Returns:
        float32 array of shape (n, 1280), values in [0, 6] (the tail ends in ReLU6).
    """
    from catsdogs.quiet import keras

    pooled = keras.layers.GlobalAveragePooling2D()(tail.output)
    return keras.Model(tail.input, pooled).predict(maps, verbose=0)
