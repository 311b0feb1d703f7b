"""A Keras home of the build's own, in which the whole game finds what it would download: photos and ImageNet's base.

    python book/keras_home.py FOLDER [PHOTOS]

``get_file`` and ``keras.applications`` do not download what lies in ``KERAS_HOME`` under the name that they look for.
"""

import io
import os
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = "cats_and_dogs_filtered.zip"
MADE = ("Imagens feitas por código, com listras no lugar de gatos e cachorros: nesta execução não havia fotos, e "
        "nenhum número desta página fala delas.")
PER_CLASS = 20


def fill(home: Path, photos: str | None) -> None:
    """Put photos and weights in place.

    Args:
        photos: a zip or a folder with a folder per class; None for images that are made here.
    """
    datasets = home / "datasets"
    shutil.rmtree(datasets, ignore_errors=True)  # what get_file extracted from another zip, too
    shutil.rmtree(home / "models", ignore_errors=True)  # and an earlier checkpoint's base
    datasets.mkdir(parents=True)
    if photos and Path(photos).is_dir():
        shutil.make_archive(str(datasets / Path(PHOTOS).stem), "zip", photos)
    elif photos:
        os.symlink(Path(photos).resolve(), datasets / PHOTOS)
    else:
        make_photos(datasets / PHOTOS)
    os.environ["KERAS_HOME"] = str(home)  # Keras reads it when it is imported
    from catsdogs.backbone import keep_for_keras, load_backbone
    from catsdogs.config import Config

    keep_for_keras(load_backbone(Config(), shipped=True).base)


def make_photos(path: Path) -> None:
    """Write a zip laid out like the official one: lying stripes are called cats, upright ones dogs."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats_and_dogs_filtered/LEIA-ME.txt", MADE)
        for number in range(2 * PER_CLASS):
            upright = number % 2
            wave = np.sin(np.arange(96) / random.uniform(2, 4) + random.uniform(0, 6))
            stripes = 128 + 60 * (wave if upright else wave[:, None]) + random.normal(0, 20, (96, 96))
            pixels = np.repeat(np.clip(stripes, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "JPEG")
            folder = "dogs" if upright else "cats"
            archive.writestr(f"cats_and_dogs_filtered/train/{folder}/{number}.jpg", content.getvalue())


if __name__ == "__main__":
    fill(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
