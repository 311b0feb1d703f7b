"""A class of made-up submissions: each is graded alone, and gets the points it should."""

import csv
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from helpers import missing

from catsdogs.assignment import ANSWER, AUTOGRADER_FILE, SOLUTION_FOLDER, SOURCE, STUDENT_FOLDER, build_assignment
from catsdogs.cli import main
from catsdogs.grading import BROKEN, GRADED, TIME_OUT, Children, possible_points, read_tests

pytest.importorskip("otter", reason="otter-grader is not installed")
NAME = SOURCE.name

# An assignment of two questions that needs nothing but Python, in the source's format.
SMALL = [("raw", "# ASSIGNMENT CONFIG\ninit_cell: false\nexport_cell: false\ntests:\n    files: true\n"
                 "    ok_format: false"), ("code", "dados = [1, 2, 3]")]
for name, solution, bad in (("q1", "sum(valores)", "6"), ("q2", "max(valores)", "3")):
    function = {"q1": "soma", "q2": "maior"}[name]
    SMALL += [
        ("raw", f"# BEGIN QUESTION\nname: {name}\npoints: 2"), ("markdown", f"Complete `{function}`."),
        ("raw", "# BEGIN SOLUTION"),
        ("code", f"def {function}(valores):\n    # BEGIN SOLUTION\n    return {solution}\n    # END SOLUTION"),
        ("raw", "# END SOLUTION"), ("raw", "# BEGIN TESTS"),
        ("code", f'""" # BEGIN TEST CONFIG\npoints: 1\nfailure_message: "Veja {function}."\n""" # END TEST CONFIG\n'
                 f"def test_seen({function}, dados):\n    assert {function}(dados) == {bad}"),
        ("code", f'""" # BEGIN TEST CONFIG\nhidden: true\npoints: 1\n""" # END TEST CONFIG\n'
                 f"def test_hidden({function}):\n    assert {function}([5, 7]) == {{'soma': 12, 'maior': 7}}"
                 f"['{function}']"),
        ("raw", "# END TESTS"), ("raw", "# END QUESTION")]
SMALL += [("raw", "# BEGIN QUESTION\nname: q3\nmanual: true\npoints: 1"), ("markdown", "Explique."),
          ("raw", "# BEGIN SOLUTION"), ("markdown", "**SOLUTION:** Somei."), ("raw", "# END SOLUTION"),
          ("raw", "# END QUESTION")]
RIGHT = "def soma(valores):\n    return sum(valores)"
TAMPER = """import pathlib
for path in pathlib.Path("tests").glob("*.py"):
    path.write_text(path.read_text().replace("assert ", "assert True or "))"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The small assignment, built; ``kit`` is its folder."""
    kit = tmp_path_factory.mktemp("kit")
    makers = {"raw": nbformat.v4.new_raw_cell, "code": nbformat.v4.new_code_cell,
              "markdown": nbformat.v4.new_markdown_cell}
    source = nbformat.v4.new_notebook(cells=[makers[kind](text) for kind, text in SMALL])
    source.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(source, kit / "pequena.ipynb")
    build_assignment(kit, kit / "pequena.ipynb")
    solution = nbformat.read(kit / SOLUTION_FOLDER / "pequena.ipynb", as_version=4)
    return SimpleNamespace(kit=kit, autograder=kit / AUTOGRADER_FILE, solution=solution)


def changed(small, *changes, extra=()):
    """The solution's notebook as text, pieces of code replaced and cells added before the questions."""
    notebook = nbformat.reads(nbformat.writes(small.solution), as_version=4)
    for old, new in changes:
        cell = next(cell for cell in notebook.cells if old in cell.source)
        cell.source = cell.source.replace(old, new)
    for cell in notebook.cells:
        cell.source = cell.source.replace(ANSWER, "Somei os valores.\nE conferi.")
    at = next(number for number, cell in enumerate(notebook.cells) if "dados = " in cell.source)
    notebook.cells[at + 1:at + 1] = [nbformat.v4.new_code_cell(code) for code in extra]
    return nbformat.writes(notebook)


