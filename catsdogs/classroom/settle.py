"""Put photos and base where the package and Keras look for them, the last step of an installation without internet:
``python -m catsdogs.classroom.settle PHOTOS``.
"""

import shutil
import sys
from pathlib import Path

from catsdogs.config import Config
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path
from catsdogs.storage.download import official_archive


def settle_photos(photos: Path) -> None:
    """Put the photos, the official zip, where the package looks for them before it downloads any."""
    copy_unless_there(photos, official_archive())


def settle_keras(photos: Path) -> None:
    """Put the photos and the repository's base where Keras looks before it downloads them.

    So ``keras.utils.get_file`` and ``weights="imagenet"`` work without internet.

    Raises:
        CatsdogsError: the base cannot be read, or Keras's folder takes no file.
    """
    from catsdogs.backbone import keep_for_keras, keras_path, load_backbone  # takes seconds

    base, home = load_backbone(Config(), shipped=True).base, keras_path().parent.parent
    try:
        keep_for_keras(base)
        copy_unless_there(photos, home / "datasets" / official_archive().name)
    except (OSError, RuntimeError) as error:
        raise CatsdogsError(f"Não consegui gravar em {home}, e sem isso o get_file e os pesos \"imagenet\" do Keras "
                            "precisam de internet: confira o espaço em disco e as permissões e rode instalar.py de "
                            "novo.") from error


def copy_unless_there(file: Path, place: Path) -> None:
    """Copy ``file``, if there is one, to ``place``, which appears only when all of it is there."""
    if file.exists() and not place.exists():
        with atomic_path(place) as temporary:
            shutil.copyfile(file, temporary)


def main(photos: Path) -> None:
    """Put everything in place; without what Keras looks for, all else works, so that is only said."""
    settle_photos(photos)
    try:
        settle_keras(photos)
    except CatsdogsError as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
