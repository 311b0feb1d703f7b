"""A class and a probability for photos the model has never seen."""

import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catsdogs.checkpoint import config_of, load_checkpoint, read_metadata
from catsdogs.config import cache_dir
from catsdogs.engines import litert
from catsdogs.errors import CatsdogsError
from catsdogs.layout import is_of_the_system, why_no_photo
from catsdogs.photo import NEARLY_BLACK, read_photo, resize_photo

CHUNK = 32
DARK = ("{} é quase toda preta, e a resposta diz pouco: se a original não é assim, como uma imagem de 12 bits gravada "
        "em 16, clareie-a antes.")


@dataclass(frozen=True)
class Prediction:
    """The answer for one photo: the probability of each class, or why there is none.

    ``error`` is empty for a readable photo; otherwise ``probabilities`` is empty. ``note`` is a Portuguese sentence on
    what makes the answer doubtful, or empty.
    """

    path: Path
    probabilities: dict[str, float]
    error: str = ""
    note: str = ""

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
        """Load a checkpoint written by ``checkpoint.save_checkpoint``, or by plain Keras with its classes beside it.

        The first time, its model is converted to LiteRT and kept in the cache; from then on,
        neither loading nor answering needs TensorFlow. Without LiteRT, Keras answers.

        Args:
            say: takes a Portuguese line when there is something to wait for.

        Raises:
            CatsdogsError: it is missing or damaged.
        """
        self.name, self.metadata = checkpoint.name, read_metadata(checkpoint)
        self.class_names = tuple(self.metadata["class_names"])
        self.image_size = config_of(self.metadata).image_size
        self._run = self._litert_runner(checkpoint, say) if litert.is_installed() else _keras_runner(checkpoint)

    def predict(self, path: Path | str) -> Prediction:
        """The answer for one photo; an unreadable file gives a prediction with ``error``."""
        return self.answer(path, _read(path, {self.image_size}))

    def predict_all(self, paths: Sequence[Path | str]) -> Iterator[Prediction]:
        """The answers for many photos, in their order."""
        return (answer for answer, in predict_side_by_side([self], paths))

    def answer(self, path: Path | str, by_size: dict[int, np.ndarray] | CatsdogsError) -> Prediction:
        """The answer for a photo: float32 (size, size, 3), 0 to 255, by size; or why it could not be read.

        Raises:
            CatsdogsError: the model does not answer with a probability for each of two classes.
        """
        if isinstance(by_size, CatsdogsError):
            return Prediction(Path(path), {}, str(by_size))
        pixels = by_size[self.image_size]
        given = self._run(pixels[None])[0]
        if len(given) != len(self.class_names):
            raise CatsdogsError(f"{self.name} dá {len(given)} resposta(s) por foto, e aqui são duas, uma probabilidade "
                                "por classe: termine o modelo com Dense(2, activation=\"softmax\").")
        note = DARK.format(Path(path).name) if pixels.mean() < NEARLY_BLACK else ""
        return Prediction(Path(path), dict(zip(self.class_names, given.tolist(), strict=True)), note=note)

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


def predict_side_by_side(classifiers: Sequence[Classifier],
                         paths: Sequence[Path | str]) -> Iterator[list[Prediction]]:
    """For each photo, in their order, the answer of each classifier; the next photos are being read meanwhile."""
    wanted = {classifier.image_size for classifier in classifiers}
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        for at in range(0, len(paths), CHUNK):  # all at once would not fit in memory
            chunk = paths[at:at + CHUNK]
            for path, by_size in zip(chunk, readers.map(lambda path: _read(path, wanted), chunk), strict=True):
                yield [classifier.answer(path, by_size) for classifier in classifiers]


def _read(path: Path | str, wanted: set[int]) -> dict[int, np.ndarray] | CatsdogsError:
    try:
        pixels = read_photo(path)
    except CatsdogsError as error:
        return error
    return {size: resize_photo(pixels, size) for size in wanted}


def _keras_runner(checkpoint: Path):
    model = load_checkpoint(checkpoint)[0]
    return lambda batch: np.asarray(model(batch, training=False))


def photos_in(paths: Iterable[Path | str]) -> list[Path]:
    """The paths themselves, with the photos directly in it, sorted, for a folder, and its files for a pattern.

    Raises:
        CatsdogsError: a folder or pattern has no photos, or an address of the internet was given.
    """
    return [photo for path in paths for photo in _photos_of(str(path))]


def _photos_of(path: str) -> list[Path]:
    if re.match(r"[a-z]+://", path, re.IGNORECASE):
        raise CatsdogsError(f"{path} é um endereço da internet: baixe a foto e indique o arquivo.")
    place = Path(path)
    if not place.exists() and glob.has_magic(path):  # some shells leave that to the program
        if not (matching := sorted(glob.glob(path))):
            raise CatsdogsError(f"Nenhum arquivo combina com {path}: confira a pasta e o nome.")
        return [photo for each in matching for photo in _photos_of(each)]
    if not place.is_dir():
        return [place]
    children = [each for each in sorted(place.iterdir()) if not is_of_the_system(each.name)]
    found = [each for each in children if each.is_file() and not why_no_photo(each)]
    if found:
        return found
    folders = [f"{each.name}/" for each in children if each.is_dir()]
    where = f"ela só tem as pastas {', '.join(folders[:3])}: indique uma delas" if folders else \
        "indique uma pasta com arquivos JPEG, PNG, WebP, BMP ou GIF"
    raise CatsdogsError(f"Não há fotos em {place}; {where}.")
