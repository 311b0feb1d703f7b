"""A class and a probability for photos the model has never seen."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catsdogs import litert
from catsdogs.checkpoint import config_of, load_checkpoint, read_metadata
from catsdogs.config import cache_dir
from catsdogs.errors import CatsdogsError
from catsdogs.photo import is_photo_name, read_photo, resize_photo

CHUNK = 32


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

    def __init__(self, checkpoint: Path, say: Callable[[str], None] = lambda line: None):
        """Load a checkpoint written by ``checkpoint.save_checkpoint``.

        The first time, its model is converted to LiteRT and kept in the cache; from then on,
        neither loading nor answering needs TensorFlow. Without LiteRT, Keras answers.

        Args:
            say: takes a Portuguese line when there is something to wait for.

        Raises:
            CatsdogsError: it is missing or damaged.
        """
        self.metadata = read_metadata(checkpoint)
        self.class_names = tuple(self.metadata["class_names"])
        self.image_size = config_of(self.metadata).image_size
        self._run = self._litert_runner(checkpoint, say) if litert.is_installed() else _keras_runner(checkpoint)

    def predict(self, path: Path | str) -> Prediction:
        """The answer for one photo; an unreadable file gives a prediction with ``error``."""
        return self._answer(path, self._read(path))

    def predict_all(self, paths: Sequence[Path | str]) -> Iterator[Prediction]:
        """The answers for many photos, in their order; while one is answered, the next ones are being read."""
        with ThreadPoolExecutor(os.cpu_count()) as readers:
            for at in range(0, len(paths), CHUNK):  # all at once would not fit in memory
                chunk = paths[at:at + CHUNK]
                yield from map(self._answer, chunk, readers.map(self._read, chunk))

    def _read(self, path: Path | str) -> np.ndarray | CatsdogsError:
        try:
            return resize_photo(read_photo(path), self.image_size)
        except CatsdogsError as error:
            return error

    def _answer(self, path: Path | str, pixels: np.ndarray | CatsdogsError) -> Prediction:
        if isinstance(pixels, CatsdogsError):
            return Prediction(Path(path), {}, str(pixels))
        return Prediction(Path(path), dict(zip(self.class_names, self._run(pixels[None])[0].tolist(), strict=True)))

    def _litert_runner(self, checkpoint: Path, say: Callable[[str], None]):
        def load():
            say("Preparando o modelo para as próximas vezes…")
            model = load_checkpoint(checkpoint)[0]
            from catsdogs.quiet import keras

            # Resizing an image to the size it already has changes nothing, so the model's own
            # resizing layer leaves these pixels alone, and the export has one shape only.
            photo = keras.Input((self.image_size, self.image_size, 3))
            return keras.Model(photo, model(photo))

        key = hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:32]
        return litert.make_runner(litert.exported(cache_dir() / "checkpoints" / f"{key}.tflite", load), batch=1)


def _keras_runner(checkpoint: Path):
    model = load_checkpoint(checkpoint)[0]
    return lambda batch: np.asarray(model(batch, training=False))


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
