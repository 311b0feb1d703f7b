"""Networks that start from random weights, trained end to end on small images with augmentation."""

import time
from dataclasses import replace

from catsdogs.backbone import new_base
from catsdogs.config import Config
from catsdogs.data import draw_photos, split_photos
from catsdogs.features import preprocess
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study.measures import measure_parts, pixels_of

SIZE = 64
# Photos seen in all, so that even 2,400 are learned; fewer where there are few, seen MAX_EPOCHS times at most.
PASSES, MAX_EPOCHS = {"small": 120_000, "mobilenet": 240_000}, 500
PEAK_RATES = {"small": 1e-3, "mobilenet": 3e-3}


def small_network() -> keras.Model:
    """Four convolutions, each with BatchNorm, ReLU and a halving, then GAP: images (n, 64, 64, 3) → (n, 2)."""
    layers = []
    for filters in (16, 32, 64, 128):
        layers += [keras.layers.Conv2D(filters, 3, padding="same", use_bias=False),
                   keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU(), keras.layers.MaxPooling2D()]
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers, keras.layers.GlobalAveragePooling2D(),
                             keras.layers.Dense(2, activation="softmax")])


def random_mobilenet() -> keras.Model:
    """MobileNetV2 with random weights, GAP and the two answers: images (n, 64, 64, 3) → (n, 2)."""
    base = new_base(SIZE)
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # MobileNetV2's own 0.999 needs thousands of steps to forget its start
    return keras.Sequential([base, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")])


NETWORKS = {"small": small_network, "mobilenet": random_mobilenet}
SCRATCH_SIZES = {"small": (20, 100, 300, 2400), "mobilenet": (300, 2400)}


def scratch_run(materials: Materials, config: Config, start: str, train_photos: int) -> list[dict]:
    """A network from random weights to its last pass over the photos, which must be at hand.

    Every photo is mirrored and shifted at random, the rate falls along a cosine, and the weights at the end count.

    Args:
        start: one of ``NETWORKS``.
        train_photos: how many training photos to use.
    """
    photos = materials.photos
    pixels = preprocess(pixels_of(photos, range(len(photos)), SIZE))
    split = split_photos(photos, config)
    split = replace(split, train=draw_photos(split.train, photos.labels, train_photos, config.seed))
    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    model = keras.Sequential([
        keras.Input((SIZE, SIZE, 3)),
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="reflect"),
        NETWORKS[start](),
    ])
    epochs = min(MAX_EPOCHS, PASSES[start] // len(split.train))
    steps = epochs * -(-len(split.train) // config.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=PEAK_RATES[start],
                                                  warmup_steps=steps // 20)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    begin = time.perf_counter()
    model.fit(pixels[split.train], photos.labels[split.train], batch_size=config.batch_size, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - begin
    return [{**measure_parts(model.predict(pixels, verbose=0), photos, split), "epochs": epochs, "seconds": seconds,
             "parameters": model.count_params()}]
