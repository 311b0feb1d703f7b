"""One measured run of each question that the book repeats over seeds.

Every function takes the prepared materials, the settings of one run and the factor under
study, trains on a split of its own (``config.seed``), leaves no file behind, and returns
one dict of measures per trained model. ``experiments`` repeats them over seeds.
"""

import time
from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from catsdogs.backbone import copy_of_base, cut, fingerprint, new_base, unfreeze
from catsdogs.config import BetterConfig, Config
from catsdogs.data import PARTS, Photos, Split, draw_photos, split_photos
from catsdogs.errors import CatsdogsError
from catsdogs.evaluation import score
from catsdogs.features import activations, outputs, pooled_features, preprocess
from catsdogs.photo import read_photo, resize_photo
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study.forgetting import linear_cka, load_original_classifier
from catsdogs.study.recipe import both_views, mean_over_views, train_better
from catsdogs.training import build_head, fine_tune, fit, tail_and_head, train_head

MEASURES = ("accuracy", "auc", "loss", "errors", "confusion")  # of ``evaluation.Scores``
TRAIN_SIZES = (20, 50, 100, 300, 1000, 2400)
PROBED_LAYERS = ("block_1_project_BN", "block_3_project_BN", "block_6_project_BN", "block_10_project_BN",
                 "block_13_project_BN", "out_relu")
SMALL_IMAGE = 64
SCRATCH_SIZES = (100, 2400)
SCRATCH_PHOTO_PASSES = 24_000


def split_with_few(photos: Photos, config: Config, train_photos: int | None) -> Split:
    """The split of ``config.seed`` with only ``train_photos`` different training photos.

    They are repeated until there are as many as before, so that an epoch has as many
    steps whatever their number.
    """
    split = split_photos(photos, config)
    if train_photos is None:
        return split
    return replace(split, train=np.resize(draw_photos(split.train, photos.labels, train_photos, config.seed),
                                          len(split.train)))


def measure_parts(probabilities: np.ndarray, photos: Photos, split: Split) -> dict:
    """The ``MEASURES`` of (n, 2) probabilities on each part of the split, as ``test_loss`` and so on."""
    measures = {}
    for part in PARTS:
        rows = np.unique(getattr(split, part))
        scores = score(probabilities[rows], photos.labels[rows], photos.class_names)
        measures |= {f"{part}_{key}": getattr(scores, key) for key in MEASURES}
    return measures


def recipe_run(materials: Materials, config: Config, recipe: str) -> list[dict]:
    """A whole recipe with these settings.

    Args:
        recipe: "desafio" or "melhor", the keys of ``config.RECIPES``.

    Returns:
        for the challenge's recipe a row per phase, for the better one the end result alone, with
        ``phase`` and the epochs it took.
    """
    return better_run(materials, config)[-1:] if recipe == "melhor" else _challenge_rows(materials, config)


def _challenge_rows(materials: Materials, config: Config) -> list[dict]:
    photos, maps, split = materials.photos, materials.maps, split_photos(materials.photos, config)
    keras.utils.clear_session()
    tail = cut(copy_of_base(materials.backbone.base), config.unfrozen_layers)[1]
    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    phase1 = train_head(head, materials.features, photos.labels, split, config)
    before = tail_and_head(tail, head).predict(maps, verbose=0)
    # A new head with the same weights, as when phase 2 starts from phase 1's file.
    fresh = build_head(config)
    fresh.set_weights(head.get_weights())
    phase2 = fine_tune(tail, fresh, maps, photos.labels, split, config)
    after = tail_and_head(tail, fresh).predict(maps, verbose=0)
    return [{"phase": number, "epochs": len(phase.history["loss"]), **measure_parts(answers, photos, split)}
            for number, phase, answers in ((1, phase1, before), (2, phase2, after))]


def better_run(materials: Materials, config: BetterConfig, ingredient: str = "") -> list[dict]:
    """The better recipe with these settings; needs the photos.

    Args:
        ingredient: what differs from the recipe, for the row.

    Returns:
        a row for the answers from the photo alone and one for those from both ``views``.
    """
    photos, split = materials.photos, split_photos(materials.photos, config)
    keras.utils.clear_session()
    views = both_views(materials, config)
    start = time.perf_counter()
    _, model = train_better(materials.backbone.base, views, photos.labels, split, config)
    seconds = time.perf_counter() - start
    return [{"phase": 2, "views": seen, "epochs": config.fine_tune_epochs, "seconds": seconds,
             **measure_parts(mean_over_views(model, views[:seen]), photos, split)} for seen in (1, 2)]


