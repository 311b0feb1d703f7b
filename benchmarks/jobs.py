"""One piece of work per process, so that start-up, memory and caches are its own.

``python benchmarks/jobs.py NAME key=value …`` does the work and prints one JSON line.
"""

import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from plain import PlainRun

from catsdogs.backbone import cut, load_backbone, unfreeze
from catsdogs.config import PHASE2_CHECKPOINT, Config, checkpoint_path, models_dir
from catsdogs.data import Split, find_photos, split_photos
from catsdogs.features import activations, preprocess, trunk_runner
from catsdogs.photo import read_photo, resize_photo
from catsdogs.pipeline import prepare, train
from catsdogs.quiet import keras, tf
from catsdogs.storage.provenance import today, versions
from catsdogs.training import build_head, fit, tail_and_head


def config_of(epochs: int) -> Config:
    """The challenge's settings with this many epochs in each phase, and no early stopping."""
    return replace(Config(), head_epochs=epochs, fine_tune_epochs=epochs, patience=epochs)


def timed(work) -> float:
    """Seconds that ``work()`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ours_whole(epochs: int = 10) -> dict:
    """Both phases by the package's road, from photos to checkpoints."""
    record = train(prepare(config_of(epochs)), say=lambda line: None, again=True)
    return {"accuracy": record["phase2"]["test"]["accuracy"], "config": record["config"]}


def plain_whole(epochs: int = 10) -> dict:
    """Both phases the plain way, with the seconds of an epoch of each."""
    config = config_of(epochs)
    photos = find_photos(config)
    run = PlainRun(config, photos, split_photos(photos, config))
    phase1, phase2 = timed(lambda: run.phase1(epochs)), timed(lambda: run.phase2(epochs))
    run.model.save(models_dir() / "plain.keras")
    return {"accuracy": run.test_accuracy(), "phase1_epoch": phase1 / epochs, "phase2_epoch": phase2 / epochs}


def ours_epochs(epochs: int = 3) -> dict:
    """Seconds of an epoch of each phase, and of phase 2's forward pass over the training photos alone."""
    config = config_of(epochs)
    materials = prepare(config)
    head, tail = build_head(config), cut(materials.backbone.base, config.unfrozen_layers)[1]
    labels, split = materials.photos.labels, materials.split
    features = materials.features

    def phase1():
        fit(head, features, labels, split, config, config.head_learning_rate, epochs)

    unfreeze(tail)
    model = tail_and_head(tail, head)

    def phase2():
        fit(model, materials.maps, labels, split, config, config.fine_tune_learning_rate, epochs)

    rows = split.train
    model.predict(materials.maps[rows[:32]], verbose=0)
    return {"config": config.as_dict(), "phase1_epoch": timed(phase1) / epochs, "phase2_epoch": timed(phase2) / epochs,
            "phase2_forward": timed(lambda: model.predict(materials.maps[rows], verbose=0))}


def ours_extraction() -> dict:
    """Seconds of extraction without cache, whole and by step on one thread."""
    config = Config()
    photos = find_photos(config)
    backbone = load_backbone(config)
    sample = [photos.path(i) for i in range(min(len(photos), 256))]
    run = trunk_runner(backbone)
    decoded = [read_photo(path) for path in sample]
    batch = preprocess(np.stack([resize_photo(photo, config.image_size) for photo in decoded]))
    work = {
        "read": lambda: [path.read_bytes() for path in sample],
        "decode": lambda: [read_photo(path) for path in sample],
        "resize": lambda: [resize_photo(photo, config.image_size) for photo in decoded],
        "trunk": lambda: [run(batch[at:at + 8]) for at in range(0, len(batch), 8)],
    }
    # The first time also pays for memory that the process did not have yet.
    steps = {step: min(timed(do), timed(do)) for step, do in work.items()}
    steps["decode"] -= steps["read"]
    return {"seconds": timed(lambda: activations(photos, backbone, config)), "photos": len(photos),
            **{f"{step}_ms": 1000 * seconds / len(sample) for step, seconds in steps.items()}}


def ours_growth() -> dict:
    """Extraction alone, from finding the photos on."""
    config = Config()
    photos = find_photos(config)
    activations(photos, load_backbone(config), config)
    return {"photos": len(photos)}


def plain_extraction() -> dict:
    """Seconds of ``predict`` with the same frozen trunk and the usual input pipeline."""
    config = Config()
    photos = find_photos(config)
    everything = Split(*[np.arange(len(photos))] * 3)
    run = PlainRun(config, photos, everything)
    pixels = keras.Input((config.image_size, config.image_size, 3))
    trunk = cut(run.base, config.unfrozen_layers)[0]
    model = keras.Model(pixels, trunk(keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)))
    return {"seconds": timed(lambda: model.predict(run.dataset(everything.test), verbose=0)), "photos": len(photos)}


def plain_predict(photo: str) -> dict:
    """The answer for one photo, or for each of a folder, with Keras alone."""
    paths = sorted(Path(photo).iterdir()) if Path(photo).is_dir() else [Path(photo)]
    model = keras.saving.load_model(checkpoint_path(PHASE2_CHECKPOINT), compile=False)
    for path in paths:
        model.predict(keras.utils.img_to_array(keras.utils.load_img(path))[None], verbose=0)
    return {"photos": len(paths)}


def speed() -> dict:
    """Floating-point operations per second of a float32 matrix product and per photo in each part; what made them."""
    matrix = tf.random.uniform((2048, 2048))
    seconds = min(timed(lambda: tf.linalg.matmul(matrix, matrix).numpy()) for _ in range(20))
    config = Config()
    backbone = load_backbone(config)
    work = {"trunk": backbone.trunk, "tail": backbone.tail, "head": build_head(config)}
    return {"flops_per_second": 2 * 2048 ** 3 / seconds, "work": {part: operations(work[part]) for part in work},
            "device": device(), "config": config.as_dict(), "backbone": backbone.origin,
            "trunk": backbone.fingerprint, "versions": versions(), "date": today()}


def operations(model: keras.Model) -> int:
    """Floating-point operations of a forward pass of one example: two per weight and position where it is used."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.Dense):
            positions = int(np.prod(layer.output.shape[1:-1]))
            total += 2 * positions * int(np.prod(layer.kernel.shape))
    return total


def device() -> str:
    """The processor, or the GPU where TensorFlow sees one."""
    if graphics := tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(graphics[0]).get("device_name", "GPU")
    return f"{os.cpu_count()} núcleos {platform.machine()}"


JOBS = {job.__name__: job for job in (ours_whole, plain_whole, ours_epochs, ours_extraction, ours_growth,
                                      plain_extraction, plain_predict, speed)}

if __name__ == "__main__":
    name, *settings = sys.argv[1:]
    given = dict(pair.split("=", 1) for pair in settings)
    print(json.dumps(JOBS[name](**{key: int(value) if value.isdigit() else value for key, value in given.items()})))
