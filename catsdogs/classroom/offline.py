"""Everything that a machine without internet needs, gathered into one folder; ``lab.py`` installs from there."""

import contextlib
import pprint
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catsdogs.classroom import lab
from catsdogs.config import CHECKOUT
from catsdogs.engines.runtime import WITHOUT_LINTER, installed_packages
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path, file_digest
from catsdogs.storage.download import OFFICIAL_BYTES, OFFICIAL_URL, download

SCRIPT_FILE = "instalar.py"
BOOK = "livro"
# The notebooks' editor.
BESIDES = ("jupyterlab",)


@dataclass(frozen=True)
class Item:
    """One thing of the folder.

    Attributes:
        status: "ok"; "falta", when the laboratory needs it; "aviso", when only a part of the book does.
        text: one Portuguese sentence on what is missing and what to do; empty when nothing is.
    """

    name: str
    status: str
    text: str = ""


def gather(folder: Path, say: Callable[[str], None] = print) -> list[Item]:
    """Put into ``folder`` what is not there yet; what cannot be had leaves the rest in place.

    Args:
        say: takes one Portuguese line per step.

    Raises:
        CatsdogsError: ``folder`` is a file, or the package does not run from its repository.
    """
    if not (CHECKOUT / "requirements.txt").exists():
        raise CatsdogsError("Este comando precisa do repositório inteiro, e só o pacote está instalado aqui: clone o "
                            "repositório e rode-o de lá.")
    if folder.exists() and not folder.is_dir():
        raise CatsdogsError(f"{folder} é um arquivo: indique uma pasta.")
    folder.mkdir(parents=True, exist_ok=True)
    steps = (("Fotos", "falta", _photos), ("Pacotes do Python", "falta", _wheels),
             ("Repositório", "falta", _repository), ("Pacotes do npm", "aviso", _npm),
             ("Livro construído", "aviso", _book), ("Instalador", "falta", _installer))
    items = []
    for name, status, step in steps:
        say(f"{name}…")
        try:
            step(folder)
            items.append(Item(name, "ok"))
        except CatsdogsError as error:
            items.append(Item(name, status, str(error)))
    return items


def _photos(folder: Path) -> None:
    download(OFFICIAL_URL, folder / lab.PHOTOS, OFFICIAL_BYTES)


def _wheels(folder: Path) -> None:
    """All packages anew, so that none of an earlier version stays, but from the folder itself where it has them."""
    wheels, requirements = folder / lab.WHEELS, CHECKOUT / "requirements.txt"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as staging:
        new, pins = Path(staging) / lab.WHEELS, Path(staging) / "pins.txt"
        pins.write_text(pinned(requirements.read_text(encoding="utf-8")), encoding="utf-8")
        # One by one: next to requirements with hashes, pip takes none without.
        for wanted in (["--requirement", requirements], ["--constraint", pins, *BESIDES]):
            command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check",
                       "--only-binary", ":all:", "--dest", new, *wanted]
            at_hand = ["--isolated", "--no-index", "--find-links", wheels]
            # Pip's progress goes to the error output, 2, like all of ours.
            if not ((wheels.is_dir() and _run([*command, *at_hand])) or _run(command, stdout=2, stderr=2)):
                raise CatsdogsError("O pip não baixou todos os pacotes e disse por quê nas linhas acima: confira a "
                                    "internet e rode o comando de novo.")
        shutil.rmtree(wheels, ignore_errors=True)
        new.replace(wheels)


def pinned(requirements: str) -> str:
    """The versions that a file of requirements asks for, one a line, without hashes or options."""
    found = re.findall(r"^[\w.-]+==[^\\\n]+", requirements, re.MULTILINE)
    return "".join(f"{line.strip()}\n" for line in found)


def _run(command: list, **options) -> bool:
    options = options or {"capture_output": True}
    return subprocess.run([str(part) for part in command], **options).returncode == 0


def _repository(folder: Path) -> None:
    """The working tree as it is, without what Git ignores."""
    ignored = [line.strip("/") for line in (CHECKOUT / ".gitignore").read_text(encoding="utf-8").split()]
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as staging:
        # The prepared folder may lie within the repository.
        here = {folder.resolve(), Path(staging).resolve()}
        patterns = shutil.ignore_patterns(".git", *ignored)
        shutil.copytree(CHECKOUT, Path(staging) / "tree", ignore=lambda parent, names: {
            *patterns(parent, names), *(name for name in names if (Path(parent) / name).resolve() in here)})
        _archive(Path(staging) / "tree", folder / lab.REPOSITORY)


def _npm(folder: Path) -> None:
    """What the page Experimente runs on, in the form in which the book's build keeps it."""
    lock = (CHECKOUT / "book" / "web" / "package-lock.json").read_bytes()
    target = folder / lab.NPM
    with contextlib.suppress(OSError, KeyError, zipfile.BadZipFile), zipfile.ZipFile(target) as made:  # else made anew
        if made.read("installed.json") == lock:
            return
    if shutil.which("npm") is None:
        raise CatsdogsError("Sem o npm, a página Experimente fica sem o modelo: instale o Node.js e rode o comando de "
                            "novo, se quiser essa página.")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as staging:
        if installed_packages(CHECKOUT / "book" / "web", Path(staging), WITHOUT_LINTER) is None:
            raise CatsdogsError("O npm não baixou os pacotes da página Experimente: confira a internet e rode o "
                                "comando de novo.")
        _archive(Path(staging), target)


def _archive(tree: Path, target: Path) -> None:
    """Zip what is in ``tree``."""
    with atomic_path(target) as temporary:
        shutil.make_archive(str(temporary.with_suffix("")), "zip", tree)


def _book(folder: Path) -> None:
    built = CHECKOUT / "_build" / "html"
    if not built.is_dir():
        raise CatsdogsError("O livro ainda não foi construído: rode `make book` e depois este comando, para que a "
                            "turma o leia sem internet.")
    shutil.rmtree(folder / BOOK, ignore_errors=True)
    shutil.copytree(built, folder / BOOK)


def _installer(folder: Path) -> None:
    """The program that installs, with what it needs to know of the other files."""
    paths = [folder / name for name in (lab.PHOTOS, lab.REPOSITORY, lab.NPM) if (folder / name).exists()]
    prepared = {"python": lab.python_version(), "platform": lab.machine(), "requirements": _locked(folder / lab.WHEELS),
                "files": {path.name: (path.stat().st_size, file_digest(path)) for path in paths}}
    before, _, after = Path(lab.__file__).read_text(encoding="utf-8").partition("PREPARED: dict = {}\n")
    value = pprint.pformat(prepared, width=200, sort_dicts=False)  # a line for each file
    with atomic_path(folder / SCRIPT_FILE) as temporary:
        temporary.write_text(f"{before}PREPARED = {value}\n{after}", encoding="utf-8")


def _locked(wheels: Path) -> str:
    """Every gathered package with its version and hash, as pip reads them."""
    lines = []
    for path in sorted(wheels.glob("*.whl")):
        name, version = path.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{file_digest(path)}\n")
    return "".join(lines)
