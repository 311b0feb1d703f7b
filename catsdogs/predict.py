"""A class and a probability for photos the model has never seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import Config
from catsdogs.errors import CatsdogsError
from catsdogs.photo import is_photo_name, read_photo, resize_photo


@dataclass(frozen=True)
class Prediction:
    """The answer for one photo: the probability of each class, or why there is none.

    ``error`` is empty for a readable photo; otherwise ``probabilities`` is empty.
    """

    path: Path
    probabilities: dict[str, float]
    error: str = ""

    @property
    def class_name(self) -> str:
        """The more probable class."""
        return max(self.probabilities, key=self.probabilities.get)

    @property
    def probability(self) -> float:
        """The probability of that class, 0.5 to 1."""
        return max(self.probabilities.values())


class Classifier:
    """A checkpoint, ready to answer."""

    def __init__(self, checkpoint: Path):
        """Load a checkpoint written by ``training.save_checkpoint``.

        Raises:
            CatsdogsError: it is missing or damaged.
        """
        self.model, self.metadata = load_checkpoint(checkpoint)
        self.class_names = tuple(self.metadata["class_names"])
        self.image_size = self.metadata.get("config", {}).get("image_size", Config.image_size)

    def predict(self, path: Path | str) -> Prediction:
        """The answer for one photo; an unreadable file gives a prediction with ``error``."""
        path = Path(path)
        try:
            pixels = resize_photo(read_photo(path), self.image_size)
        except CatsdogsError as error:
            return Prediction(path, {}, str(error))
        # Resizing an image to the size it already has changes nothing, so the model's own
        # resizing layer leaves these pixels alone, and TensorFlow sees one shape only.
        probabilities = np.asarray(self.model(pixels[None], training=False))[0]
        return Prediction(path, dict(zip(self.class_names, probabilities.tolist(), strict=True)))


def photos_in(paths: Iterable[Path | str]) -> list[Path]:
    """The paths themselves, with each folder replaced by the photos directly in it, sorted."""
    found = []
    for path in map(Path, paths):
        inside = [child for child in sorted(path.iterdir()) if is_photo_name(child.name)] \
            if path.is_dir() else [path]
        if not inside:
            raise CatsdogsError(f"Não há fotos em {path}: indique uma pasta com arquivos JPEG, PNG, WebP ou BMP.")
        found += inside
    return found
