"""The trunk's activations: computed once per photo, kept on disk, used by both phases.

The trunk is frozen in both phases, so its output for a photo never changes. Training on
the stored output is the same arithmetic as training the whole network.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catsdogs.config import Config, cache_dir
from catsdogs.engines import litert
from catsdogs.errors import CatsdogsError
from catsdogs.photo import decode_photo, photo_bytes, resize_photo
from catsdogs.storage.bundle import load_bundle_activations
from catsdogs.storage.cache import CHUNK, ActivationCache

if TYPE_CHECKING:  # a cluster's worker extracts without TensorFlow
    from catsdogs.backbone import Backbone
    from catsdogs.data import Photos
    from catsdogs.quiet import keras

BATCH = 8
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
    cache, run_trunk = open_cache(photos, backbone, config, mirrored), None
    with ThreadPoolExecutor(os.cpu_count()) as decoders:
        for missing in cache.to_fill():
            run_trunk = run_trunk or trunk_runner(backbone)  # not before: converting the trunk takes seconds
            for start, stop in missing:
                paths = [photos.path(i) for i in range(start, stop)]
                cache.write(start, extract(paths, photos.digests[start:stop], config.image_size, run_trunk,
                                           decoders.map, mirrored))
    return cache.read()


def open_cache(photos: Photos, backbone: Backbone, config: Config, mirrored: bool = False) -> ActivationCache:
    """Where these activations are kept, whoever computes them."""
    shape = (len(photos), *backbone.trunk.output_shape[1:])
    return ActivationCache(cache_dir() / "activations" / cache_key(photos, backbone, config, mirrored), shape)


def photo_activations(pixels: Sequence[np.ndarray], backbone: Backbone, config: Config) -> np.ndarray:
    """The trunk's output for photos at hand, by the same road but without the cache.

    Args:
        pixels: RGB photos, each (height, width, 3) of any size, values 0 to 255.

    Returns:
        float32 array of shape (n, t, t, channels).
    """
    resized = [resize_photo(photo, config.image_size) for photo in pixels]
    return _run_in_batches(resized, trunk_runner(backbone))


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


def trunk_runner(backbone: Backbone):
    """The trunk as a function (n, size, size, 3) → (n, t, t, channels): LiteRT on CPU, Keras on GPU."""
    if _keras_is_faster():
        return _keras_runner(backbone.trunk)
    return litert.make_runner(export_trunk(backbone), BATCH)


def runner(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """A frozen model as a function of up to ``BATCH`` preprocessed photos, as ``trunk_runner``."""
    return _keras_runner(model) if _keras_is_faster() else litert.make_runner(litert.convert(model), BATCH)


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
    run, size = runner(model), model.input_shape[1]
    with ThreadPoolExecutor(os.cpu_count()) as decoders:
        paths, pieces = [photos.path(i) for i in range(len(photos))], range(0, len(photos), CHUNK)
        return np.concatenate([extract(paths[at:at + CHUNK], photos.digests[at:at + CHUNK], size, run, decoders.map)
                               for at in pieces])


def export_trunk(backbone: Backbone) -> bytes:
    """The trunk as LiteRT, converted once per set of weights and image size, and kept in the cache."""
    size = backbone.trunk.input_shape[1]
    path = cache_dir() / "trunks" / f"{backbone.fingerprint[:32]}-{size}.tflite"
    return litert.exported(path, lambda: backbone.trunk)


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
