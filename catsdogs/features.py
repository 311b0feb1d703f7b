"""The trunk's activations: computed once per photo, kept on disk, used by both phases.

The trunk is frozen in both phases, so its output for a photo never changes. Training on
the stored output is the same arithmetic as training the whole network.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catsdogs import litert
from catsdogs.backbone import Backbone
from catsdogs.bundle import load_bundle_activations
from catsdogs.config import Config, cache_dir
from catsdogs.data import Photos
from catsdogs.errors import CatsdogsError
from catsdogs.photo import read_photo, resize_photo
from catsdogs.quiet import keras, tf

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
    missing = cache.missing()
    if missing:
        cache.fill(missing, _computed_here(missing, photos, backbone, config, mirrored))
    return cache.read()


def open_cache(photos: Photos, backbone: Backbone, config: Config, mirrored: bool = False) -> "ActivationCache":
    """Where these activations are kept, whoever computes them."""
    shape = (len(photos), *backbone.trunk.output_shape[1:])
    return ActivationCache(cache_dir() / "activations" / cache_key(photos, backbone, config, mirrored), shape)


def _computed_here(chunks: list[tuple[int, int]], photos: Photos, backbone: Backbone, config: Config,
                   mirrored: bool) -> Iterator[tuple[int, np.ndarray]]:
    """(start, rows) of each chunk, one after the other."""
    run_trunk = make_runner(backbone)
    with ThreadPoolExecutor(os.cpu_count()) as decoders:
        for start, stop in chunks:
            paths = [photos.path(i) for i in range(start, stop)]
            yield start, extract(paths, config.image_size, run_trunk, decoders.map, mirrored)


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
    """A name for these activations that changes with anything that changes them."""
    parts = [*photos.digests, config.image_size, PREPROCESSING, backbone.fingerprint, backbone.trunk.output.shape]
    parts += ["mirrored"] if mirrored else []
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def extract(paths: Sequence[Path | str], size: int, run_trunk: Callable[[np.ndarray], np.ndarray],
            each: Callable = map, mirrored: bool = False) -> np.ndarray:
    """What ``run_trunk`` gives for the photos in these files.

    Args:
        run_trunk: preprocessed photos (n, size, size, 3), n up to ``BATCH`` → rows (n, …).
        each: ``map``, or one that decodes in several threads.

    Returns:
        float32 array (n, …), in the order of ``paths``.
    """
    resized = list(each(lambda path: resize_photo(read_photo(path), size), paths))
    return _run_in_batches([photo[:, ::-1] for photo in resized] if mirrored else resized, run_trunk)


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
        paths = [photos.path(i) for i in range(len(photos))]
        return np.concatenate([extract(paths[at:at + CHUNK], size, run, decoders.map)
                               for at in range(0, len(paths), CHUNK)])


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
        folder.mkdir(parents=True, exist_ok=True)
        expected = int(np.prod(shape)) * 4
        if not self.data.exists() or self.data.stat().st_size != expected:
            self.journal.unlink(missing_ok=True)
            with open(self.data, "wb") as fresh:
                fresh.truncate(expected)

    def _map(self, mode: str) -> np.memmap:
        return np.memmap(self.data, np.float32, mode, shape=self.shape)

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
        recorded, array = self._recorded(), self._map("r")
        chunks = [(at, min(at + CHUNK, self.shape[0])) for at in range(0, self.shape[0], CHUNK)]
        return [(start, stop) for start, stop in chunks
                if recorded.get((start, stop)) != zlib.crc32(np.ascontiguousarray(array[start:stop]))]

    def fill(self, missing: list[tuple[int, int]], computed: Iterable[tuple[int, np.ndarray]]) -> None:
        """Store each (start, rows) of ``computed`` as it comes, showing how many photos of ``missing`` are done."""
        todo = sum(stop - start for start, stop in missing)
        with tqdm(total=todo, desc="Extraindo ativações", unit="foto") as progress:
            for start, values in computed:
                self.write(start, values)
                progress.update(len(values))

    def write(self, start: int, values: np.ndarray) -> None:
        """Store the rows from ``start`` on, then record them."""
        array = self._map("r+")
        array[start:start + len(values)] = values
        array.flush()
        line = json.dumps([start, start + len(values), zlib.crc32(np.ascontiguousarray(values, np.float32))])
        with open(self.journal, "a") as journal:
            # The newline comes first, so that a torn last line cannot swallow this one.
            journal.write("\n" + line)

    def read(self) -> np.ndarray:
        """The whole array as a read-only memory map."""
        return self._map("r")


def pooled_features(tail: keras.Model, maps: np.ndarray) -> np.ndarray:
    """What phase 1's head sees: the frozen tail, then the mean over positions (GAP).

    Args:
        maps: float32 (n, t, t, channels), from ``activations``.

    Returns:
        float32 array of shape (n, 1280), values in [0, 6] (the tail ends in ReLU6).
    """
    pooled = keras.layers.GlobalAveragePooling2D()(tail.output)
    return keras.Model(tail.input, pooled).predict(maps, verbose=0)