def head_run(materials: Materials, config: Config, pooling: str = "gap",
             train_photos: int | None = None) -> list[dict]:
    """Phase 1 with its settings in ``config``.

    Args:
        pooling: "gap" gives the head the mean over positions, "flatten" every position.
        train_photos: how many training photos to use; None for all.
    """
    features = materials.features if pooling == "gap" else flat_features(materials.backbone.tail, materials.maps)
    return [_head_row(features, materials.photos, config, train_photos)]


def _head_row(features: np.ndarray, photos: Photos, config: Config, train_photos: int | None) -> dict:
    split = split_with_few(photos, config, train_photos)
    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    head = build_head(config, features.shape[1])
    start = time.perf_counter()
    phase = train_head(head, features, photos.labels, split, config)
    seconds = time.perf_counter() - start
    return {**measure_parts(head.predict(features, verbose=0), photos, split), "epochs": len(phase.history["loss"]),
            "seconds": seconds, "parameters": head.count_params(), "feature_bytes": features.nbytes}


def flat_features(tail: keras.Model, maps: np.ndarray) -> np.ndarray:
    """The frozen tail's output with every position kept: float32 (n, positions * 1280)."""
    return tail.predict(maps, verbose=0).reshape(len(maps), -1)


def fine_tune_run(materials: Materials, config: Config, batch_norm: str = "frozen",
                  train_photos: int | None = None) -> list[dict]:
    """Phase 1, then phase 2 with its settings in ``config``, and what phase 2 changed in the features.

    ``config.unfrozen_layers`` may be 0 (phase 1 only) or any other number; beyond the layers of the
    tail at hand, activations at an earlier cut are needed, and so are the photos.

    Args:
        batch_norm: "frozen" as in the challenge; "inference" leaves BatchNorm layers trainable but
            calls the tail with ``training=False``; "trained" lets them learn and follow each batch.

    Raises:
        CatsdogsError: an earlier cut is asked for and the photos are not at hand.
    """
    photos, split = materials.photos, split_with_few(materials.photos, config, train_photos)
    keras.utils.clear_session()
    base = copy_of_base(materials.backbone.base)
    tail, maps = _tail_and_maps(materials, base, config)
    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    train_head(head, materials.features, photos.labels, split, config)
    model = tail_and_head(tail, head)
    epochs, seconds = 0, 0.0
    if config.unfrozen_layers:
        start = time.perf_counter()
        model = _thawed(tail, head, config.unfrozen_layers, batch_norm)
        phase = fit(model, maps, photos.labels, split, config, config.fine_tune_learning_rate, config.fine_tune_epochs)
        epochs, seconds = len(phase.history["loss"]), time.perf_counter() - start
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return [{**measure_parts(model.predict(maps, verbose=0), photos, split), "epochs": epochs, "seconds": seconds,
             "parameters": trained, **_what_was_lost(materials, split, tail, maps)}]


def _tail_and_maps(materials: Materials, base: keras.Model, config: Config) -> tuple[keras.Model, np.ndarray]:
    """The tail that holds the layers to unfreeze, and what goes into it."""
    usual = materials.config.unfrozen_layers
    if config.unfrozen_layers <= usual:
        return cut(base, usual)[1], materials.maps
    if not materials.photos.has_files:
        raise CatsdogsError(f"Para descongelar {config.unfrozen_layers} camadas são precisas as fotos, e aqui só há "
                            f"ativações prontas: use até {usual} camadas ou indique uma pasta com CATSDOGS_DATA.")
    trunk, tail = cut(base, config.unfrozen_layers)
    earlier = replace(materials.backbone, trunk=trunk, tail=tail, fingerprint=fingerprint(trunk))
    return tail, activations(materials.photos, earlier, config)


def _thawed(tail: keras.Model, head: keras.Model, layers: int, batch_norm: str) -> keras.Model:
    """Tail and head with the last ``layers`` of the tail trainable, BatchNorm as asked for."""
    unfreeze(tail)
    for layer in tail.layers[:-layers]:
        layer.trainable = False
    if batch_norm == "frozen":
        return tail_and_head(tail, head)
    for layer in tail.layers[-layers:]:
        layer.trainable = True
    if batch_norm == "trained":
        return tail_and_head(tail, head)
    maps = keras.Input(tail.input_shape[1:])
    pooled = keras.layers.GlobalAveragePooling2D()(tail(maps, training=False))
    return keras.Model(maps, head(pooled))