@pytest.fixture(scope="module")
def graded(small, tmp_path_factory):
    """A class of thirteen, graded by one command; rows of the CSV by student."""
    folder = tmp_path_factory.mktemp("turma")
    class_folder = folder / "entregas"
    class_folder.mkdir()
    spy = folder / "fora.txt"
    submissions = {
        "perfeita": changed(small),
        "metade": changed(small, ("return max(valores)", "return None")),
        "errada": changed(small, ("return sum(valores)", "return 0"), ("return max(valores)", "return 0")),
        "fixa": changed(small, ("return sum(valores)", "return 6"), ("return max(valores)", "return 3")),
        "quebra": changed(small, extra=["1 / 0"]),
        "morre": changed(small, extra=["import os\nos._exit(3)"]),
        "infinita": changed(small, extra=["while True:\n    pass"]),
        "adultera": changed(small, ("return sum(valores)", "return 0"), ("return max(valores)", "return 0"),
                            extra=[TAMPER]),
        "rede": changed(small, ("return sum(valores)", "return 0"), extra=[
            "import urllib.request\nurllib.request.urlopen('http://192.0.2.1', timeout=60)",
            f"import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 60)\nexcept OSError as error:\n"
            f"    open({str(spy)!r}, 'w').write(str(error))"]),
        "gulosa": changed(small, extra=[
            f"try:\n    bytearray(40 * 2**30)\nexcept MemoryError:\n    open({str(spy)!r} + 'm', 'w').close()",
            "try:\n    open('grande', 'wb').truncate(2**32)\nexcept OSError:\n"
            f"    open({str(spy)!r} + 'f', 'w').close()"]),
        "texto": "isto não é um notebook",
    }
    for name, text in submissions.items():
        (class_folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
    with zipfile.ZipFile(class_folder / "compactada.zip", "w") as archive:
        archive.writestr("pasta/tarefa.ipynb", submissions["perfeita"])
    (class_folder / "vazia").mkdir()
    out = folder / "notas.csv"
    command = ["grade", str(class_folder), "--autograder", str(small.autograder), "--out", str(out), "--jobs", "2",
               "--time-limit", "40"]
    assert main(command) == 0
    with out.open(encoding="utf-8", newline="") as file:
        rows = {row["estudante"]: row for row in csv.DictReader(file)}
    return SimpleNamespace(rows=rows, folder=folder, out=out, command=command, spy=spy, class_folder=class_folder)


EXPECTED = {
    "perfeita": (GRADED, 2, 2), "metade": (GRADED, 2, 0), "errada": (GRADED, 0, 0), "fixa": (GRADED, 1, 1),
    "quebra": (GRADED, 2, 2), "morre": (BROKEN, 0, 0), "infinita": (TIME_OUT, 0, 0), "adultera": (GRADED, 0, 0),
    "rede": (GRADED, 0, 2), "gulosa": (GRADED, 2, 2),
    "compactada": (GRADED, 2, 2), "texto": ("o arquivo não é um notebook válido", 0, 0)}


def test_each_submission_gets_its_points(graded):
    found = {name: (row["situacao"], float(row["q1"]), float(row["q2"])) for name, row in graded.rows.items()}
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert "0 notebooks" in graded.rows["vazia"]["situacao"] and set(found) == {*EXPECTED, "vazia"}
    assert {float(row["possivel"]) for row in graded.rows.values()} == {4.0}
    assert all(float(row["total"]) == float(row["q1"]) + float(row["q2"]) for row in graded.rows.values())


def test_there_was_no_network(graded):
    assert "não tem rede" in graded.spy.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_memory_and_files_are_limited(graded):
    assert all(Path(f"{graded.spy}{limit}").exists() for limit in "mf")


def test_feedback_tells_hints_but_not_hidden_tests(graded):
    page = (graded.out.with_suffix("") / "fixa.md").read_text(encoding="utf-8")
    assert "outros dados" in page and "[5, 7]" not in page and "Veja" not in page
    page = (graded.out.with_suffix("") / "errada.md").read_text(encoding="utf-8")
    assert "Veja soma." in page and "Veja maior." in page
    assert "> Somei os valores.\n> E conferi.\n" in page and "Pontos: ____" in page
    assert graded.out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_only_what_changed_is_graded_again(graded, monkeypatch):
    ran = []
    run = Children.run
    monkeypatch.setattr(Children, "run", lambda self, *rest: ran.append(1) or run(self, *rest))
    (graded.class_folder / "texto.ipynb").write_text(
        (graded.class_folder / "errada.ipynb").read_text(encoding="utf-8").replace("return 0", "return 1"), "utf-8")
    assert main(graded.command) == 0
    assert len(ran) == 1


def test_an_autograder_built_again_changes_no_grade(graded, small, tmp_path, monkeypatch):
    build_assignment(tmp_path, small.kit / "pequena.ipynb")
    monkeypatch.setattr(Children, "run", lambda *_: pytest.fail("graded again"))
    assert main([str(tmp_path / AUTOGRADER_FILE) if part == str(small.autograder) else part
                 for part in graded.command]) == 0


def test_student_version_hides_solutions_and_brings_the_visible_tests(small):
    text = (small.kit / STUDENT_FOLDER / "pequena.ipynb").read_text(encoding="utf-8")
    assert "sum(valores)" not in text and "[5, 7]" not in text
    assert "test_seen" in text and "Escreva aqui" in text and "Type your answer" not in text


def test_student_version_runs_and_checks_at_once(small, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(small.kit / STUDENT_FOLDER / "pequena.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("def soma(valores):\n    ...", RIGHT)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = {cell.source: str(cell.outputs) for cell in notebook.cells if "grader.check" in cell.source}
    assert "passed!" in said['grader.check("q1")']
    assert "Veja maior." in said['grader.check("q2")']


def test_building_again_gives_the_same_student_version(small, tmp_path):
    build_assignment(tmp_path, small.kit / "pequena.ipynb")
    one, other = (folder / STUDENT_FOLDER / "pequena.ipynb" for folder in (tmp_path, small.kit))
    assert one.read_bytes() == other.read_bytes()


def test_a_stopped_grader_leaves_no_process(small, tmp_path):
    import threading

    import psutil
    children = Children(300)
    notebook = changed(small, extra=["while True:\n    pass"])
    work = tmp_path / "work"
    work.mkdir()
    (work / "tarefa.ipynb").write_text(notebook, encoding="utf-8")
    thread = threading.Thread(target=children.run, args=(work, small.autograder.resolve()))
    thread.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not kernels(work):
        time.sleep(0.2)
    family = psutil.Process().children(recursive=True)
    assert kernels(work)
    children.stop()
    thread.join(30)
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
                and str(work) in " ".join(process.cmdline())]


def kernels(work):
    """Kernels that run below ``work``."""
    import psutil

    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            found += [process] if "ipykernel" in " ".join(process.cmdline()) else []
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.mark.parametrize(("arrange", "words"), [
    (lambda folder, kit: [folder / "nada", kit.autograder], "Não encontrei a pasta"),
    (lambda folder, kit: [folder, kit.autograder], "está vazia"),
    (lambda folder, kit: [kit.kit, folder / "nada.zip"], "make assignment"),
    (lambda folder, kit: [kit.kit, kit.kit / "pequena.ipynb"], "não é um autograder"),
], ids=["no folder", "empty", "no autograder", "wrong autograder"])
def test_what_cannot_be_graded_is_one_sentence(small, tmp_path, capsys, arrange, words):
    (tmp_path / "entregas").mkdir()
    folder, autograder = arrange(tmp_path / "entregas", small)
    assert main(["grade", str(folder), "--autograder", str(autograder), "--out", str(tmp_path / "n.csv")]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "n.csv").exists()


def test_two_submissions_of_one_name_are_refused(small, tmp_path, capsys):
    for suffix in (".ipynb", ".zip"):
        (tmp_path / f"ana{suffix}").write_bytes(b"")
    command = ["grade", str(tmp_path), "--autograder", str(small.autograder), "--out", str(tmp_path.parent / "n.csv")]
    assert main(command) == 1
    assert "mais de uma entrega de ana" in capsys.readouterr().err


def test_the_real_assignment_gives_its_own_solution_every_point(tmp_path):
    if not (Path(__file__).parent.parent / "models" / "bundle.npz").exists():
        missing("The activations that ship with the repository are not here.")
    assert main(["assignment", str(tmp_path / "kit")]) == 0
    kit = tmp_path / "kit"
    (tmp_path / "entregas").mkdir()
    (tmp_path / "entregas" / "solucao.ipynb").write_bytes((kit / SOLUTION_FOLDER / NAME).read_bytes())
    (tmp_path / "entregas" / "em-branco.ipynb").write_bytes((kit / STUDENT_FOLDER / NAME).read_bytes())
    out = tmp_path / "notas.csv"
    assert main(["grade", str(tmp_path / "entregas"), "--autograder", str(kit / AUTOGRADER_FILE),
                 "--out", str(out)]) == 0
    with out.open(encoding="utf-8", newline="") as file:
        blank, solution = csv.DictReader(file)
    possible = possible_points(read_tests(kit / AUTOGRADER_FILE))
    assert solution["situacao"] == GRADED and blank["situacao"] == GRADED
    assert {name: float(solution[name]) for name in possible} == possible
    assert float(blank["total"]) == 0
