"""A student's repository as Git, GitHub and pip see it."""

import codecs
import os
import re
import subprocess
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from catsdogs.photo import is_photo_name

# In two folders side by side, so many images each are a data set, not figures.
MANY_PHOTOS = 10


def delivered_files(folder: Path) -> tuple[str, ...]:
    """Files that Git keeps or would add; without a repository, every file outside hidden folders."""
    if is_repository(folder):
        listed = set(git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"))
        return tuple(sorted(name for name in listed if name and (folder / name).is_file()))
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [(Path(parent) / name).relative_to(folder).as_posix() for name in names]
    return tuple(sorted(found))


def is_repository(folder: Path) -> bool:
    """Whether ``folder`` is the root of a Git repository, rather than a folder inside another one's."""
    top = git(folder, "rev-parse", "--show-toplevel").strip()
    return bool(top) and Path(top).resolve() == folder.resolve()


def git(folder: Path, *arguments: str) -> str:
    """What a Git command prints; nothing when it fails or Git is not installed."""
    # Git's own variables, set while a hook runs, would point it at another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, encoding="utf-8",
                              errors="replace", env=environment)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def sections(readme: str) -> dict[str, str]:
    """The sections of a README: second-level heading, or an underlined one → text, comments left out."""
    readme = unicodedata.normalize("NFC", readme)
    readme = re.sub(r"^(\S.*)\n(=+|-+)[ \t]*$", r"## \1", readme, flags=re.MULTILINE)  # the underlined form
    _, *pieces = re.split(r"^## +(.+?)\s*#*\s*$", readme, flags=re.MULTILINE)
    texts = [re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).strip() for text in pieces[1::2]]
    return dict(zip(pieces[::2], texts, strict=True))


def as_pip_reads(content: bytes) -> str:
    """A requirements file's text: by its byte order mark, as PowerShell writes one, else UTF-8 (pip's own rule)."""
    marked = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    return content.decode(next((code for mark, code in marked.items() if content.startswith(mark)), "utf-8"), "replace")


def is_pointer(path: Path) -> bool:
    """Whether Git LFS has left a few lines in the place of a large file (git-lfs.com, spec)."""
    with open(path, "rb") as file:
        return file.read(40).startswith(b"version https://git-lfs.github.com/spec")


def data_set_photos(folder: Path, names: Iterable[str], class_names: Collection[str],
                    recorded: Collection[str]) -> list[PurePosixPath]:
    """The photos of a data set: in class folders, called as one of the run, in sibling folders, in a zip.

    Args:
        names: of the files, relative to ``folder``.
        recorded: the run's photos, by their names.
    """
    paths = [PurePosixPath(name) for name in names]
    many = Counter(path.parent for path in paths if is_photo_name(path.name))
    siblings = Counter(folder.parent for folder, count in many.items() if count >= MANY_PHOTOS and folder.name)
    data_sets = {folder for folder, count in many.items() if count >= MANY_PHOTOS and siblings[folder.parent] > 1}
    return [path for path in paths
            if (is_photo_name(path.name) and (path.parent.name in class_names or path.name in recorded
                                              or path.parent in data_sets))
            or (path.suffix.lower() == ".zip" and has_photos(folder / path))]


def has_photos(archive: Path) -> bool:
    """Whether a file is a zip that holds photos, by their names."""
    try:
        with zipfile.ZipFile(archive) as content:
            return any(is_photo_name(PurePosixPath(name).name) for name in content.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
