"""The package's rooms: who may import whom, and how large anything may grow."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "catsdogs"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Room → the rooms it may import from, besides itself; the road is the package's own folder.
MAY_IMPORT = {
    "road": {"storage", "engines"},
    "storage": {"road"},
    "engines": {"road", "storage"},
    "study": {"road", "storage", "engines"},
    "classroom": {"road", "storage", "engines", "study"},
    "cli": {"road", "storage", "engines", "study", "classroom"},
}
# What every room uses, and all that ``storage`` may take from the road.
COMMON = {"catsdogs.config", "catsdogs.errors", "catsdogs.files", "catsdogs.quiet", "catsdogs.silence"}
# The road in walking order: nothing imports what comes after it.
ROAD = ("config", "photo", "layout", "data", "backbone", "features", "training", "pipeline")


def room(name):
    """The room of a module, by its dotted name."""
    first = name.split(".")[1] if "." in name else ""
    return first if first in MAY_IMPORT else "road"


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path):
    """The package's modules that a file imports, at its head or later."""
    names = {dotted(module) for module in MODULES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "catsdogs":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in names else node.module


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_what_its_room_may(path):
    if path.name == "__main__.py":  # `python -m catsdogs` is the command line
        return
    mine = room(dotted(path))
    for name in imported(path):
        assert room(name) in {mine, *MAY_IMPORT[mine]}, name
        if mine == "storage" and room(name) == "road":
            assert name in COMMON, name


def test_the_road_leads_in_one_direction():
    for place, module in enumerate(ROAD):
        later = {f"catsdogs.{name}" for name in ROAD[place + 1:]}
        assert not later & set(imported(PACKAGE / f"{module}.py")), module


def test_each_room_says_what_it_is_for_and_what_it_may_import():
    for name in MAY_IMPORT.keys() - {"road"}:
        text = ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text(encoding="utf-8")))
        assert "import" in text, name


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_nothing_grows_too_large(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 310
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 45, node.name


def test_tests_stand_where_their_modules_do():
    for path in (ROOT / "tests").rglob("test_*.py"):
        if path.parent.name in MAY_IMPORT:
            assert (PACKAGE / path.parent.name / f"{path.stem.removeprefix('test_')}.py").exists(), path
