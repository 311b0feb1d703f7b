"""Range test of learning rates: the loss of each step while the rate rises (L. N. Smith, 2017, arXiv:1506.01186)."""

import numpy as np

from catsdogs.backbone import copy_of_base, cut, unfreeze
from catsdogs.config import Config
from catsdogs.data import split_photos
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.training import build_head, tail_and_head, train_head

STEPS = 100
LOWEST, HIGHEST = 1e-6, 1.0


def range_test(model: keras.Model, inputs: np.ndarray, labels: np.ndarray, batch_size: int, seed: int,
               steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Train ``model``, in place, with Adam at rates from ``LOWEST`` to ``HIGHEST``, each a fixed factor above the last.

    Args:
        inputs: (n, …), what the model takes for each training photo.
        labels: int32 (n,), 0 or 1.

    Returns:
        the rates, float64 (steps,), and the loss of the batch of each step before it learned from it, float64
        (steps,); both end where the loss is no longer finite.
    """
    rates, order = np.geomspace(LOWEST, HIGHEST, steps), np.random.default_rng(seed).permutation(len(labels))
    rows = np.resize(order, (steps, batch_size))
    model.compile(keras.optimizers.Adam(LOWEST), "sparse_categorical_crossentropy")
    losses = []
    for rate, batch in zip(rates, rows, strict=True):
        model.optimizer.learning_rate.assign(rate)
        model.reset_metrics()  # what train_on_batch returns is a mean since the last reset
        losses.append(float(model.train_on_batch(inputs[batch], labels[batch])))
        if not np.isfinite(losses[-1]):
            return rates[:len(losses) - 1], np.array(losses[:-1])
    return rates, np.array(losses)


def range_run(materials: Materials, config: Config, part: str) -> list[dict]:
    """A range test on the training photos of one split.

    Args:
        part: "head" for phase 1's head, not yet trained; "tail" for tail and head after phase 1.

    Returns:
        one row with the lists ``rates`` and ``losses``.
    """
    split, labels = split_photos(materials.photos, config), materials.photos.labels
    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    model, inputs = head, materials.features
    if part == "tail":
        train_head(head, materials.features, labels, split, config)
        tail = cut(copy_of_base(materials.backbone.base), materials.config.unfrozen_layers)[1]
        unfreeze(tail)
        model, inputs = tail_and_head(tail, head), materials.maps
    rates, losses = range_test(model, inputs[split.train], labels[split.train], config.batch_size, config.seed)
    return [{"rates": rates.tolist(), "losses": losses.tolist()}]