def _what_was_lost(materials: Materials, split: Split, tail: keras.Model, maps: np.ndarray) -> dict:
    """How the tail's features on the test photos differ from the pre-trained ones.

    ``cka`` is 1 for none; ``probe_accuracy`` is that of a logistic regression fitted on the
    features before; ``original_agreement`` is the share of photos that the backbone's own
    former classifier still answers alike (absent when that classifier is not to be had).
    """
    labels, test = materials.photos.labels, split.test
    before, after = materials.features[test], pooled_features(tail, maps[test])
    probe = _probe().fit(materials.features[split.train], labels[split.train])
    lost = {"cka": linear_cka(before, after), "probe_accuracy": float(probe.score(after, labels[test]))}
    original = load_original_classifier(materials.backbone.base)
    if original:
        lost["original_agreement"] = float((original.answers(before) == original.answers(after)).mean())
    return lost


def _probe():
    return make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=500))


def transfer_run(materials: Materials, config: Config, start: str) -> list[dict]:
    """Learning curves from pre-trained or random weights; needs the photos.

    Args:
        start: "pretrained", a frozen extractor; "random", the same with random weights;
            "scratch", random weights trained end to end on images of ``SMALL_IMAGE`` px.

    Returns:
        a row per number of training photos; for the extractors also a row per probed layer, with
        ``layer`` and the measures of a logistic regression on that layer's mean activations.
    """
    if start == "scratch":
        return _scratch_rows(materials.photos, config)
    photos = materials.photos
    base = materials.backbone.base if start == "pretrained" else random_base(photos, config)
    wide = outputs(photos, _probed(base))
    widths = [base.get_layer(name).output.shape[-1] for name in PROBED_LAYERS]
    by_layer = dict(zip(PROBED_LAYERS, np.split(wide, np.cumsum(widths)[:-1], axis=1), strict=True))
    rows = [{"train_photos": count, **_head_row(by_layer[PROBED_LAYERS[-1]], photos, config, count)}
            for count in _sizes(TRAIN_SIZES, photos, config)]
    split = split_photos(photos, config)
    for name, features in by_layer.items():
        probe = _probe().fit(features[split.train], photos.labels[split.train])
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
    base(preprocess(_pixels(photos, rows, config.image_size)), training=True)
    base.trainable = False
    return base


def _pixels(photos: Photos, rows: np.ndarray, size: int) -> np.ndarray:
    return np.stack([resize_photo(read_photo(photos.path(i)), size) for i in rows])


def _probed(base: keras.Model) -> keras.Model:
    """Photos → the mean over positions of each probed layer's output, side by side."""
    pooled = [keras.layers.GlobalAveragePooling2D(name=f"pooled_{name}")(base.get_layer(name).output)
              for name in PROBED_LAYERS]
    return keras.Model(base.input, keras.layers.Concatenate(name="probed")(pooled))


def _scratch_rows(photos: Photos, config: Config) -> list[dict]:
    pixels = preprocess(_pixels(photos, np.arange(len(photos)), SMALL_IMAGE))
    split, rows = split_photos(photos, config), []
    for count in _sizes(SCRATCH_SIZES, photos, config):
        keras.utils.clear_session()
        keras.utils.set_random_seed(config.seed)
        base = new_base(SMALL_IMAGE)
        for layer in base.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.9  # MobileNetV2's own 0.999 needs thousands of steps to forget its start
        model = tail_and_head(base, build_head(config))
        few = replace(split, train=draw_photos(split.train, photos.labels, count, config.seed))
        # As many steps for all, up to a limit, or the small sets would stop before they learned anything.
        epochs = min(100, SCRATCH_PHOTO_PASSES // count)
        start = time.perf_counter()
        phase = fit(model, pixels, photos.labels, few, replace(config, patience=epochs // 2), 1e-3, epochs)
        rows.append({"train_photos": count, **measure_parts(model.predict(pixels, verbose=0), photos, few),
                     "epochs": len(phase.history["loss"]), "seconds": time.perf_counter() - start,
                     "parameters": model.count_params()})
    return rows
