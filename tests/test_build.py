"""Building the book: what is executed and when, on a small book of its own; the real pages in two orders."""

import json
import os
import re
import shutil
from pathlib import Path

import dependencies
import execution
import nbformat
import pytest
from book_web import EXPORT_PHOTOS, bring_up_to_date

from catsdogs.config import BUNDLE_FILE

PAGES = {
    "book/index": "print('start')",
    "book/pratica/fase-1": "import os, pathlib\n"
                           "folder = pathlib.Path(os.environ['CATSDOGS_MODELS'])\n"
                           "(folder / 'mobilenetv2_feature_extractor.keras').write_text('first')",
    "book/pratica/fase-2": "import os, pathlib\n"
                           "folder = pathlib.Path(os.environ['CATSDOGS_MODELS'])  # has the first checkpoint\n"
                           "first = (folder / 'mobilenetv2_feature_extractor.keras').read_text()\n"
                           "(folder / 'mobilenetv2_finetuned.keras').write_text(first + ', second')",
    "book/pratica/avaliacao": "import os, pathlib\n"
                              "folder = pathlib.Path(os.environ['CATSDOGS_MODELS'])\n"
                              "print((folder / 'mobilenetv2_finetuned.keras').read_text())  # a checkpoint\n"
                              "(folder / 'mobilenetv2_finetuned.keras').write_text('spoiled')",
    "book/pratica/dados": "import os\n"
                          "from catsdogs.text import number\n"
                          "print(number(0.5), os.listdir(os.environ['CATSDOGS_MODELS']))\n"
                          "open(os.path.join(os.environ['CATSDOGS_MODELS'], 'mine'), 'w').close()",
    "book/alem/desempenho": "import os, time\n"
                            "time.perf_counter()\n"
                            "print(os.environ['OMP_NUM_THREADS'] == str(os.cpu_count()))",
}
MODULES = {"__init__": "", "text": "from catsdogs.errors import CatsdogsError", "errors": "", "grading": "import os",
           "files": "def read_json(name): ..."}


def forget():
    """Let what is read of the repository be read again."""
    for function in (dependencies.read, dependencies.file_hash, dependencies.imports, dependencies.named_data,
                     dependencies.module_file, dependencies.pinned_versions):
        function.cache_clear()


class Book:
    """A small book in a folder: what to change, and what building it then executes."""

    def __init__(self, folder: Path, monkeypatch):
        self.folder, self.output = folder, folder / "_build"
        monkeypatch.setattr(execution, "ROOT", folder)
        monkeypatch.setattr(dependencies, "ROOT", folder)
        others = {name: value for name, value in os.environ.items() if name not in execution.THREADS}
        self.environment = {**others, "CATSDOGS_MODELS": str(self.output / "models"),
                            "CATSDOGS_CACHE": str(folder / "cache")}

    def build(self, **options) -> list[str]:
        """Execute what is out of date: the pages that ended, in that order."""
        forget()
        self.output.mkdir(exist_ok=True)
        self.said = []
        with open(self.output / "build.log", "a", encoding="utf-8") as log:
            self.failures = execution.execute(self.output, self.environment, log, self.said.append, **options)
        return [re.match(r"\[\d+/\d+\] (\S+) ", line)[1] for line in self.said]

    def outputs(self, name: str) -> str:
        """What a page printed."""
        results = self.results()
        _, notebook = results.cache.merge_match_into_notebook(results.pages[name].notebook)
        return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))

    def results(self) -> execution.Results:
        """What the build keeps."""
        return execution.Results(self.output, self.environment, execution.read_pages(False))

    def write(self, name: str, code: str, prose: str = "# Página") -> None:
        """Write a page."""
        write_page(self.folder, name, code, prose)


