"""Grad-CAM: which positions of the last feature map speak for a class.

R. R. Selvaraju et al., 2017, "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", arXiv:1610.02391. Everything starts from the stored
activations, so no photo is needed.
"""

import numpy as np

from catsdogs.backbone import cut, find_base
from catsdogs.config import Config
from catsdogs.quiet import keras, tf
from catsdogs.training import find_head


def grad_cam(model: keras.Model, maps: np.ndarray, labels: np.ndarray | int, config: Config) -> np.ndarray:
    """Where the model finds evidence for a class: ``signed_map`` with its negative part set to 0 (ReLU).

    Heat is not rescaled, so that photos can be compared; figures divide by each photo's largest.

    Args:
        model: a whole model, from ``training.assemble``.
        maps: float32 (n, t, t, channels), from ``features.activations``; a few hundred photos at once.
        labels: the class to explain, 0 or 1; one for all photos or (n,), one for each.

    Returns:
        float32 array of shape (n, s, s), 0 or more; (n, 7, 7) by default.

    Raises:
        CatsdogsError: the model was not made by ``assemble``.
    """
    head = find_head(model)
    return np.maximum(signed_map(head, last_maps(model, maps, config), labels), 0)


def last_maps(model: keras.Model, maps: np.ndarray, config: Config) -> np.ndarray:
    """The last convolutional maps, float32 (n, s, s, 1280), from the activations at the cut.

    Raises:
        CatsdogsError: the model holds no MobileNetV2.
    """
    _, tail = cut(find_base(model), config.unfrozen_layers)
    return tail.predict(maps, verbose=0)


def log_odds(head: keras.Model, features: np.ndarray, labels: np.ndarray | int) -> tf.Tensor:
    """How strongly a head speaks for a class: its logit minus the other class's, ln(p / (1 − p)).

    Taken before the softmax: a probability p near 1 hardly moves, its derivative being
    p (1 − p) times this one's, and rounds to 1 in float32.

    Args:
        head: pooled features → two probabilities, the last layer a Dense with softmax.
        features: (n, s, s, channels), from ``last_maps``.
        labels: as in ``grad_cam``.

    Returns:
        tensor of shape (n,), of the dtype of the head.
    """
    *hidden, last = head.layers
    x = tf.reduce_mean(features, axis=(1, 2))
    for layer in hidden:
        x = layer(x)
    logits = tf.matmul(x, last.kernel) + last.bias
    return (logits[:, 1] - logits[:, 0]) * (2 * np.asarray(labels) - 1).astype(last.compute_dtype)


def signed_map(head: keras.Model, features: np.ndarray, labels: np.ndarray | int) -> np.ndarray:
    """Grad-CAM before its ReLU: positive for the class, negative for the other one.

    With y the ``log_odds`` and A the features, position (i, j) gets Σₖ αₖ Aₖ(i, j), where αₖ is
    the mean over positions of ∂y/∂Aₖ (equations 1 and 2 of the paper). Our head pools by the
    mean and is piecewise linear, so the map sums to y less what the head's biases add.

    Args:
        head, features, labels: as in ``log_odds``.

    Returns:
        array of shape (n, s, s), of the dtype of the head, in units of log-odds.
    """
    features = tf.convert_to_tensor(features)
    with tf.GradientTape() as tape:
        tape.watch(features)
        y = log_odds(head, features, labels)
    weights = tf.reduce_mean(tape.gradient(y, features), axis=(1, 2))
    return tf.einsum("nijk,nk->nij", features, weights).numpy()
