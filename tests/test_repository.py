"""The repository's address: rewritten by one command, and the same everywhere."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORK = "https://github.com/turma-2030/gatos.e-caes"

specification = importlib.util.spec_from_file_location("set_repository", ROOT / "book" / "set_repository.py")
set_repository = importlib.util.module_from_spec(specification)
specification.loader.exec_module(set_repository)


@pytest.fixture
def tree(tmp_path):
    """A copy of the settings with a page and a notebook that name the address."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    slug = "/".join(set_repository.split(set_repository.current_address(ROOT)))
    owner, name = slug.split("/")
    (tmp_path / "book" / "part").mkdir(parents=True)
    (tmp_path / "README.md").write_text(
        f"git clone https://github.com/{slug}.git\nhttps://{owner}.github.io/{name}/\n"
        f"https://github.com/{slug}-old\nhttps://github.com/keras-team/keras\n", encoding="utf-8")
    (tmp_path / "book" / "part" / "page.ipynb").write_text(
        json.dumps({"source": [f'REPOSITORIO = "https://github.com/{slug}"\n']}), encoding="utf-8")
    return tmp_path


def test_every_form_of_the_address_changes(tree):
    changed = set_repository.set_repository(tree, FORK + ".git")
    assert {path.name for path in changed} == {"_config.yml", "README.md", "page.ipynb"}
    assert set_repository.current_address(tree) == FORK
    readme = (tree / "README.md").read_text(encoding="utf-8").splitlines()
    assert readme[0] == f"git clone {FORK}.git"
    assert readme[1] == "https://turma-2030.github.io/gatos.e-caes/"
    assert readme[2].endswith("-old") and "turma-2030" not in readme[2]
    assert readme[3] == "https://github.com/keras-team/keras"
    assert FORK in (tree / "book" / "part" / "page.ipynb").read_text(encoding="utf-8")


def test_going_back_restores_every_byte(tree):
    before = {path: path.read_bytes() for path in set_repository.addressed_files(tree)}
    original = set_repository.current_address(tree)
    set_repository.set_repository(tree, FORK)
    set_repository.set_repository(tree, original)
    assert before == {path: path.read_bytes() for path in set_repository.addressed_files(tree)}


@pytest.mark.parametrize("url", [
    "", "github.com/a/b", "http://github.com/a/b", "https://github.com/a", "https://gitlab.com/a/b",
    "https://github.com/a/b/c", "https://github.com/a/b?x", "https://github.com/a b/c"])
def test_a_bad_address_changes_nothing_and_says_so(tree, url, capsys, monkeypatch):
    monkeypatch.setattr(set_repository, "ROOT", tree)
    before = (tree / "_config.yml").read_bytes()
    assert set_repository.main([url]) == 2
    assert "Endereço inválido" in capsys.readouterr().err
    assert (tree / "_config.yml").read_bytes() == before


def test_the_address_is_required(capsys):
    assert set_repository.main([]) == 2
    assert "Informe um endereço" in capsys.readouterr().err


def test_notebooks_and_package_name_the_configured_address():
    address = set_repository.current_address(ROOT)
    # The whole game runs without the package, so it installs none in Colab.
    notebooks = {*(ROOT / "book").rglob("*.ipynb")} - {ROOT / "book" / "transfer-learning_cats-vs-dogs.ipynb"}
    wrong = [path.name for path in notebooks if first_code_line(path) != [address]]
    assert not wrong
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r'^Repository = "(.+)"$', project, re.MULTILINE) == [address]


def test_links_to_colab_name_the_configured_address():
    slug = "/".join(set_repository.split(set_repository.current_address(ROOT)))
    for path in set_repository.addressed_files(ROOT):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"colab\.research\.google\.com/github/([^/\s]+/[^/\s]+)", text)) <= {slug}, path


def test_the_address_stands_only_in_files_that_are_rewritten():
    slug = "/".join(set_repository.split(set_repository.current_address(ROOT)))
    rewritten = set(set_repository.addressed_files(ROOT))
    folders = [ROOT / name for name in ("book", "catsdogs", "tests", ".github")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    strays = [path for path in files if path not in rewritten and path.suffix != ".pyc"
              and slug.encode() in path.read_bytes()]
    assert not strays


def first_code_line(path):
    """The addresses assigned to REPOSITORIO in a notebook's first code cell."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    source = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return re.findall(r'^REPOSITORIO = "(.+)"', source, re.MULTILINE)
