"""What the results of a page depend on, so that they are kept as long as they are right, and no longer.

They follow from the page's code, from the modules of the package that it imports, directly or not, from the data files
that these name, from the installed versions and from a few environment variables. A module that no page imports, such
as the command line, changes no page.
"""

import ast
import hashlib
import json
import platform
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = "catsdogs"
# What pages and modules read, besides the package's own folders of data.
DATA = ("book/results/*.json", "book/dados/*.json", "benchmarks/results.json", "models/*.keras", "models/*.json",
        "models/*.npz", "CITATION.cff")
PINNED = re.compile(r"^([\w.-]+)==", re.MULTILINE)
VARIABLES = ("CATSDOGS_DATA", "CATSDOGS_QUICK", "CATSDOGS_WEIGHTS")


def page_key(notebook, surroundings: Iterable[str]) -> str:
    """A name for all that the results of a notebook follow from.

    Args:
        notebook: as it is executed.
        surroundings: names for what else it depends on.
    """
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    code = TransformerManager().transform_cell("\n".join(cells))  # IPython's own commands are no Python
    return digest([*cells, *surroundings, *contents(needed(code))])


def surroundings_key(environment: Mapping[str, str]) -> str:
    """A name for what every page depends on: versions, variables, and whether the photos have been downloaded."""
    return digest([platform.python_version(), json.dumps(pinned_versions()), *map(str, downloads(environment)),
                   *(environment.get(name, "") for name in VARIABLES)])


def downloads(environment: Mapping[str, str]) -> list[Path]:
    """The photos that have been downloaded: at most one zip."""
    cache = Path(environment.get("CATSDOGS_CACHE") or Path.home() / ".cache" / PACKAGE)
    return sorted((cache / "downloads").glob("*.zip"))


@cache
def pinned_versions() -> dict[str, str]:
    """The installed version of every package that ``requirements.txt`` pins; empty when it is not installed."""
    found = {}
    for name in PINNED.findall((ROOT / "requirements.txt").read_text(encoding="utf-8")):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def needed(code: str) -> list[Path]:
    """The package's modules that some Python code imports, directly or not, and the data files that any of it names."""
    modules, waiting, data = set(), set(imports(code)), named_data(code)
    while waiting:
        path = module_file(waiting.pop())
        if path and path not in modules:
            modules.add(path)
            waiting |= imports(read(path))
            data |= named_data(read(path))
    return sorted(modules | data)


@cache
def imports(code: str) -> set[str]:
    """The package's modules that import statements anywhere in Python code name, and the packages they lie in."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    if re.search(rf"(?:-m |!){PACKAGE}\b", code):  # the command line, in a process of its own
        found.add(f"{PACKAGE}.__main__")
    parents = {name.rsplit(".", count)[0] for name in found for count in range(1, name.count(".") + 1)}
    return {name for name in found | parents if name.split(".")[0] == PACKAGE}


@cache
def module_file(name: str) -> Path | None:
    """The file of one of the package's modules; None when there is no such module."""
    path = ROOT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def named_data(text: str) -> frozenset[Path]:
    """The data files that a text names, or of which it names in quotes the folder in the package or the experiment."""
    files = [path for path in (ROOT / PACKAGE).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    files += [path for pattern in DATA for path in ROOT.glob(pattern)]
    quoted = {path: path.parent.name if path.is_relative_to(ROOT / PACKAGE) else path.stem
              for path in files if path.is_relative_to(ROOT / PACKAGE) or path.is_relative_to(ROOT / "book")}
    return frozenset(path for path in files if path.name in text or any(
        f"{mark}{quoted[path]}{mark}" in text for mark in "\"'" if path in quoted))


@cache
def read(path: Path) -> str:
    """A module's text."""
    return path.read_text(encoding="utf-8")


def contents(paths: Iterable[Path]) -> list[str]:
    """Names and hashes of some files of the repository."""
    return [f"{path.relative_to(ROOT).as_posix()} {file_hash(path)}" for path in sorted(paths)]


@cache
def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(texts: Iterable[str]) -> str:
    """One short hash over some texts."""
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()[:32]

