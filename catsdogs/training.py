"""Phase 1 (a new head on frozen features) and phase 2 (fine-tuning the tail)."""

from dataclasses import dataclass

import numpy as np

from catsdogs.backbone import cut, find_base, unfreeze
from catsdogs.config import Config
from catsdogs.data import Split
from catsdogs.errors import CatsdogsError
from catsdogs.quiet import keras


@dataclass(frozen=True)
class Phase:
    """What a phase leaves behind.

    Attributes:
        history: per-epoch lists ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``.
        best_epoch: zero-based epoch whose weights were kept (lowest validation loss).
    """

    history: dict[str, list[float]]
    best_epoch: int


def build_head(config: Config, inputs: int = 1280) -> keras.Model:
    """The challenge's head: (n, inputs) features, by default the pooled ones → (n, 2) softmax probabilities."""
    return keras.Sequential([
        keras.Input((inputs,)),
        keras.layers.Dense(config.head_units, activation="relu"),
        keras.layers.Dropout(config.dropout, seed=config.seed),
        keras.layers.Dense(2, activation="softmax"),
    ], name="head")


def train_head(head: keras.Model, features: np.ndarray, labels: np.ndarray, split: Split, config: Config,
               verbose: int = 0) -> Phase:
    """Phase 1: fit the head, in place, on what the frozen backbone makes of the photos.

    Args:
        features: float32 (n, 1280), from ``features.pooled_features``.
        labels: int32 (n,), 0 or 1.
    """
    return fit(head, features, labels, split, config, config.head_learning_rate, config.head_epochs, verbose)


def fine_tune(tail: keras.Model, head: keras.Model, maps: np.ndarray, labels: np.ndarray, split: Split,
              config: Config, verbose: int = 0) -> Phase:
    """Phase 2: go on training the tail and the head, in place, at a very low learning rate.

    BatchNorm layers stay frozen. The trunk is not even part of the trained model.

    Args:
        maps: float32 (n, t, t, channels), from ``features.activations``.
        labels: int32 (n,), 0 or 1.
    """
    unfreeze(tail)
    model = tail_and_head(tail, head)
    return fit(model, maps, labels, split, config, config.fine_tune_learning_rate, config.fine_tune_epochs, verbose)


def tail_and_head(tail: keras.Model, head: keras.Model) -> keras.Model:
    """Activations at the cut → probabilities, sharing the layers of ``tail`` and ``head``."""
    pooled = keras.layers.GlobalAveragePooling2D()(tail.output)
    return keras.Model(tail.input, head(pooled), name="tail_and_head")


def fit(model: keras.Model, inputs: np.ndarray, labels: np.ndarray, split: Split, config: Config,
        learning_rate: float, epochs: int, verbose: int = 0) -> Phase:
    """Train whatever is trainable in ``model``, in place: Adam, early stopping, best epoch kept.

    Args:
        inputs: (n, …), what the model takes for each photo.
        labels: int32 (n,), 0 or 1.
    """
    keras.utils.set_random_seed(config.seed)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss="sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    stop_early = keras.callbacks.EarlyStopping("val_loss", patience=config.patience, restore_best_weights=True)
    history = model.fit(inputs[split.train], labels[split.train],
                        validation_data=(inputs[split.validation], labels[split.validation]),
                        batch_size=config.batch_size, epochs=epochs, callbacks=[stop_early], verbose=verbose).history
    return Phase(history, int(np.argmin(history["val_loss"])))


def assemble(base: keras.Model, head: keras.Model, config: Config) -> keras.Model:
    """The whole model: RGB pixels of any size → class probabilities.

    Input float32 (n, height, width, 3), values 0 to 255; output float32 (n, 2), rows summing
    to 1. Resizing and preprocessing are inside, so that they cannot be forgotten. The layers
    of ``base`` and ``head`` are shared, not copied.
    """
    photo = keras.Input((None, None, 3), name="photo")
    x = keras.layers.Resizing(config.image_size, config.image_size, name="resize")(photo)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(photo, head(x), name="cats_vs_dogs")


def find_head(model: keras.Model) -> keras.Model:
    """The head of one of our photo → probabilities models.

    Raises:
        CatsdogsError: there is none, or it does not end in a softmax over two classes.
    """
    head = next((layer for layer in model.layers if layer.name == "head"), None)
    last = head.layers[-1] if isinstance(head, keras.Sequential) else None
    if not isinstance(last, keras.layers.Dense) or last.units != 2 or last.activation is not keras.activations.softmax:
        raise CatsdogsError("O modelo não tem uma cabeça com softmax de duas classes: "
                            "use um checkpoint feito por este projeto.")
    return head


def activations_to_probabilities(model: keras.Model, config: Config) -> keras.Model:
    """The part of a whole model after the cut: activations → probabilities.

    Raises:
        CatsdogsError: the model was not made by ``assemble``.
    """
    _, tail = cut(find_base(model), config.unfrozen_layers)
    return tail_and_head(tail, find_head(model))
