"""The last step of an installation without internet: ``python -m catsdogs.classroom.settle PHOTOS``."""

import shutil
import sys
from pathlib import Path

from catsdogs.config import Config
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path
from catsdogs.storage.download import official_archive


def settle_photos(photos: Path) -> None:
    """Put the photos, the official zip, where the package looks for them before it downloads any."""
    if photos.exists() and not official_archive().exists():
        with atomic_path(official_archive()) as temporary:
            shutil.copyfile(photos, temporary)


def settle_base() -> None:
    """Put the repository's base where Keras looks for ImageNet's before it downloads it.

    Raises:
        CatsdogsError: the base cannot be read, or Keras's folder takes no file.
    """
    from catsdogs.backbone import keep_for_keras, keras_path, load_backbone  # takes seconds

    base = load_backbone(Config(), shipped=True).base
    try:
        keep_for_keras(base)
    except (OSError, RuntimeError) as error:
        raise CatsdogsError(f"Não consegui gravar {keras_path()}, e sem ele weights=\"imagenet\" precisa de internet: "
                            "confira o espaço em disco e as permissões e rode instalar.py de novo.") from error


def main(photos: Path) -> None:
    """Put both in place; without the base where Keras looks, all else works, so that is only said."""
    settle_photos(photos)
    try:
        settle_base()
    except CatsdogsError as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
