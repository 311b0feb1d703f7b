"""Folders that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catsdogs.errors import CatsdogsError
from catsdogs.files import workshop


def refuse_used(folder: Path) -> None:
    """Stop before anything is written over.

    Raises:
        CatsdogsError: there is already something in the folder, or in its place.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise CatsdogsError(f"{folder} já existe e não é uma pasta vazia: escolha outro nome, para que nada do que há "
                            "nela se perca.")


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to fill, beside ``target``; what is in it moves there only if the block succeeds.

    Raises:
        CatsdogsError: as ``refuse_used``.
    """
    refuse_used(target)
    target = target.resolve()
    with workshop(target) as place:
        inside = place / "new"
        inside.mkdir()
        yield inside
        target.mkdir(exist_ok=True)
        for each in inside.iterdir():
            os.replace(each, target / each.name)
