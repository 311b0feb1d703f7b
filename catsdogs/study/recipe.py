"""The better recipe, ``--recipe melhor``: what the challenge's two phases gain from a little more.

Phase 1 is the challenge's, on photos and their mirror images. Phase 2 unfreezes more blocks,
starts at a higher learning rate that is warmed up and then falls to zero, and sees each photo
mirrored half of the time. The answer for a photo is the mean over the photo and its mirror image.
"""


from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np

from catsdogs.backbone import copy_of_base, cut, fingerprint, unfreeze
from catsdogs.config import BETTER_CHECKPOINT, BETTER_RECORD_FILE, BetterConfig, models_dir
from catsdogs.data import Split
from catsdogs.features import activations, pooled_features
from catsdogs.files import write_json
from catsdogs.pipeline import Materials, about, save_phase, score_part
from catsdogs.quiet import keras
from catsdogs.storage.provenance import today, versions
from catsdogs.training import build_head, tail_and_head


class MirroredBatches(keras.utils.PyDataset):
    """Batches of activations and labels in which each photo is mirrored, or not, at random.

    Args:
        views: the activations of the photos and, unless only one is wanted, of their mirror
            images, each float32 (n, t, t, channels).
        rows: int64 (m,), the photos to learn from.
        targets: float32 (n, 2), one-hot labels.
    """

    def __init__(self, views: list[np.ndarray], rows: np.ndarray, targets: np.ndarray, batch_size: int, seed: int):
        super().__init__()
        self.views, self.rows, self.targets, self.batch_size = views, rows, targets, batch_size
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def on_epoch_end(self) -> None:
        """Draw another order."""
        self.rows = self.random.permutation(self.rows)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.rows[index * self.batch_size:(index + 1) * self.batch_size]
        chosen = self.random.integers(len(self.views), size=len(rows))
        return np.stack([self.views[view][row] for view, row in zip(chosen, rows, strict=True)]), self.targets[rows]


def train_and_save(materials: Materials, say: Callable[[str], None] = print, verbose: int = 0) -> dict:
    """Train with ``materials.config``, a ``BetterConfig``; write checkpoint and record; return the record.

    Args:
        say: takes one Portuguese line per step.
        verbose: passed to ``fit``.

    Raises:
        CatsdogsError: the photos are not at hand.
    """
    config, photos = materials.config, materials.photos
    views = both_views(materials, config)
    say("Treinando a receita melhor…")
    base, model = train_better(materials.backbone.base, views, photos.labels, materials.split, config, verbose)
    answers = mean_over_views(model, views)
    save_phase(assemble_better(base, model.get_layer("head"), config), BETTER_CHECKPOINT, materials)
    record = {**about(materials), "recipe": "melhor", "date": today(), "versions": versions(),
              "class_names": list(photos.class_names),
              **{part: asdict(score_part(materials, answers, part)) for part in ("validation", "test")}}
    write_json(models_dir() / BETTER_RECORD_FILE, record)
    say(f"{BETTER_CHECKPOINT} e {BETTER_RECORD_FILE} em {models_dir()}.")
    return record


def train_better(base: keras.Model, views: list[np.ndarray], labels: np.ndarray, split: Split,
                 config: BetterConfig, verbose: int = 0) -> tuple[keras.Model, keras.Model]:
    """Both phases of the better recipe on a copy of ``base``.

    Args:
        base: MobileNetV2 without its classifier, left as it is.
        views: activations at the cut of ``config.unfrozen_layers``, as in ``MirroredBatches``; the
            mirror images are not looked at when ``config.mirror`` is False.
        labels: int32 (n,), 0 or 1.

    Returns:
        the trained copy of the base, and its tail with the head: activations → probabilities (n, 2).
    """
    views = views if config.mirror else views[:1]
    keras.utils.set_random_seed(config.seed)
    base, head = copy_of_base(base), build_head(config)
    tail = cut(base, config.unfrozen_layers)[1]
    targets = np.eye(2, dtype=np.float32)[labels]
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)

    features = np.concatenate([pooled_features(tail, view[split.train]) for view in views])
    head.compile(keras.optimizers.Adam(config.head_learning_rate), loss)
    head.fit(features, np.concatenate([targets[split.train]] * len(views)), batch_size=config.batch_size,
             epochs=config.head_epochs, verbose=verbose)

    unfreeze(tail)
    model = tail_and_head(tail, head)
    batches = MirroredBatches(views, split.train, targets, config.batch_size, config.seed)
    optimizer = keras.optimizers.AdamW(_warm_up_then_cosine(config, len(batches)), weight_decay=config.weight_decay,
                                       use_ema=config.average_weights, ema_momentum=0.99)
    model.compile(optimizer, loss)
    model.fit(batches, epochs=config.fine_tune_epochs, verbose=verbose)
    return base, model


def _warm_up_then_cosine(config: BetterConfig, steps_per_epoch: int) -> keras.optimizers.schedules.CosineDecay:
    """Up to the peak during the first epoch, then down to zero along a cosine (I. Loshchilov & F. Hutter, 2017)."""
    rest = (config.fine_tune_epochs - 1) * steps_per_epoch
    return keras.optimizers.schedules.CosineDecay(0.0, max(rest, 1), warmup_target=config.fine_tune_learning_rate,
                                                  warmup_steps=steps_per_epoch)


def both_views(materials: Materials, config: BetterConfig) -> list[np.ndarray]:
    """Activations of the photos and of their mirror images at the cut of ``config.unfrozen_layers``.

    Raises:
        CatsdogsError: the photos are not at hand.
    """
    trunk, tail = cut(materials.backbone.base, config.unfrozen_layers)
    backbone = replace(materials.backbone, trunk=trunk, tail=tail, fingerprint=fingerprint(trunk))
    # The mirror images first: they say what is missing when the photos are not at hand.
    mirrored = activations(materials.photos, backbone, config, mirrored=True)
    return [activations(materials.photos, backbone, config), mirrored]


def mean_over_views(model: keras.Model, views: list[np.ndarray]) -> np.ndarray:
    """The mean of the probabilities (n, 2) that ``model`` gives for each view of the photos."""
    return np.mean([model.predict(view, verbose=0) for view in views], axis=0)


def assemble_better(base: keras.Model, head: keras.Model, config: BetterConfig) -> keras.Model:
    """The whole model, mirror image included: RGB pixels (n, height, width, 3), 0 to 255 → probabilities (n, 2)."""
    photo = keras.Input((None, None, 3), name="photo")
    x = keras.layers.Resizing(config.image_size, config.image_size, name="resize")(photo)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(x)
    gap = keras.layers.GlobalAveragePooling2D(name="gap")
    answers = [head(gap(base(view, training=False))) for view in (x, keras.ops.flip(x, axis=2))]
    return keras.Model(photo, keras.layers.Average(name="mean_of_views")(answers), name="cats_vs_dogs")
