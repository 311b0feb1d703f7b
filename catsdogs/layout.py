"""From anybody's folder to two classes of photo files, by its structure and content more than by its names."""

import os
import re
import stat
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catsdogs.errors import CatsdogsError
from catsdogs.photo import EXTENSIONS, kind_of_image

# A folder that these begin or make up the name of is more likely a part of a split than a class.
PART_NAME = re.compile(r"(train(ing)?|treino|treinamento|val(id(ation)?)?|validac?ao|dev|test(e|ing)?)"
                       r"([ _-]?(set|data|images|imagens|fotos|\d+))*")
SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r"}
EXPECTED = "o esperado são exatamente duas subpastas de fotos, uma por classe, por exemplo gatos/ e cachorros/."


@dataclass
class Layout:
    """What a folder holds.

    Attributes:
        root: the folder that holds the classes, or the parts that hold them.
        files: (class name, path) of every photo, sorted.
        left_out: (path, reason) of every other file in the classes, and of photos outside them.
    """

    root: Path
    files: list[tuple[str, Path]]
    left_out: list[tuple[Path, str]]


@dataclass
class Tree:
    """Every folder below one, hidden ones and links apart: its photos, its other files, its folders with photos."""

    photos: dict[Path, list[Path]] = field(default_factory=lambda: defaultdict(list))
    others: dict[Path, list[tuple[Path, str]]] = field(default_factory=lambda: defaultdict(list))
    branches: dict[Path, list[Path]] = field(default_factory=lambda: defaultdict(list))

    def below(self, folder: Path, found: dict[Path, list]) -> list:
        """What ``found`` holds for a folder and all below it."""
        return [each for place, files in found.items() if place == folder or folder in place.parents for each in files]


def find_class_files(folder: Path, name: str) -> Layout:
    """The photos of the two classes in a folder.

    Accepts two class folders directly, inside single wrapping folders, or inside the folders of a split, whose photos
    are pooled. Folders without photos do not count.

    Args:
        name: what to call the folder in an error.

    Raises:
        CatsdogsError: any other layout; the message tells what was found.
        OSError: a folder cannot be read.
    """
    tree, root = read_tree(folder), folder
    while len(tree.branches[root]) == 1 and not tree.photos[root]:
        root = tree.branches[root][0]
    parts = find_parts(tree, root)
    classes = [inner for part in parts for inner in tree.branches[part]] or tree.branches[root]
    named = defaultdict(list)
    for each in classes:
        named[same_name(each.name)].append(each)
    if len(named) != 2:
        raise CatsdogsError(f"{what_there_is(tree, root, named, folder, name)}; {EXPECTED}")
    if not parts and any(map(looks_like_part, classes)):
        found = " e ".join(f"{each.name}/ ({len(tree.below(each, tree.photos))} fotos)" for each in classes)
        raise CatsdogsError(f"{found}, em {name}, parecem partes de uma divisão, como treino e teste, e não "
                            f"classes{offer(tree.below(root, tree.photos))}; {EXPECTED}")
    labels = {each: unicodedata.normalize("NFC", same[0].name) for same in named.values() for each in same}
    files = [(label, path) for each, label in labels.items() for path in tree.below(each, tree.photos)]
    inside = {path for _, path in files}
    outside = [path for path in tree.below(folder, tree.photos) if path not in inside]
    return Layout(root, sorted(files), sorted([
        *(other for each in labels for other in tree.below(each, tree.others)),
        *((path, "Está fora das pastas das classes.") for path in outside)]))


def read_tree(folder: Path) -> Tree:
    """Look at every file below ``folder``."""
    tree = Tree()
    for place, folders, names in os.walk(folder, topdown=True, onerror=_raise):
        folders[:] = sorted(each for each in folders if not each.startswith((".", "__")))
        for file_name in names:
            path = Path(place, file_name)
            if is_of_the_system(file_name):
                continue
            if reason := why_no_photo(path):
                tree.others[Path(place)].append((path, reason))
            else:
                tree.photos[Path(place)].append(path)
    for place in [place for place, photos in tree.photos.items() if photos]:
        while place != folder and place not in tree.branches[place.parent]:
            tree.branches[place.parent].append(place)
            place = place.parent
    for branches in tree.branches.values():
        branches.sort()
    return tree


def _raise(error: OSError) -> None:
    raise error


def is_of_the_system(name: str) -> bool:
    """Whether a file is hidden, or one that a system leaves in folders (macOS: ``._foto.jpg``)."""
    return name.startswith(".") or name.lower() in SYSTEM_FILES


def why_no_photo(path: Path) -> str:
    """Why a file is not taken for a photo, by its name or else its first bytes; empty for one that is.

    Whether it can be read, which those of phones cannot, shows when it is decoded.
    """
    if path.suffix.lower() in EXTENSIONS:
        return ""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "Não é um arquivo comum."
        with open(path, "rb") as file:
            kind = kind_of_image(file.read(32))
    except OSError:
        return "Não pode ser lido."
    return "" if kind else f"Não é uma foto ({path.suffix.lower() or 'arquivo sem extensão'})."


def find_parts(tree: Tree, root: Path) -> list[Path]:
    """The folders of a split, each with folders of the same classes; none when those in ``root`` are the classes."""
    parts = [each for each in tree.branches[root] if tree.branches[each] and not tree.photos[each]]
    inner = [{same_name(each.name) for each in tree.branches[part]} for part in parts]
    if not parts or all(map(looks_like_part, (each for part in parts for each in tree.branches[part]))):
        return []
    alike = len(parts) > 1 and all(names == inner[0] for names in inner)
    return parts if alike or all(map(looks_like_part, parts)) else []


def looks_like_part(folder: Path) -> bool:
    """Whether a folder is called like a part of a split: train, test1, validação."""
    letters = unicodedata.normalize("NFKD", folder.name.casefold())
    return bool(PART_NAME.fullmatch("".join(each for each in letters if not unicodedata.combining(each))))


def same_name(name: str) -> str:
    """What is equal for names that people take for the same: letter case, and how accents are written, do not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def what_there_is(tree: Tree, root: Path, named: dict[str, list[Path]], folder: Path, name: str) -> str:
    """What stands in the place of two classes."""
    where = name if root == folder else f"{root.relative_to(folder).as_posix()}/, em {name}"
    loose = tree.photos[root]
    if named:
        found = ", ".join(f"{same[0].name}: {sum(len(tree.below(each, tree.photos)) for each in same)} fotos"
                          for same in named.values())
        beside = f", e {len(loose)} fotos soltas" if loose else ""
        return f"Encontrei {len(named)} pasta(s) com fotos ({found}){beside} em {where}"
    if loose:
        return f"Encontrei {len(loose)} fotos soltas em {where}{offer(loose)}"
    others = [reason for _, reason in tree.below(root, tree.others)]
    most = f" ({len(others)} arquivo(s) de outro tipo, por exemplo: {others[0]})" if others else ""
    return f"Não encontrei fotos em {where}{most}"


def offer(photos: Sequence[Path]) -> str:
    """How to make two classes of loose photos whose names begin in two ways: ``cat.0.jpg``, ``dog.0.jpg``."""
    starts = Counter(found[0].lower() for path in photos if (found := re.match(r"[^\W\d_]+", path.name)))
    if len(starts) != 2:
        return ""
    (one, many), (other, few) = starts.most_common()
    return (f"; os nomes começam com {one} ({many}) e {other} ({few}): crie as pastas {one}/ e {other}/ e mova para "
            "cada uma as fotos cujo nome começa assim")
