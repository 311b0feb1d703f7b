"""What fine-tuning takes from the network: drift of its features, and answers to the task it came from."""

import contextlib
import io
from dataclasses import dataclass

import numpy as np

from catsdogs.backbone import fingerprint
from catsdogs.config import ORIGINAL_CLASSIFIER, shipped_models_dir
from catsdogs.quiet import keras


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Linear centered kernel alignment of two sets of features (S. Kornblith et al., 2019, arXiv:1905.00414).

    Args:
        first, second: float (n, a) and (n, b), the same n photos in both.

    Returns:
        0 (nothing in common) to 1 (equal up to rotation, scale and shift). Constant features, to which
        a too large learning rate can reduce a network, have nothing in common with any others.
    """
    first, second = (features - features.mean(axis=0) for features in map(np.float64, (first, second)))
    norms = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    return float(np.linalg.norm(first.T @ second) ** 2 / norms) if norms else 0.0


@dataclass(frozen=True)
class OriginalClassifier:
    """The last layer of the task that a backbone was trained on before.

    Attributes:
        kernel: float32 (1280, classes).
        bias: float32 (classes,).
        task: what it tells apart, in Portuguese.
    """

    kernel: np.ndarray
    bias: np.ndarray
    task: str

    def answers(self, features: np.ndarray) -> np.ndarray:
        """The most probable class, int64 (n,), for pooled features (n, 1280)."""
        return (features @ self.kernel + self.bias).argmax(axis=1)


def load_original_classifier(base: keras.Model) -> OriginalClassifier | None:
    """The classifier that goes with this backbone: the repository's, or ImageNet's; None when there is none.

    Args:
        base: MobileNetV2 without its classifier, not yet fine-tuned.
    """
    path = shipped_models_dir() / ORIGINAL_CLASSIFIER
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            if stored["fingerprint"].item() == fingerprint(base):
                return OriginalClassifier(stored["kernel"], stored["bias"], stored["task"].item())
    return _imagenet_classifier(base)


def _imagenet_classifier(base: keras.Model) -> OriginalClassifier | None:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # Keras announces a download, even one that fails
            whole = keras.applications.MobileNetV2(weights="imagenet")
    except Exception:  # Keras raises it as such when the download fails
        return None
    last = "Conv_1"
    if not np.array_equal(whole.get_layer(last).get_weights()[0], base.get_layer(last).get_weights()[0]):
        return None
    kernel, bias = whole.get_layer("predictions").get_weights()
    return OriginalClassifier(kernel, bias, f"as {len(bias)} classes da ImageNet")
