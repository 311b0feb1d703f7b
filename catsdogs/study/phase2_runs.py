"""Phase 2: how many layers, BatchNorm or not, at which learning rate, and what it takes from the features."""

import time
from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from catsdogs.backbone import copy_of_base, cut, fingerprint, unfreeze
from catsdogs.config import Config
from catsdogs.data import Split
from catsdogs.errors import CatsdogsError
from catsdogs.features import activations, pooled_features
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study.attributes import ATTRIBUTES, attributes_of
from catsdogs.study.forgetting import linear_cka
from catsdogs.study.measures import measure_parts, split_with_few
from catsdogs.training import build_head, fit, tail_and_head, train_head


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
        model = _unfrozen(tail, head, config.unfrozen_layers, batch_norm)
        phase = fit(model, maps, photos.labels, split, config, config.fine_tune_learning_rate, config.fine_tune_epochs)
        epochs, seconds = len(phase.history["loss"]), time.perf_counter() - start
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    answers = model.predict(maps, verbose=0)
    return [{**measure_parts(answers, photos, split), "epochs": epochs, "seconds": seconds, "parameters": trained,
             "constant": len(set(answers[split.test].argmax(axis=1))) == 1,
             **_what_was_lost(materials, split, tail, maps)}]


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


def _unfrozen(tail: keras.Model, head: keras.Model, layers: int, batch_norm: str) -> keras.Model:
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
    features before; so are ``brightness_probe`` and the others, of a ridge classifier, for whether a photo is above the
    training photos' median of that attribute (``…_before`` on the features before).
    """
    labels, test = materials.photos.labels, split.test
    before, after = materials.features[test], pooled_features(tail, maps[test])
    probe = new_probe().fit(materials.features[split.train], labels[split.train])
    lost = {"cka": linear_cka(before, after), "probe_accuracy": float(probe.score(after, labels[test]))}
    attributes = attributes_of(materials.photos)
    if attributes is not None:
        above = attributes > np.median(attributes[split.train], axis=0)
        for name, answer in zip(ATTRIBUTES, above.T, strict=True):
            probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=1000))
            probe.fit(materials.features[split.train], answer[split.train])
            lost[f"{name}_probe_before"], lost[f"{name}_probe"] = (
                float(probe.score(features, answer[test])) for features in (before, after))
    return lost


def new_probe() -> Pipeline:
    """A logistic regression on standardised features, not yet fitted."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=500))