def write_page(folder, name, code, prose="# Página"):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose, id="prose"),
                                               nbformat.v4.new_code_cell(code, id="code")])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    path = folder / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def built_once(tmp_path_factory):
    """A folder with a small book that has been built, and what the build said."""
    folder = tmp_path_factory.mktemp("book")
    for name, code in PAGES.items():
        write_page(folder, name, code)
    (folder / "_toc.yml").write_text(json.dumps({  # JSON is YAML
        "format": "jb-book", "root": "book/index",
        "parts": [{"caption": "Tudo", "chapters": [{"file": name} for name in PAGES if name != "book/index"]}]}),
        encoding="utf-8")
    (folder / "requirements.txt").write_text("numpy==1 \\\n    --hash=x\n", encoding="utf-8")
    (folder / "catsdogs").mkdir()
    for name, text in MODULES.items():
        (folder / "catsdogs" / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "book" / "results").mkdir()
    for name in ("pooling", "dropout"):
        (folder / "book" / "results" / f"{name}.json").write_text("[]", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        book = Book(folder, patch)
        ended = book.build()
    return folder, ended, book.said, book.failures


@pytest.fixture
def book(built_once, tmp_path, monkeypatch):
    """A copy of the built book."""
    yield Book(shutil.copytree(built_once[0], tmp_path / "copy"), monkeypatch)
    forget()


def test_every_page_is_executed_and_told_in_one_line(built_once):
    _, ended, said, failures = built_once
    assert not failures
    assert sorted(ended) == sorted(name.removeprefix("book/") for name in PAGES)
    assert ended[0] == "pratica/fase-1" and ended[-1] == "alem/desempenho"
    assert ended.index("pratica/fase-2") < ended.index("pratica/avaliacao")
    for number, line in enumerate(said, start=1):
        assert re.fullmatch(rf"\[{number}/6\] \S+ \(\d+ s\)( · cerca de \d+ (s|min) até o fim)?", line)
        assert line.endswith("fim") is (number < 6)


def test_pages_get_the_phases_checkpoints_and_nothing_that_others_saved(book):
    assert book.outputs("book/pratica/avaliacao") == "first, second\n"
    assert book.outputs("book/pratica/dados") == "0,5000 []\n"
    models = book.output / "models"
    assert {path.name: path.read_text() for path in models.iterdir()} == {
        "mobilenetv2_feature_extractor.keras": "first", "mobilenetv2_finetuned.keras": "first, second"}
    assert not list(book.output.glob(f"{execution.TEMPORARY}*"))


def test_what_shows_times_has_all_cores(book):
    assert book.outputs("book/alem/desempenho") == "True\n"


def test_nothing_changed_nothing_is_executed(book):
    assert book.build() == [] and book.said == []


def test_prose_executes_nothing(book):
    book.write("book/pratica/dados", PAGES["book/pratica/dados"], "# Outro título")
    assert book.build() == []


def test_code_executes_its_page(book):
    book.write("book/pratica/dados", "print('new')")
    assert book.build() == ["pratica/dados"]
    assert book.outputs("book/pratica/dados") == "new\n"
    book.write("book/pratica/dados", PAGES["book/pratica/dados"])  # undone, but it may depend on other things by now
    assert book.build() == ["pratica/dados"]
    assert len(book.results().cache.list_cache_records()) == len(PAGES)


@pytest.mark.slow
def test_a_phase_executes_what_uses_its_checkpoint(book):
    book.write("book/pratica/fase-1", PAGES["book/pratica/fase-1"].replace("'first'", "'anew'"))
    assert book.build() == ["pratica/fase-1", "pratica/fase-2", "pratica/avaliacao"]
    assert book.outputs("book/pratica/avaliacao") == "anew, second\n"


@pytest.mark.parametrize(("module", "executed"), [
    ("text", ["pratica/dados"]), ("errors", ["pratica/dados"]), ("grading", []), ("files", [])])
def test_a_module_executes_the_pages_that_import_it(book, module, executed):
    (book.folder / "catsdogs" / f"{module}.py").write_text(f"{MODULES[module]}\n# changed\n", encoding="utf-8")
    assert book.build() == executed


def test_a_record_executes_the_pages_that_name_it(book):
    book.write("book/pratica/dados", "from catsdogs import files\nrows = 'dropout'")
    assert book.build() == ["pratica/dados"]
    for name, executed in (("pooling", []), ("dropout", ["pratica/dados"])):
        (book.folder / "book" / "results" / f"{name}.json").write_text("[1]", encoding="utf-8")
        assert book.build() == executed


@pytest.mark.slow
def test_a_pinned_package_executes_every_page(book, monkeypatch):
    monkeypatch.setattr(dependencies.metadata, "version", lambda name: "2")
    assert len(book.build()) == len(PAGES)


@pytest.mark.slow
def test_other_variables_execute_every_page(book):
    book.environment["CATSDOGS_QUICK"] = "1"
    assert len(book.build()) == len(PAGES)


@pytest.mark.slow
def test_lost_models_are_made_again(book):
    shutil.rmtree(book.output / "models")
    assert {"pratica/fase-1", "pratica/fase-2"} <= set(book.build())


def test_a_failed_page_is_told_in_one_line_and_the_others_are_kept(book):
    book.write("book/pratica/dados", "1 / 0")
    book.write("book/index", "print('again')")
    assert set(book.build()) == {"pratica/dados", "index"}
    assert book.failures == {"book/pratica/dados": "célula 1: ZeroDivisionError: division by zero"}
    assert any("(falhou)" in line for line in book.said)
    assert "1 / 0" in (book.output / "build.log").read_text(encoding="utf-8")
    assert book.build() == ["pratica/dados"]  # only what failed is tried again


def test_what_needs_a_failed_phase_is_not_executed(book):
    book.write("book/pratica/fase-1", "raise ValueError('no')")
    book.build()
    assert set(book.failures) == {"book/pratica/fase-1", "book/pratica/fase-2", "book/pratica/avaliacao"}
    assert "fases" in book.failures["book/pratica/avaliacao"]


@pytest.mark.slow
def test_the_other_order_gives_the_same(book, tmp_path):
    outputs = {name: book.outputs(name) for name in PAGES}
    shutil.rmtree(book.output)
    book.build(order=lambda pages: pages[::-1])
    assert {name: book.outputs(name) for name in PAGES} == outputs


def test_a_killed_build_s_waste_goes(book):
    (book.output / f"{execution.TEMPORARY}waste").mkdir()
    book.build()
    assert not list(book.output.glob(f"{execution.TEMPORARY}*"))


@pytest.mark.parametrize(("seconds", "words"), [(2, "10 s"), (84, "80 s"), (95, "2 min"), (600, "10 min")])
def test_durations_are_round(seconds, words):
    assert execution.duration(seconds) == words


# The real pages

def test_pages_depend_on_what_they_import_and_name():
    needed = {page.name: {path.relative_to(dependencies.ROOT).as_posix() for path in needed_by(page)}
              for page in execution.read_pages(False)}
    everywhere = set.union(*needed.values())
    assert not {f"catsdogs/{name}.py" for name in ("cli", "grading", "sandbox", "grade_one")} & everywhere
    assert {path.relative_to(dependencies.ROOT).as_posix()
            for path in (dependencies.ROOT / "book" / "results").iterdir()} <= everywhere
    assert "catsdogs/classroom/tarefa/seu-proprio-classificador.ipynb" in needed["book/docentes/tarefa"]
    assert "catsdogs/classroom/template/treino.ipynb" in needed["book/desafio/entrega"]
    assert "models/bundle.npz" in needed["book/pratica/fase-1"]
    for name in ("metodologia/afirmacoes", "docentes/laboratorio"):  # seconds less for what uses no network
        assert "catsdogs/quiet.py" not in needed[f"book/{name}"], name


def needed_by(page):
    cells = [cell.source for cell in page.notebook.cells if cell.cell_type == "code"]
    return dependencies.needed(dependencies.TransformerManager().transform_cell("\n".join(cells)))


def test_the_command_line_in_a_page_needs_all_of_the_package():
    assert dependencies.imports("subprocess.run([python, '-m', 'x'])") == set()
    paths = {path.name for path in dependencies.needed('call("python -m catsdogs info")')}
    assert {"training.py", "grading.py", "__main__.py"} <= paths


def test_what_browsers_get_is_written_again_only_when_its_sources_changed(tmp_path):
    written = []

    def write(folder):
        folder.mkdir(exist_ok=True)
        written.append(folder)

    for sources in (["a", "b"], ["a", "b"], ["a", "c"], ["a", "c"]):
        bring_up_to_date(tmp_path / "made", write, sources)
    assert len(written) == 2
    assert BUNDLE_FILE in [path.name for path in dependencies.needed(EXPORT_PHOTOS)]
