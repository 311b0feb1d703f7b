"""Where training starts: pre-trained weights, or random ones, frozen as well."""

import numpy as np

from catsdogs.backbone import new_base
from catsdogs.config import Config
from catsdogs.data import Photos, split_photos
from catsdogs.features import outputs, preprocess
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study.measures import measure_parts, pixels_of
from catsdogs.study.phase1_runs import head_row
from catsdogs.study.phase2_runs import new_probe

TRAIN_SIZES = (20, 50, 100, 300, 1000, 2400)
PROBED_LAYERS = ("block_1_project_BN", "block_3_project_BN", "block_6_project_BN", "block_10_project_BN",
                 "block_13_project_BN", "out_relu")


def transfer_run(materials: Materials, config: Config, start: str) -> list[dict]:
    """Learning curves from pre-trained or random weights; needs the photos.

    Args:
        start: "pretrained", a frozen extractor; "random", the same with random weights.

    Returns:
        a row per number of training photos, and one per probed layer, with ``layer`` and the measures of a logistic
        regression on that layer's mean activations.
    """
    photos = materials.photos
    base = materials.backbone.base if start == "pretrained" else random_base(photos, config)
    wide = outputs(photos, _probed(base))
    widths = [base.get_layer(name).output.shape[-1] for name in PROBED_LAYERS]
    by_layer = dict(zip(PROBED_LAYERS, np.split(wide, np.cumsum(widths)[:-1], axis=1), strict=True))
    rows = [{"train_photos": count, **head_row(by_layer[PROBED_LAYERS[-1]], photos, config, count)}
            for count in _sizes(TRAIN_SIZES, photos, config)]
    split = split_photos(photos, config)
    for name, features in by_layer.items():
        probe = new_probe().fit(features[split.train], photos.labels[split.train])
        rows.append({"train_photos": len(split.train), "layer": name,
                     **measure_parts(probe.predict_proba(features), photos, split)})
    return rows


def _sizes(wanted: tuple[int, ...], photos: Photos, config: Config) -> list[int]:
    most = len(split_photos(photos, config).train)
    return [*(count for count in wanted if count < most), most]


def random_base(photos: Photos, config: Config) -> keras.Model:
    """MobileNetV2 with random weights, fit to extract features: frozen.

    Its BatchNorm statistics are those of 64 training photos, or its activations would not
    have the size that the layers after them expect.
    """
    keras.utils.set_random_seed(config.seed)
    base = new_base(config.image_size)
    norms = [layer for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization)]
    rows = split_photos(photos, config).train[:64]
    for layer in norms:
        layer.momentum = 0.0  # the statistics become those of the one batch below
    base(preprocess(pixels_of(photos, rows, config.image_size)), training=True)
    base.trainable = False
    return base


def _probed(base: keras.Model) -> keras.Model:
    """Photos → the mean over positions of each probed layer's output, side by side."""
    pooled = [keras.layers.GlobalAveragePooling2D(name=f"pooled_{name}")(base.get_layer(name).output)
              for name in PROBED_LAYERS]
    return keras.Model(base.input, keras.layers.Concatenate(name="probed")(pooled))
