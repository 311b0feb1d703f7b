"""Where the limits of ``catsdogs.study.audit`` come from: how far copies of a photo are from it, and other photos.

``python benchmarks/copies.py`` prints the distances, by hash and by features, for the photos at hand.
"""

import io

import numpy as np
from PIL import Image, ImageEnhance
from sklearn.metrics.pairwise import cosine_distances
from sklearn.preprocessing import normalize

from catsdogs.config import load_config
from catsdogs.errors import CatsdogsError
from catsdogs.features import photo_activations, pooled_features
from catsdogs.photo import read_photo
from catsdogs.pipeline import prepare
from catsdogs.study.audit import difference_hash
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


def main() -> None:
    """Print a row for each kind of copy, and one for pairs of different photos."""
    config = load_config()
    materials = prepare(config)
    if not materials.photos.has_files:
        raise CatsdogsError("São precisas as fotos: indique a pasta ou o zip delas com CATSDOGS_DATA.")
    backbone, mean = materials.backbone, materials.features.mean(axis=0)
    rng = np.random.default_rng(config.seed)
    chosen = rng.choice(len(materials.photos), ORIGINALS, replace=False)
    pixels = [read_photo(materials.photos.path(i)) for i in chosen]
    hashes, features = np.stack([difference_hash(photo) for photo in pixels]), materials.features[chosen]
    rows = []
    for name, change in COPIES.items():
        copies = [np.asarray(change(Image.fromarray(photo)).convert("RGB")) for photo in pixels]
        found = pooled_features(backbone.tail, photo_activations(copies, backbone, config))
        by_hash = (np.stack([difference_hash(copy) for copy in copies]) != hashes).mean(axis=1)
        own = 1 - (normalize(found - mean) * normalize(features - mean)).sum(axis=1)
        rows.append([name, *summary(by_hash), *summary(cosine_distances(found, features).diagonal()), *summary(own)])
    apart = np.triu_indices(ORIGINALS, 1)
    rows.append(["fotos diferentes", *least((hashes[:, None] != hashes[None]).mean(axis=2)[apart]),
                 *least(cosine_distances(features)[apart]), *least(cosine_distances(features - mean)[apart])])
    header = ["cópia", "hash, 90%", "maior", "característica, 90%", "maior", "menos a média, 90%", "maior"]
    print(plain_table(header, rows))
    print("Na última linha, a menor distância e a de 1% dos pares.")


def summary(distances: np.ndarray) -> list[str]:
    """The distance that nine in ten copies keep to, and the largest."""
    return [number(float(value), 2) for value in (np.quantile(distances, 0.9), distances.max())]


def least(distances: np.ndarray) -> list[str]:
    """The smallest distance, and the one that 1% of the pairs keep to."""
    return [number(float(value), 2) for value in (distances.min(), np.quantile(distances, 0.01))]


if __name__ == "__main__":
    main()
