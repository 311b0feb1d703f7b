"""Every knob of the challenge, and the few folders and environment variables the project uses."""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

PHASE1_CHECKPOINT = "mobilenetv2_feature_extractor.keras"
PHASE2_CHECKPOINT = "mobilenetv2_finetuned.keras"
BUNDLE_FILE = "bundle.npz"
RECORD_FILE = "run.json"
BETTER_CHECKPOINT = "mobilenetv2_melhor.keras"
BETTER_RECORD_FILE = "run_melhor.json"
# Of what enters the network, in pixels: MobileNetV2 takes no less.
MIN_IMAGE_SIZE = 32


@dataclass(frozen=True)
class Config:
    """Settings of one run; the defaults are the challenge's.

    Fractions are of all photos, sizes are in pixels, learning rates are Adam's.
    ``photos_per_class`` keeps only that many photos of each class (None keeps all).
    """

    image_size: int = 224
    validation_fraction: float = 0.1
    test_fraction: float = 0.1
    photos_per_class: int | None = None
    head_units: int = 256
    dropout: float = 0.3
    batch_size: int = 32
    head_epochs: int = 10
    head_learning_rate: float = 1e-4
    unfrozen_layers: int = 20
    fine_tune_epochs: int = 10
    fine_tune_learning_rate: float = 1e-5
    patience: int = 3
    seed: int = 42

    def as_dict(self) -> dict:
        """The settings as plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class BetterConfig(Config):
    """Settings of the better recipe (``study/recipe.py``), chosen on splits of their own.

    Both learning rates are the highest ones of a schedule that falls to zero; all epochs are run.
    ``scales`` is how many sizes of each photo are seen, one or two, the first being ``image_size``.
    ``mirror`` trains on mirror images too.
    ``feature_dropout`` is the share of pooled features dropped before the head's first layer.
    ``average_weights`` takes an exponential moving average of the weights over the steps.
    """

    head_epochs: int = 12
    head_learning_rate: float = 3e-4
    unfrozen_layers: int = 38
    fine_tune_epochs: int = 5
    fine_tune_learning_rate: float = 1e-4
    scales: int = 2
    mirror: bool = True
    feature_dropout: float = 0.5
    weight_decay: float = 0.004
    average_weights: bool = True


RECIPES = {"desafio": Config, "melhor": BetterConfig}


def load_config() -> Config:
    """The challenge's settings, cut down to a rehearsal when ``CATSDOGS_QUICK`` is 1.

    The rehearsal exists for tests of the pages: same code, few photos and epochs.
    """
    config = Config()
    if os.environ.get("CATSDOGS_QUICK") == "1":
        config = replace(config, photos_per_class=60, head_epochs=3, fine_tune_epochs=1)
    return config


# The checkout this package runs from; when it is installed alone, these folders do not exist.
CHECKOUT = Path(__file__).resolve().parent.parent


def shipped_models_dir() -> Path:
    """``models/`` of the checkout."""
    return CHECKOUT / "models"


def book_dir() -> Path:
    """``book/`` of the checkout."""
    return CHECKOUT / "book"


def models_dir() -> Path:
    """Where checkpoints are written: ``CATSDOGS_MODELS``, else the checkout's ``models/``, else ``./models``."""
    if named := os.environ.get("CATSDOGS_MODELS"):
        return Path(named).expanduser()
    shipped = shipped_models_dir()
    return shipped if shipped.is_dir() else Path("models")


def images_dir() -> Path:
    """Where figures are written: beside checkpoints sent elsewhere, else ``book/images`` of the checkout."""
    if os.environ.get("CATSDOGS_MODELS") or not book_dir().is_dir():
        return models_dir() / "images"
    return book_dir() / "images"


def results_dir() -> Path:
    """Where experiments keep their rows: beside checkpoints sent elsewhere, else ``book/results``."""
    return images_dir().parent / "results"


def checkpoint_path(name: str) -> Path:
    """The newest file called ``name``: the one this machine trained, else the one the repository ships."""
    trained = models_dir() / name
    return trained if trained.exists() else shipped_models_dir() / name


def cache_dir() -> Path:
    """Where downloads, activations and converted models are kept: ``CATSDOGS_CACHE``, else ``~/.cache/catsdogs``."""
    named = os.environ.get("CATSDOGS_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "catsdogs"
