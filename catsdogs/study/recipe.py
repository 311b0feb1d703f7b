"""The better recipe, ``--recipe melhor``: what the challenge's two phases gain from more views of each photo.

A view is the photo, or its mirror image, at one of two sizes. Phase 1 is trained on all views, with some of
the features dropped. Phase 2 unfreezes more blocks, starts at a higher learning rate that is warmed up and then
falls to zero, and sees one view of each photo an epoch. The answer is the mean over all views.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np

from catsdogs.backbone import base_at, cut, fingerprint, unfreeze
from catsdogs.config import BETTER_CHECKPOINT, BETTER_RECORD_FILE, BetterConfig, models_dir
from catsdogs.data import Split
from catsdogs.features import activations, pooled_features
from catsdogs.files import write_json
from catsdogs.pipeline import Materials, about, save_phase, score_part
from catsdogs.quiet import keras
from catsdogs.storage.provenance import today, versions
from catsdogs.training import tail_and_head

# What each scale adds to ``image_size``, in pixels: 224 and 288.
ENLARGED_BY = (0, 64)
HEAD_BATCH = 64

# One per scale: activations of the photos and of their mirror images, each float32 (n, t, t, channels).
Views = Sequence[tuple[np.ndarray, np.ndarray]]


class ViewBatches(keras.utils.PyDataset):
    """Batches of activations and labels: each photo once an epoch, mirrored or not, the scales in turn.

    Args:
        rows: int64 (m,), the photos to learn from.
        targets: float32 (n, 2), one-hot labels.
    """

    def __init__(self, views: Views, rows: np.ndarray, targets: np.ndarray, config: BetterConfig):
        super().__init__()
        self.views, self.rows, self.targets, self.config = views, rows, targets, config
        self.random = np.random.default_rng(config.seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.rows) // self.config.batch_size)

    def on_epoch_end(self) -> None:
        """Draw another order."""
        self.rows = self.random.permutation(self.rows)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.rows[index * self.config.batch_size:(index + 1) * self.config.batch_size]
        # In turn, not at random: Keras takes the shape of all batches from the first two.
        pair = self.views[index % len(self.views)]
        mirrored = self.random.integers(2, size=len(rows)) * self.config.mirror
        return np.stack([pair[side][row] for side, row in zip(mirrored, rows, strict=True)]), self.targets[rows]


def train_and_save(materials: Materials, say: Callable[[str], None] = print, verbose: int = 0) -> dict:
    """Train with ``materials.config``, a ``BetterConfig``; write checkpoint and record; return the record.

    Args:
        say: takes one Portuguese line per step.
        verbose: passed to ``fit``.

    Raises:
        CatsdogsError: the photos are not at hand.
    """
    config, photos = materials.config, materials.photos
    views = all_views(materials, config)
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


def train_better(base: keras.Model, views: Views, labels: np.ndarray, split: Split, config: BetterConfig,
                 verbose: int = 0) -> tuple[keras.Model, keras.Model]:
    """Both phases of the better recipe on a copy of ``base``.

    Args:
        base: MobileNetV2 without its classifier, left as it is.
        views: at the cut of ``config.unfrozen_layers``; mirror images are not learned from when
            ``config.mirror`` is False.
        labels: int32 (n,), 0 or 1.

    Returns:
        the trained copy of the base, for images of any size, and its tail with the head: activations → probabilities
        (n, 2).
    """
    keras.utils.set_random_seed(config.seed)
    base, head = base_at(base, None), build_better_head(config)
    tail = cut(base, config.unfrozen_layers)[1]
    targets = np.eye(2, dtype=np.float32)[labels]

    seen = [view for pair in views for view in (pair if config.mirror else pair[:1])]
    features = np.concatenate([pooled_features(tail, view[split.train]) for view in seen])
    steps = config.head_epochs * -(-len(features) // HEAD_BATCH)
    _compile(head, config, keras.optimizers.schedules.CosineDecay(config.head_learning_rate, steps), average=False)
    head.fit(features, np.concatenate([targets[split.train]] * len(seen)), batch_size=HEAD_BATCH,
             epochs=config.head_epochs, verbose=verbose)

    unfreeze(tail)
    model = tail_and_head(tail, head)
    batches = ViewBatches(views, split.train, targets, config)
    _compile(model, config, _warm_up_then_cosine(config, len(batches)), average=config.average_weights)
    model.fit(batches, epochs=config.fine_tune_epochs, verbose=verbose)
    return base, model


def build_better_head(config: BetterConfig) -> keras.Model:
    """The challenge's head behind a dropout of features: (n, 1280) → probabilities (n, 2)."""
    return keras.Sequential([
        keras.Input((1280,)),
        keras.layers.Dropout(config.feature_dropout, seed=config.seed),
        keras.layers.Dense(config.head_units, activation="relu"),
        keras.layers.Dropout(config.dropout, seed=config.seed + 1),
        keras.layers.Dense(2, activation="softmax"),
    ], name="head")


