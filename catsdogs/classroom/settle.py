"""The last step of an installation without internet: ``python -m catsdogs.classroom.settle PHOTOS``."""

import shutil
import sys
from pathlib import Path

from catsdogs.files import atomic_path
from catsdogs.storage.download import official_archive


def settle(photos: Path) -> None:
    """Put the photos, the official zip, where the package looks for them before it downloads any."""
    if photos.exists() and not official_archive().exists():
        with atomic_path(official_archive()) as temporary:
            shutil.copyfile(photos, temporary)


if __name__ == "__main__":
    settle(Path(sys.argv[1]))
