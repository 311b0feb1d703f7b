"""Data augmentation for phase 1: the frozen base sees changed copies of each training photo."""

import numpy as np

from catsdogs.backbone import Backbone
from catsdogs.config import Config, cache_dir
from catsdogs.data import Photos
from catsdogs.features import BATCH, cache_key, preprocess, runner
from catsdogs.files import atomic_path
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study.measures import measure_parts, pixels_of, split_with_few
from catsdogs.training import build_head

# Changed copies of each photo; an epoch draws one of them for each photo.
COPIES = 8
KINDS = ("none", "mirror", "rotation", "zoom", "crop")


def layers_of(kind: str, size: int) -> list[keras.Layer]:
    """The Keras layers of one kind of augmentation, for photos of ``size`` px: up to 20° either way, 25%, 4/5."""
    return {
        "none": [],
        "mirror": [keras.layers.RandomFlip("horizontal")],
        "rotation": [keras.layers.RandomRotation(20 / 360, fill_mode="reflect")],
        "zoom": [keras.layers.RandomZoom(0.25, fill_mode="reflect")],
        "crop": [keras.layers.RandomCrop(size * 4 // 5, size * 4 // 5), keras.layers.Resizing(size, size)],
    }[kind]


def augmented_features(photos: Photos, backbone: Backbone, config: Config, kind: str) -> np.ndarray:
    """Pooled features of ``COPIES`` changed copies of every photo, kept in the cache; of "none", of the photos alone.

    Returns:
        float32 (copies, n, 1280).

    Raises:
        CatsdogsError: a photo cannot be read.
    """
    path = cache_dir() / "augmented" / f"{cache_key(photos, backbone, config)}-{kind}.npy"
    if not path.exists():
        pooled = keras.layers.GlobalAveragePooling2D()(backbone.base.output)
        run, size = runner(keras.Model(backbone.base.input, pooled)), config.image_size
        features = np.empty((1 if kind == "none" else COPIES, len(photos), pooled.shape[-1]), dtype=np.float32)
        for at in range(0, len(photos), BATCH):
            rows = range(at, min(at + BATCH, len(photos)))
            batch = pixels_of(photos, rows, size)
            for copy in range(len(features)):
                keras.utils.set_random_seed(1000 * at + copy)
                features[copy, rows] = run(preprocess(changed(batch, kind)))
        with atomic_path(path) as temporary:
            np.save(temporary, features)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def changed(pixels: np.ndarray, kind: str) -> np.ndarray:
    """Photos changed at random, each in its own way: float32 (n, size, size, 3), 0 to 255, in and out."""
    for layer in layers_of(kind, pixels.shape[1]):
        pixels = layer(pixels, training=True)
    return np.asarray(pixels)


def augmentation_run(materials: Materials, config: Config, augmentation: str,
                     train_photos: int | None = None) -> list[dict]:
    """Phase 1 on changed copies of the training photos; validation and test photos stay as they are.

    Args:
        augmentation: one of ``KINDS``.
        train_photos: how many training photos to use; None for all.
    """
    photos, split = materials.photos, split_with_few(materials.photos, config, train_photos)
    copies = augmented_features(photos, materials.backbone, config, augmentation)
    plain = augmented_features(photos, materials.backbone, config, "none")[0]
    labels, draw = photos.labels, np.random.default_rng(config.seed)
    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    head.compile(keras.optimizers.Adam(config.head_learning_rate), "sparse_categorical_crossentropy")
    losses, best = [], head.get_weights()
    for _ in range(config.head_epochs):
        drawn = copies[draw.integers(len(copies), size=len(split.train)), split.train]
        head.fit(drawn, labels[split.train], batch_size=config.batch_size, verbose=0)
        losses.append(head.evaluate(plain[split.validation], labels[split.validation], verbose=0))
        if losses[-1] == min(losses):
            best = head.get_weights()
    head.set_weights(best)
    return [{**measure_parts(head.predict(plain, verbose=0), photos, split), "epochs": len(losses)}]
