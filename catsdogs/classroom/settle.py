"""The last step of an installation without internet: ``python -m catsdogs.classroom.settle PHOTOS``."""

import shutil
import sys
from pathlib import Path

from catsdogs.backbone import keep_for_keras, load_backbone
from catsdogs.config import Config
from catsdogs.files import atomic_path
from catsdogs.storage.download import official_archive


def settle(photos: Path) -> None:
    """Put the photos and ImageNet's weights where the package and Keras look for them before they download any.

    Args:
        photos: the official zip; if there is none, only the weights are put in place.
    """
    if photos.exists() and not official_archive().exists():
        with atomic_path(official_archive()) as temporary:
            shutil.copyfile(photos, temporary)
    keep_for_keras(load_backbone(Config(), shipped=True).base)


if __name__ == "__main__":
    settle(Path(sys.argv[1]))
