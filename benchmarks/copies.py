"""Where the limits of ``catsdogs.study.audit`` come from: how far copies of a photo are from it, and other photos.

``python benchmarks/copies.py`` prints the distances, by hash and by features, for the photos at hand.
"""

import io
import sys

import numpy as np
from PIL import Image, ImageEnhance
from scipy.spatial.distance import pdist

from catsdogs.config import load_config
from catsdogs.errors import CatsdogsError
from catsdogs.features import photo_activations, pooled_features
from catsdogs.photo import read_photo
from catsdogs.pipeline import prepare
from catsdogs.study.audit import difference_hash, scan
from catsdogs.text import number, plain_table

ORIGINALS = 80


def compressed(image: Image.Image) -> Image.Image:
    """The same photo, saved as JPEG of quality 30."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=30)
    return Image.open(content)


COPIES = {
    "metade do tamanho": lambda image: image.resize((max(1, image.width // 2), max(1, image.height // 2))),
    "espremida a 200 × 200": lambda image: image.resize((200, 200)),
    "JPEG de qualidade 30": compressed,
    "15% mais clara": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
}


def measure() -> list[list[str]]:
    """A row for each kind of copy, and one for all pairs of photos, a few of which are copies, too.

    Raises:
        CatsdogsError: there are only activations at hand.
    """
    config = load_config()
    materials = prepare(config)
    photos, features = materials.photos, materials.features
    hashes, _ = scan(photos)
    mean = features.mean(axis=0)
    chosen = np.random.default_rng(config.seed).choice(len(photos), ORIGINALS, replace=False)
    originals = [Image.fromarray(read_photo(photos.path(i))) for i in chosen]
    rows = []
    for name, change in COPIES.items():
        copies = [np.asarray(change(photo).convert("RGB")) for photo in originals]
        found = pooled_features(materials.backbone.tail, photo_activations(copies, materials.backbone, config))
        by_hash = (np.stack([difference_hash(copy) for copy in copies]) != hashes[chosen]).mean(axis=1)
        rows.append([name, *summary(by_hash), *summary(apart(found, features[chosen])),
                     *summary(apart(found - mean, features[chosen] - mean))])
    pairs = pdist(hashes, "hamming"), pdist(features, "cosine"), pdist(features - mean, "cosine")
    closest = [cell for distances in pairs for cell in ("", number(float(np.quantile(distances, 0.01)), 2))]
    return [*rows, ["todos os pares, até o 1% mais próximo", *closest]]


def main() -> int:
    """Print the distances."""
    try:
        rows = measure()
    except CatsdogsError as error:
        print(f"copies.py: {error}", file=sys.stderr)
        return 1
    header = ["cópia", "hash, 90%", "maior", "característica, 90%", "maior", "menos a média, 90%", "maior"]
    print(plain_table(header, rows))
    return 0


def apart(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """1 − cosine of each row of one array (n, d) with that row of the other."""
    return 1 - (rows * others).sum(axis=1) / np.linalg.norm(rows, axis=1) / np.linalg.norm(others, axis=1)


def summary(distances: np.ndarray) -> list[str]:
    """The distance that nine in ten copies keep to, and the largest."""
    return [number(float(value), 2) for value in (np.quantile(distances, 0.9), distances.max())]


if __name__ == "__main__":
    sys.exit(main())