def _compile(model: keras.Model, config: BetterConfig, rate: keras.optimizers.schedules.LearningRateSchedule,
             average: bool) -> None:
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, use_ema=average, ema_momentum=0.99)
    model.compile(optimizer, "categorical_crossentropy")


def _warm_up_then_cosine(config: BetterConfig, steps_per_epoch: int) -> keras.optimizers.schedules.CosineDecay:
    """Up to the peak during the first epoch, then down to zero along a cosine (I. Loshchilov & F. Hutter, 2017)."""
    rest = (config.fine_tune_epochs - 1) * steps_per_epoch
    return keras.optimizers.schedules.CosineDecay(0.0, max(rest, 1), warmup_target=config.fine_tune_learning_rate,
                                                  warmup_steps=steps_per_epoch)


def view_sizes(config: BetterConfig) -> list[int]:
    """The sizes at which each photo is seen, in pixels."""
    return [config.image_size + more for more in ENLARGED_BY[:config.scales]]


def all_views(materials: Materials, config: BetterConfig) -> Views:
    """Activations of all views at the cut of ``config.unfrozen_layers``.

    Raises:
        CatsdogsError: the photos are not at hand.
    """
    views = []
    for size in view_sizes(config):
        trunk, tail = cut(base_at(materials.backbone.base, size), config.unfrozen_layers)
        backbone = replace(materials.backbone, trunk=trunk, tail=tail, fingerprint=fingerprint(trunk))
        at_size = replace(config, image_size=size)
        # The mirror images first: they say what is missing when the photos are not at hand.
        mirrored = activations(materials.photos, backbone, at_size, mirrored=True)
        views.append((activations(materials.photos, backbone, at_size), mirrored))
    return views


def mean_over_views(model: keras.Model, views: Views) -> np.ndarray:
    """The mean of the probabilities (n, 2) that ``model`` gives for each view of the photos."""
    return np.mean([model.predict(view, verbose=0) for pair in views for view in pair], axis=0)


def assemble_better(base: keras.Model, head: keras.Model, config: BetterConfig) -> keras.Model:
    """The whole model, all views included: RGB pixels (n, height, width, 3), 0 to 255 → probabilities (n, 2)."""
    photo, answers = keras.Input((None, None, 3), name="photo"), []
    gap = keras.layers.GlobalAveragePooling2D(name="gap")
    for size in view_sizes(config):
        x = keras.layers.Resizing(size, size, name=f"resize_{size}")(photo)
        x = keras.layers.Rescaling(1 / 127.5, offset=-1, name=f"preprocess_{size}")(x)
        answers += [head(gap(base(view, training=False))) for view in (x, keras.ops.flip(x, axis=2))]
    return keras.Model(photo, keras.layers.Average(name="mean_of_views")(answers), name="cats_vs_dogs")
