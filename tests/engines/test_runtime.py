"""LiteRT.js for a page: out of npm's folder or another page's, and one sentence where neither is at hand."""

import json
import sys

import pytest

from catsdogs.engines import runtime
from catsdogs.engines.runtime import FILES, add_litert, copy_litert, installed_packages

# Stands for npm: leaves the packages, as far as they are used, and a note of having been called.
NPM = """import pathlib, sys
for name in {names!r}:
    path = pathlib.Path("node_modules", "@litertjs", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('import{{x}}from"@litertjs/wasm-utils";' if name.endswith("index.js") else name)
with open({log!r}, "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
sys.exit({code})
"""
INSTALLED = ["core/dist/index.js", "wasm-utils/dist/bundle.js", *(f"core/wasm/{name}" for name in runtime.BINARIES)]


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts something in npm's place, which exits with a code; gives the calls so far."""
    def start(code=0):
        (tmp_path / "npm.py").write_text(NPM.format(names=INSTALLED, log=str(tmp_path / "log"), code=code))
        monkeypatch.setattr(runtime.shutil, "which", lambda name: sys.executable)
        monkeypatch.setattr(runtime, "NPM", (str(tmp_path / "npm.py"), *runtime.NPM))
        return lambda: (tmp_path / "log").read_text().splitlines()
    return start


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_npm_brings_it_once_for_all_pages(npm, tmp_path, isolated):
    calls = npm()
    for page in ("one", "two"):
        add_litert(tmp_path / page)
        assert files_of(tmp_path / page) == {*FILES, "LICENSE.txt"}
    call, = calls()
    assert call.startswith("ci") and "--ignore-scripts" in call
    assert json.loads((isolated / "cache" / "npm" / "package-lock.json").read_text())["lockfileVersion"] == 3


def test_the_module_that_a_worker_could_not_find_gets_its_address(npm, tmp_path):
    npm()
    add_litert(tmp_path / "page")
    assert (tmp_path / "page" / "index.js").read_text() == 'import{x}from"./wasm-utils.js";'


def test_another_version_is_installed_anew(npm, tmp_path):
    calls = npm()
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "package.json").write_text("{}")
    for version in ("1", "1", "2"):
        (locked / "package-lock.json").write_text(version)
        assert installed_packages(locked, tmp_path / "here", "--omit=optional") == tmp_path / "here" / "node_modules"
    assert [call.split()[-1] for call in calls()] == ["--omit=optional"] * 2


def test_a_page_made_before_gives_it_without_npm(npm, tmp_path, monkeypatch):
    npm()
    add_litert(tmp_path / "one")
    monkeypatch.setattr(runtime.shutil, "which", lambda name: None)
    add_litert(tmp_path / "two", tmp_path / "one")
    for name in files_of(tmp_path / "one"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


@pytest.mark.parametrize("there", [False, True], ids=["no npm", "npm without network"])
def test_without_it_one_sentence_says_what_to_do(npm, tmp_path, monkeypatch, refused, there):
    npm(code=1)
    if not there:
        monkeypatch.setattr(runtime.shutil, "which", lambda name: None)
    told = refused(add_litert, tmp_path / "page")
    assert "Node.js" in told and "--runtime" in told
    assert "--runtime" in refused(add_litert, tmp_path / "page")  # and nothing is kept that would pass for it


@pytest.mark.parametrize("lacking", FILES)
def test_a_folder_that_lacks_a_file_is_refused(npm, tmp_path, refused, lacking):
    npm()
    add_litert(tmp_path / "one")
    (tmp_path / "one" / lacking).unlink()
    assert f"não tem {lacking}" in refused(add_litert, tmp_path / "two", tmp_path / "one")


def test_what_is_copied_comes_with_its_licence(tmp_path):
    for name in INSTALLED:
        path = tmp_path / "node_modules" / "@litertjs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    copy_litert(tmp_path / "node_modules", tmp_path / "litert")
    assert "Apache License" in (tmp_path / "litert" / "LICENSE.txt").read_text()
