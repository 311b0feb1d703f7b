"""A class of made-up submissions: each is graded alone, and gets the points it should; attacks reach nothing."""

import csv
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from helpers import FULL, assert_sentence, heed_ctrl_c, missing
from kept import content_of, kept

from catsdogs.classroom import sandbox
from catsdogs.classroom.assignment import (
    ANSWER,
    AUTOGRADER_FILE,
    SOLUTION_FOLDER,
    SOURCE,
    STUDENT_FOLDER,
    build_assignment,
)
from catsdogs.classroom.feedback import no_formula
from catsdogs.classroom.grade import BROKEN, GRADED, TIME_OUT
from catsdogs.classroom.grading import grade_all, graded_or_remembered, judged, possible_points, read_tests
from catsdogs.classroom.processes import Children, StoppedError
from catsdogs.classroom.submissions import notebook_bytes, read_cells
from catsdogs.cli import main
from catsdogs.errors import CatsdogsError, printable
from catsdogs.storage.limits import MAX_GRADING_PROCESSES, MAX_GRADING_REPORT_BYTES

pytest.importorskip("otter", reason="otter-grader is not installed")
NAME = SOURCE.name
AREA = "Correção de notebooks"

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
def isolation():
    """Submissions can be isolated here."""
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        missing("bubblewrap is not installed.")


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
def graded(small, isolation, tmp_path_factory):
    """A class of thirteen, graded by one command; rows of the CSV by student."""
    folder = tmp_path_factory.mktemp("turma")
    class_folder = folder / "entregas"
    class_folder.mkdir()
    submissions = {
        "perfeita": changed(small),
        "metade": changed(small, ("return max(valores)", "return None")),
        "errada": changed(small, ("return sum(valores)", "return 0"), ("return max(valores)", "return 0")),
        "fixa": changed(small, ("return sum(valores)", "return 6"), ("return max(valores)", "return 3")),
        "quebra": changed(small, extra=["1 / 0"]),
        "morre": changed(small, extra=["import os\nos._exit(3)"]),
        "infinita": changed(small, extra=["import os\nos.nice(19)  # the others go first\nwhile True:\n    pass"]),
        "adultera": changed(small, ("return sum(valores)", "return 0"), ("return max(valores)", "return 0"),
                            extra=[TAMPER]),
        "copia": changed(small, extra=["import os\nos.fork()"]),
        "sai": changed(small, ("return max(valores)", "raise SystemExit"), extra=["exit()"]),
        "texto": "isto não é um notebook",
    }
    for name, text in submissions.items():
        (class_folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
    with zipfile.ZipFile(class_folder / "compactada.zip", "w") as archive:
        archive.writestr("pasta/tarefa.ipynb", submissions["perfeita"])
    (class_folder / "vazia").mkdir()
    out = folder / "notas.csv"
    command = ["grade", str(class_folder), "--autograder", str(small.autograder), "--out", str(out), "--jobs", "2",
               "--time-limit", "25"]
    assert main(command) == 0
    with out.open(encoding="utf-8", newline="") as file:
        rows = {row["estudante"]: row for row in csv.DictReader(file)}
    return SimpleNamespace(rows=rows, folder=folder, out=out, command=command, class_folder=class_folder)


EXPECTED = {
    "perfeita": (GRADED, 2, 2), "metade": (GRADED, 2, 0), "errada": (GRADED, 0, 0), "fixa": (GRADED, 1, 1),
    "quebra": (GRADED, 2, 2), "morre": (BROKEN, 0, 0), "infinita": (TIME_OUT, 0, 0), "adultera": (GRADED, 0, 0),
    "copia": (GRADED, 2, 2), "sai": (GRADED, 2, 0),
    "compactada": (GRADED, 2, 2), "texto": ("o arquivo não é um notebook válido", 0, 0)}
MISBEHAVING = {"infinita", "morre", "sai", "copia", "adultera"}


@pytest.mark.fault(AREA, "não termina, encerra o Python, copia o processo ou adultera os testes",
                   "tem os pontos que merece, e a turma também")
def test_each_submission_gets_its_points(graded, record_property):
    found = {name: (row["situacao"], float(row["q1"]), float(row["q2"])) for name, row in graded.rows.items()}
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert "0 notebooks" in graded.rows["vazia"]["situacao"] and set(found) == {*EXPECTED, "vazia"}
    assert {float(row["possivel"]) for row in graded.rows.values()} == {4.0}
    assert all(float(row["total"]) == float(row["q1"]) + float(row["q2"]) for row in graded.rows.values())
    record_property("trials", len(MISBEHAVING & set(found)))


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
    monkeypatch.setattr(Children, "run", lambda *everything: ran.append(1) or run(*everything))
    (graded.class_folder / "texto.ipynb").write_text(
        (graded.class_folder / "errada.ipynb").read_text(encoding="utf-8").replace("return 0", "return 1"), "utf-8")
    assert main(graded.command) == 0
    assert len(ran) == 1


@pytest.mark.parametrize(("seconds", "times"), [(5, 0), (10, 0), (20, 1)])
def test_more_time_is_another_chance(small, tmp_path, monkeypatch, seconds, times):
    ran = []
    monkeypatch.setattr(Children, "run", lambda *_: ran.append(1) or (TIME_OUT, b""))
    notebook = small.kit / STUDENT_FOLDER / "pequena.ipynb"
    for limit in (10, seconds):
        ran.clear()
        assert graded_or_remembered(notebook, {}, tmp_path, Children(limit, False)).status == TIME_OUT
    assert len(ran) == times


def test_an_autograder_built_again_changes_no_grade(graded, small, tmp_path, monkeypatch):
    build_assignment(tmp_path, small.kit / "pequena.ipynb")
    monkeypatch.setattr(Children, "run", lambda *_: pytest.fail("graded again"))
    assert main([str(tmp_path / AUTOGRADER_FILE) if part == str(small.autograder) else part
                 for part in graded.command]) == 0


def test_student_version_hides_solutions_and_brings_the_visible_tests(small):
    text = (small.kit / STUDENT_FOLDER / "pequena.ipynb").read_text(encoding="utf-8")
    assert "sum(valores)" not in text and "[5, 7]" not in text
    assert "test_seen" in text and "Escreva aqui" in text and "Type your answer" not in text


@pytest.mark.slow
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


@pytest.mark.fault(AREA, "a correção é interrompida", "nenhum processo fica para trás")
@pytest.mark.parametrize("sandboxed", [True, False])
def test_a_stopped_grader_leaves_no_process(isolation, sandboxed):
    children = Children(300, sandboxed)
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: pass', 'sem-fim'])"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(children.run, [code], {})
        assert wait_for(lambda: processes("sem-fim"))
        children.stop()
        assert isinstance(running.exception(30), StoppedError) and wait_for(lambda: not processes("sem-fim"))
    with pytest.raises(StoppedError):
        children.run([code], {})


def waiting_class(small, folder):
    """A right notebook that waits for a file, called bia, and the file; both in folders of their own."""
    entries, sign = folder / "entregas", folder / "sinal" / "siga"
    entries.mkdir()
    sign.parent.mkdir()
    sign.parent.chmod(0o755)  # root's submissions run as another user
    wait = f"import os, time\nwhile not os.path.exists({str(sign)!r}): time.sleep(0.05)"
    cell = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {wait!r}, 'espera-o-sinal'])"
    (entries / "bia.ipynb").write_text(changed(small, extra=[cell]), encoding="utf-8")
    return entries, sign


@pytest.mark.fault(AREA, "Ctrl+C no meio da correção", "nada do que parou é guardado; o mesmo comando dá os pontos")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to send Ctrl+C to")
@pytest.mark.parametrize("options", [[], ["--no-sandbox"]], ids=["isolated", "not isolated"])
def test_what_ctrl_c_stopped_is_graded_next_time(small, isolation, tmp_path, monkeypatch, options):
    entries, sign = waiting_class(small, tmp_path)
    monkeypatch.setattr(sandbox, "SYSTEM", (*sandbox.SYSTEM, str(sign.parent)))
    command = ["grade", str(entries), "--autograder", str(small.autograder), "--out", str(tmp_path / "n.csv"), *options]
    code = ("import sys\nfrom catsdogs.classroom import sandbox\nfrom catsdogs.cli import main\n"
            f"sandbox.SYSTEM = {sandbox.SYSTEM}\nsys.exit(main())")
    with subprocess.Popen([sys.executable, "-c", code, *command], stderr=subprocess.PIPE, encoding="utf-8",
                          env={**os.environ, "PYTHONUTF8": "1"}, start_new_session=True,
                          preexec_fn=heed_ctrl_c) as grader:
        assert wait_for(lambda: processes("espera-o-sinal"))
        os.killpg(grader.pid, signal.SIGINT)  # as a terminal does: all that was started with it gets it
        told = grader.communicate(timeout=60)[1]
    assert grader.returncode == 130 and "o mesmo comando continua" in told and "Traceback" not in told
    assert list((tmp_path / "n").iterdir()) == [] and not processes("espera-o-sinal")
    sign.touch()
    assert main(command) == 0
    assert "bia,corrigida,2,2,4,4" in (tmp_path / "n.csv").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.fault(AREA, "o disco enche enquanto outra entrega é corrigida", "ela não perde os pontos")
def test_what_an_error_elsewhere_stopped_is_graded_next_time(small, tmp_path):
    entries, sign = waiting_class(small, tmp_path)
    (entries / "ana.ipynb").write_text("isto não é um notebook", encoding="utf-8")

    def fail(line):
        raise OSError(28, "No space left on device")

    everything = entries, small.autograder, tmp_path / "n.csv", 2, 60
    with pytest.raises(OSError, match="No space"):
        grade_all(*everything, say=fail, sandboxed=False)
    assert not (tmp_path / "n" / "bia.json").exists()
    sign.touch()
    ana, bia = grade_all(*everything, say=str, sandboxed=False)
    assert (ana.total, bia.status, bia.total) == (0, GRADED, 4)


def processes(mark):
    """Processes of this machine with ``mark`` as an argument; what has died and waits for its parent has none."""
    import psutil

    return [process.pid for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or [])]


def wait_for(condition, seconds=60):
    """Whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not condition():
        time.sleep(0.2)
    return condition()


@pytest.mark.parametrize(("arrange", "words"), [
    (lambda folder, kit: [folder / "nada", kit.autograder], "Não encontrei a pasta"),
    (lambda folder, kit: [folder, kit.autograder], "Não há entregas"),
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


# A solution as students began to write it: their notebooks are graded with the newest package.
FROZEN = Path(__file__).resolve().parents[1] / "frozen" / "tarefa.ipynb"


def sources(path):
    """What the cells of a notebook say."""
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def grade_the_real_assignment(folder):
    """Its solutions, old and new, and its student version, in ``entregas``; the assignment itself is in ``kit``."""
    kit = folder / "kit"
    assert main(["assignment", str(kit)]) == 0
    (folder / "entregas").mkdir()
    (folder / "entregas" / "solucao.ipynb").write_bytes((kit / SOLUTION_FOLDER / NAME).read_bytes())
    (folder / "entregas" / "em-branco.ipynb").write_bytes((kit / STUDENT_FOLDER / NAME).read_bytes())
    if sources(FROZEN) != sources(kit / SOLUTION_FOLDER / NAME):
        (folder / "entregas" / "solucao-antiga.ipynb").write_bytes(FROZEN.read_bytes())
    assert main(["grade", str(folder / "entregas"), "--autograder", str(kit / AUTOGRADER_FILE),
                 "--out", str(folder / "notas.csv")]) == 0


def test_the_real_assignment_gives_its_own_solution_every_point(isolation):
    models = Path(__file__).resolve().parents[2] / "models"
    if not (models / "bundle.npz").exists():
        missing("The activations that ship with the repository are not here.")
    folder = kept("real_assignment", grade_the_real_assignment,
                  "".join(map(content_of, (models, SOURCE.parent, FROZEN.parent))))
    with (folder / "notas.csv").open(encoding="utf-8", newline="") as file:
        blank, *solutions = csv.DictReader(file)
    possible = possible_points(read_tests(folder / "kit" / AUTOGRADER_FILE))
    assert blank["situacao"] == GRADED and float(blank["total"]) == 0
    for solution in solutions:
        assert solution["situacao"] == GRADED
        assert {name: float(solution[name]) for name in possible} == possible
    assert solutions


ATTACKS = (Path(__file__).resolve().parents[1] / "attacks.py").read_text(encoding="utf-8")
READING = ("other_submission", "autograder", "solution", "kept_grade", "home", "environment", "tests_on_disk",
           "tests_in_memory", "other_processes")
MEDDLING = ("write", "create", "last_to_go", "more_rights", "loopback", "public_address", "names", "socket_file",
            "abstract_socket", "outlive")
FILLING = ("memory", "large_file", "disk", "output", "processes")
# What reaches something wherever there is no sandbox: so the attacks above do attack.
SURE = ("other_submission", "autograder", "solution", "kept_grade", "home", "other_processes", "write", "loopback",
        "socket_file", "abstract_socket")


def notebook(*cells):
    """A submission of these cells, with a sign of the assignment."""
    return nbformat.writes(nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(cell) for cell in (*cells, 'grader.check("q")')]))


def hidden_tests(expressions):
    """A test file for each question → expression, which must be true and is a secret."""
    return {f"{name}.py": f"""from otter.test_files import test_case

OK_FORMAT = False
name = {name!r}
points = None

@test_case(points=1, hidden=True)
def test_hidden(env):
    "SECRET-hidden"
    assert eval({expression!r}, env)
""" for name, expression in expressions.items()}


def write_autograder(path, questions):
    """An autograder with one question for each attack: it reached nothing."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in hidden_tests({name: f"found[{name!r}] == ''" for name in questions}).items():
            archive.writestr(f"tests/{name}", text)


class Place:
    """A teacher's machine: submissions, an autograder, a solution, kept grades, private files, and what listens."""

    def __init__(self, folder, questions):
        for name in ("entregas", "notas", "casa"):
            (folder / name).mkdir()
        self.folder, self.entries, self.out = folder, folder / "entregas", folder / "notas.csv"
        self.autograder = folder / "autograder.zip"
        write_autograder(self.autograder, questions)
        self.kept = {
            "entry": self.entries / "zelia.ipynb", "solution": folder / "solucao.ipynb",
            "grade": folder / "notas" / "ana.json", "csv": self.out, "private": folder / "casa" / "private.txt"}
        for path in self.kept.values():
            path.write_text(notebook("achados = 'SECRET-of-another'"), encoding="utf-8")
        self.server = socket.create_server(("127.0.0.1", 0))
        self.sockets = [self.server]
        for address in (str(folder / "s"), "\0" + str(folder / "s")):
            self.sockets.append(socket.socket(socket.AF_UNIX))
            self.sockets[-1].bind(address)
            self.sockets[-1].listen()
        self.target = {name: str(path) for name, path in self.kept.items()} | {
            "autograder": str(self.autograder), "home": str(folder / "casa"), "socket": str(folder / "s"),
            "port": self.server.getsockname()[1], "processes": MAX_GRADING_PROCESSES}

    def submit(self, student, names):
        """A submission that makes these attacks."""
        others = [*READING, *MEDDLING, *FILLING]
        attempts = f"found = dict.fromkeys({others}, '') | attempt({names!r}, {self.target!r})"
        (self.entries / f"{student}.ipynb").write_text(notebook(ATTACKS, attempts), encoding="utf-8")

    def grade(self, *options):
        """Rows of the CSV by student."""
        command = ["grade", str(self.entries), "--autograder", str(self.autograder), "--out", str(self.out),
                   "--time-limit", "120", *options]
        assert main(command) == 0
        with self.out.open(encoding="utf-8", newline="") as file:
            return {row["estudante"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def attacked(isolation, tmp_path_factory):
    """The rows of submissions that attack, and the place they attacked."""
    place = Place(tmp_path_factory.mktemp("ataques"), [*READING, *MEDDLING, *FILLING])
    for student, names in (("espia", READING), ("mexe", MEDDLING), ("enche", FILLING)):
        place.submit(student, names)
    before = {path: path.read_bytes() for path in (*place.kept.values(), place.autograder) if path != place.out}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(place.folder / "casa"))
        patch.setenv("CATSDOGS_TOKEN", "SECRET-environment")
        patch.setattr(sandbox, "MAX_GRADING_DISK_BYTES", 64 * 2**20)
        patch.setattr(sandbox, "MAX_GRADING_SHARED_BYTES", 64 * 2**20)
        place.rows = place.grade("--jobs", "2")
    place.changed = [path for path, content in before.items() if path.read_bytes() != content]
    yield place
    for each in place.sockets:
        each.close()


def reached_by(row, names):
    """The attacks of a submission that reached something."""
    assert row["situacao"] == GRADED
    return [name for name in names if float(row[name]) == 0]


@pytest.mark.fault(AREA, "tenta ler entregas, notas, soluções, testes, arquivos e variáveis", "não encontra nada")
def test_a_submission_reads_nothing_that_is_not_its_own(attacked):
    assert reached_by(attacked.rows["espia"], READING) == []


@pytest.mark.fault(AREA, "tenta mudar arquivos, ganhar privilégios e usar a rede", "não muda nem alcança nada")
def test_a_submission_changes_nothing_and_has_no_network(attacked):
    assert reached_by(attacked.rows["mexe"], MEDDLING) == []
    assert attacked.changed == []
    for each in attacked.sockets:
        each.settimeout(0)
        with pytest.raises(BlockingIOError):  # nobody is waiting
            each.accept()


@pytest.mark.fault(AREA, "deixa um processo em segundo plano", "ele termina com a entrega")
def test_nothing_outlives_a_submission(attacked):
    assert attacked.rows["mexe"]["situacao"] == GRADED
    assert wait_for(lambda: not processes("outlives"), 10)


@pytest.mark.fault(AREA, "gasta memória, disco, saída e processos", "para no limite")
def test_a_submission_cannot_fill_the_machine(attacked):
    assert reached_by(attacked.rows["enche"], FILLING) == []


def test_without_the_sandbox_the_same_attacks_reach_much(isolation, tmp_path):
    place = Place(tmp_path, SURE)
    place.submit("espia", SURE)
    row = place.grade("--no-sandbox")["espia"]
    for each in place.sockets:
        each.close()
    assert reached_by(row, SURE) == list(SURE)


@pytest.mark.fault(AREA, "multiplica processos sem parar", "é encerrada, e nada fica")
def test_a_fork_bomb_ends_with_its_time(isolation):
    cell = f"os.execv(sys.executable, [sys.executable, '-c', {ATTACKS + 'fork_bomb()'!r}, 'bomb'])"
    came = []
    thread = threading.Thread(target=lambda: came.append(Children(10).run([ATTACKS, cell], {})))
    thread.start()
    assert wait_for(lambda: len(processes("bomb")) > 1, 60)
    thread.join(300)
    assert came in ([(TIME_OUT, b"")], [(BROKEN, b"")])  # more processes than allowed are a reason of their own
    assert wait_for(lambda: not processes("bomb"), 60)


@pytest.mark.fault(AREA, "junta memória que nenhum limite de processo conta", "é encerrada")
def test_memory_of_all_processes_is_limited(isolation, monkeypatch):
    monkeypatch.setattr("catsdogs.classroom.processes.MAX_GRADING_MEMORY_BYTES", 2**30)
    started = time.monotonic()
    assert Children(300).run([ATTACKS, "shared_memory()"], {}) == (BROKEN, b"")
    assert time.monotonic() - started < 120


REPORTS = {
    "nothing": "{}", "no JSON": "ok", "points": '{"q": 1e9}', "NaN": '{"q": [NaN]}', "a number": '{"q": [1]}',
    "too many": '{"q": [true, true]}', "another question": '{"q": [true], "r": [true]}', "a list": "[true]",
    "words": '{"q": ["<script>"]}', "deep": "[" * 10**4 + "]" * 10**4}


@pytest.mark.fault(AREA, "inventa um resultado", "é recusado")
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_what_is_no_report_gives_no_points(tmp_path, report):
    write_autograder(tmp_path / "a.zip", ["q"])
    with pytest.raises((ValueError, RecursionError)):
        judged(report.encode(), read_tests(tmp_path / "a.zip"))


@pytest.mark.fault(AREA, "escreve um resultado por todos os canais", "não ganha pontos")
def test_a_forged_report_of_points_is_refused(isolation, tmp_path):
    place = Place(tmp_path, ["q"])
    for student, report in (("forja", '{"q": 1e9}'), ("cospe", "x" * 2 * MAX_GRADING_REPORT_BYTES)):
        (place.entries / f"{student}.ipynb").write_text(notebook(ATTACKS, f"forge({report!r})"), encoding="utf-8")
    rows = place.grade()
    for each in place.sockets:
        each.close()
    assert {student: (row["situacao"], float(row["total"])) for student, row in rows.items()} == {
        "forja": (BROKEN, 0), "cospe": (BROKEN, 0), "zelia": (GRADED, 0)}


@pytest.mark.fault(AREA, "imprime um resultado falso", "ele se perde")
def test_printed_results_are_not_taken_for_the_report(isolation, tmp_path):
    write_autograder(tmp_path / "a.zip", ["q"])
    tests = read_tests(tmp_path / "a.zip")
    cells = ["import subprocess, sys", "print('\\n{\"q\": [true]}', flush=True)",
             "subprocess.run([sys.executable, '-c', 'print(chr(10) + chr(123) + chr(125))'])"]
    assert Children(60).run(cells, tests) == (GRADED, b'{"q": [false]}\n')


# What is read before anything runs

def grade_without_running(small, folder, monkeypatch):
    """Grade ``folder / "entregas"`` as if each notebook that can be read passed everything: rows by student."""
    monkeypatch.setattr(Children, "run", lambda *_: (GRADED, b'{"q1": [true, true], "q2": [true, true]}'))
    for _ in range(2):  # the second time from what was kept
        assert main(["grade", str(folder / "entregas"), "--autograder", str(small.autograder), "--no-sandbox", "--out",
                     str(folder / "n.csv")]) == 0
    with (folder / "n.csv").open(encoding="utf-8", newline="") as file:
        return {row["estudante"]: row for row in csv.DictReader(file)}


LINKS = {
    "arquivo.ipynb": "solucao.ipynb", "sistema.ipynb": "/etc/passwd", "pasta": "outra", "zip.zip": "outra.zip",
    "perdido.ipynb": "nada.ipynb", "voltas.ipynb": "entregas/voltas.ipynb"}
INNER_LINKS = {"dentro/tarefa.ipynb": "solucao.ipynb", "fundo/pasta": "outra"}


@pytest.mark.fault(AREA, "é um link simbólico, ou traz um, para o notebook de outro", "o link não é seguido")
@pytest.mark.skipif(os.name == "nt", reason="Windows makes no links without permission")
def test_a_link_is_not_followed(small, tmp_path, monkeypatch, record_property):
    for name in ("entregas/dentro", "entregas/fundo", "outra"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("solucao.ipynb", "outra/tarefa.ipynb", "entregas/certa.ipynb"):
        (tmp_path / name).write_text(changed(small), encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "outra.zip", "w") as archive:
        archive.write(tmp_path / "solucao.ipynb", "tarefa.ipynb")
    for name, target in {**LINKS, **INNER_LINKS}.items():
        (tmp_path / "entregas" / name).symlink_to(tmp_path / target)
    rows = grade_without_running(small, tmp_path, monkeypatch)
    assert {name: float(row["total"]) for name, row in rows.items()} == {
        **{Path(name).parts[0].partition(".")[0]: 0.0 for name in (*LINKS, *INNER_LINKS)}, "certa": 4.0}
    for name in LINKS:
        assert assert_sentence(rows[Path(name).stem]["situacao"]).startswith(f"{name} é um link simbólico")
    assert "0 notebooks" in rows["dentro"]["situacao"] and "0 notebooks" in rows["fundo"]["situacao"]
    record_property("trials", len(LINKS) + len(INNER_LINKS))


@pytest.mark.fault(AREA, "é um zip com um bit trocado", "o mesmo notebook, ou uma frase")
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_changed_bit_of_a_zip_is_noticed(tmp_path, compression, record_property):
    original, content = io.BytesIO(), notebook("x = 1").encode()
    with zipfile.ZipFile(original, "w", compression) as archive:
        archive.writestr("tarefa.ipynb", content)
    path, whole = tmp_path / "ana.zip", original.getvalue()
    bits = range(0, 8 * len(whole), 1 if FULL else 67)
    for bit in bits:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            assert notebook_bytes(path) == content, bit
        except CatsdogsError as error:
            assert "ana.zip" in assert_sentence(error)
    record_property("trials", len(bits))


@pytest.mark.fault(AREA, "é um zip que se abre em muito mais do que diz", "não é aberto além do que diz")
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
                         ids=["deflated", "bzip2", "lzma"])
def test_a_zip_is_unpacked_no_further_than_it_claims(tmp_path, refused, compression):
    size, bomb = 20_000_000, io.BytesIO()
    with zipfile.ZipFile(bomb, "w", compression) as archive:
        archive.writestr("tarefa.ipynb", bytes(size))
    (tmp_path / "ana.zip").write_bytes(bomb.getvalue().replace(size.to_bytes(4, "little"), b"\0\1\0\0"))
    tracemalloc.start()
    try:
        assert "não abre" in refused(notebook_bytes, tmp_path / "ana.zip")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


# File name → the student's name in the CSV.
NAMES = {
    "jos\udce9.ipynb": "jos\\udce9", "\x1b[31mana\x1b[2J.ipynb": "\\x1b[31mana\\x1b[2J", "duas\nlinhas.ipynb": None,
    "direita\u202eadreuqse.ipynb": None, "=1+1.ipynb": "'=1+1", "@soma.ipynb": "'@soma", "+1.ipynb": "'+1",
    "-1.ipynb": "'-1", "ana;=1+1.ipynb": "ana;'=1+1", "a" * 249 + ".ipynb": "a" * 249, "é" * 124 + ".ipynb": "é" * 124,
    "\x1b" * 249 + ".ipynb": "\\x1b" * 249, "<img src=x onerror=alert(1)>.ipynb": "<img src=x onerror=alert(1)>",
    "maria josé 😺.ipynb": "maria josé 😺"}


@pytest.mark.fault(AREA, "tem um nome que comanda o terminal, a planilha ou a página, comprido demais ou sem sentido",
                   "o nome aparece inofensivo, e a entrega é corrigida")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("valid", [True, False], ids=["a notebook", "no notebook"])
def test_any_name_is_graded_and_shown_harmlessly(small, tmp_path, monkeypatch, capsys, record_property, valid):
    names = {name if valid else name.replace(".ipynb", ".zip"): shown or printable(Path(name).stem)
             for name, shown in NAMES.items()}
    (tmp_path / "entregas").mkdir()
    for name in names:
        (tmp_path / "entregas" / name).write_text(changed(small) if valid else "isto não é um zip", encoding="utf-8")
    rows = grade_without_running(small, tmp_path, monkeypatch)
    assert rows.keys() == set(names.values())
    assert {float(row["total"]) for row in rows.values()} == {4.0 if valid else 0.0}
    assert not valid or {row["situacao"] for row in rows.values()} == {GRADED}
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "n").glob("*.md")]
    told = capsys.readouterr()
    shown = [told.out, told.err, (tmp_path / "n.csv").read_text(encoding="utf-8"), *pages]
    assert len(pages) == len(names) and all("".join(text.splitlines()).isprintable() for text in shown)
    assert not any("<img" in page for page in pages)
    assert not any(row["situacao"].startswith(("=", "+", "-", "@")) or ";=" in row["situacao"] for row in rows.values())
    record_property("trials", len(names))


@pytest.mark.parametrize(("text", "shown"), [
    ("=1+1", "'=1+1"), (" =1+1", " '=1+1"), ("a;=1+1", "a;'=1+1"), ("a, @b", "a, '@b"), ("--", "'--"),
    ("a=b", "a=b"), ("ana-maria; e rui", "ana-maria; e rui"), ("", "")])
def test_no_formula(text, shown):
    assert no_formula(text) == shown


DAMAGED = {
    "pares.ipynb": None,  # a right notebook whose answer holds half a character and commands for the terminal
    "vazio.ipynb": b"", "vazio2.zip": b"", "bytes.ipynb": b"\xff\xfe\x00", "lista.ipynb": b"[]", "nulo.ipynb": b"null",
    "sem-celulas.ipynb": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    "celulas.ipynb": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": "x"}',
    "antigo.ipynb": b'{"nbformat": 3, "nbformat_minor": 0, "metadata": [], "worksheets": [[]]}',
    "futuro.ipynb": b'{"nbformat": 1e999, "nbformat_minor": {}, "cells": []}',
    "cortado.zip": b"PK\x03\x04\x14"}


@pytest.mark.fault(AREA, "é um arquivo vazio, cortado, de outro tipo ou com texto impossível",
                   "uma linha para cada um; os outros seguem")
def test_each_damaged_submission_has_its_row_and_the_others_go_on(small, tmp_path, monkeypatch, record_property):
    (tmp_path / "entregas").mkdir()
    impossible = changed(small).replace("E conferi.", r"E\tconferi: \ud800\u001b[31m 😺").encode()
    for name, content in DAMAGED.items():
        (tmp_path / "entregas" / name).write_bytes(impossible if content is None else content)
    (tmp_path / "entregas" / "zelia.ipynb").write_text(changed(small), encoding="utf-8")
    rows = grade_without_running(small, tmp_path, monkeypatch)
    assert {name for name, row in rows.items() if row["situacao"] == GRADED} == {"pares", "zelia"}
    assert len(rows) == len(DAMAGED) + 1
    assert {row["situacao"] for name, row in rows.items() if row["situacao"] != GRADED and "não abre" not in
            row["situacao"]} == {"o arquivo não é um notebook válido"}
    page = (tmp_path / "n" / "pares.md").read_text(encoding="utf-8")
    assert "E\tconferi: \\ud800\\x1b[31m 😺" in page
    record_property("trials", len(DAMAGED))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_a_pipe_is_no_notebook(tmp_path, refused):
    for name in ("ana.ipynb", "ana.zip"):
        os.mkfifo(tmp_path / name)
        assert "0 notebooks" in refused(notebook_bytes, tmp_path / name)


@pytest.mark.fault(AREA, "traz um notebook aninhado demais", "não é lido")
def test_a_notebook_too_deep_to_read_is_no_notebook(small, tmp_path, monkeypatch):
    (tmp_path / "entregas").mkdir()
    (tmp_path / "entregas" / "ana.ipynb").write_text('{"cells":' + "[" * 10**5 + "]" * 10**5 + "}")
    rows = grade_without_running(small, tmp_path, monkeypatch)
    assert rows["ana"]["situacao"] == "o arquivo não é um notebook válido"


def test_cells_run_as_in_a_notebook(isolation):
    questions = {"a": "x == 3", "b": "oi == ['oi']", "c": "awaited == 1", "d": "grader.check('q') is None",
                 "e": "shown == 4", "f": "captured.stdout == 'dito\\n'"}
    tests = hidden_tests(questions)
    cells = ["1 / 0", "%matplotlib inline\nx = 3", "oi = !echo oi",
             "import asyncio\nawait asyncio.sleep(0)\nawaited = 1", "x + 1",
             "shown = _", "%%capture captured\nprint('dito')", "exit()"]
    status, report = Children(60).run(cells, tests)
    assert status == GRADED and json.loads(report) == {name: [True] for name in questions}


def test_only_cells_that_count_are_run():
    cells = [nbformat.v4.new_code_cell("a = 1"),
             nbformat.v4.new_code_cell("b = 1", metadata={"tags": ["otter_ignore"]}),
             nbformat.v4.new_code_cell(' grader.check("q1")'), nbformat.v4.new_markdown_cell("c"),
             nbformat.v4.new_markdown_cell("d", metadata={"tags": ["otter_answer_cell"]})]
    content = nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()
    assert read_cells(content) == (["a = 1"], ("d",), True)


@pytest.mark.parametrize("change", [
    {"id": "a1"}, {"outputs": None, "execution_count": None}, {"metadata": {"tags": None}}, {"metadata": {}},
    {"source": ["a = ", "1"]}], ids=str)
def test_what_programs_write_otherwise_does_not_matter(change):
    cell = {"cell_type": "code", "metadata": {}, "source": "a = 1", "outputs": [], "execution_count": None, **change}
    if change.get("outputs", 0) is None:
        del cell["outputs"], cell["execution_count"]
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    assert read_cells(json.dumps(notebook).encode()) == (["a = 1"], (), False)


@pytest.mark.parametrize("beside", ["tarefa/.ipynb_checkpoints/tarefa-checkpoint.ipynb", "tarefa/._tarefa.ipynb",
                                    "__MACOSX/tarefa/._tarefa.ipynb"])
@pytest.mark.parametrize("name", ["tarefa/tarefa.ipynb", "tarefa/TAREFA.IPYNB"])
def test_a_zip_and_a_folder_are_looked_at_alike(tmp_path, name, beside):
    for each, content in ((name, b"the right one"), (beside, b"another")):
        (tmp_path / "ana" / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ana" / each).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "ana.zip", "w") as archive:
        for each in (name, beside):
            archive.write(tmp_path / "ana" / each, each)
    assert notebook_bytes(tmp_path / "ana") == notebook_bytes(tmp_path / "ana.zip") == b"the right one"


def test_a_class_is_what_students_sent_and_nothing_else(small, tmp_path):
    folder = tmp_path / "turma"
    folder.mkdir()
    shutil.copy(small.autograder, folder)
    (folder / "ana.ipynb").write_text(changed(small), encoding="utf-8")
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("dados = 'de outro curso'")])
    nbformat.write(other, folder / "bia.ipynb")
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        (folder / name).write_bytes(b"x")
    for _ in range(2):  # the second time, what the first one wrote is there
        ana, bia = grade_all(folder, folder / small.autograder.name, folder / "notas.csv", 2, 60, str, sandboxed=False)
        assert (ana.student, ana.status, ana.total) == ("ana", GRADED, 4)
        assert (bia.student, bia.total) == ("bia", 0) and "desta tarefa" in bia.status

    with zipfile.ZipFile(tmp_path / "todas.zip", "w") as archive:
        for name in ("ana", "bia"):
            archive.write(folder / f"{name}.ipynb", f"Turma A/{name}_123_file/{name}.ipynb")
    grades = grade_all(tmp_path / "todas.zip", small.autograder, tmp_path / "n.csv", 2, 60, str, sandboxed=False)
    assert [(grade.student, grade.total) for grade in grades] == [("ana_123_file", 4), ("bia_123_file", 0)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows runs no shell scripts")
@pytest.mark.parametrize(("program", "words"), [(None, "apt install bubblewrap"), ("#!/bin/sh\nexit 1\n", "Ubuntu")],
                         ids=["no bubblewrap", "no namespaces"])
def test_without_isolation_nothing_is_graded(tmp_path, monkeypatch, refused, program, words):
    (tmp_path / "bin").mkdir()
    if program:
        (tmp_path / "bin" / "bwrap").write_text(program)
        (tmp_path / "bin" / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "platform", "linux")
    sentence = refused(sandbox.require_sandbox)
    assert words in sentence and "--no-sandbox" in sentence


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap runs on Linux")
def test_what_lies_among_the_visible_files_is_hidden(isolation, monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "SYSTEM", (*sandbox.SYSTEM, str(tmp_path)))
    (tmp_path / "entregas").mkdir()
    for path in (tmp_path / "entregas" / "ana.ipynb", tmp_path / "autograder.zip", tmp_path / "outro.txt"):
        path.write_text("conteúdo")
    tmp_path.chmod(0o755)  # root's submissions run as another user
    code = f"import os\nseen = sorted(name for _, _, names in os.walk({str(tmp_path)!r}) for name in names)\n" \
           f"size = os.path.getsize({str(tmp_path / 'autograder.zip')!r})"
    tests = hidden_tests({"q": "(seen, size) == (['autograder.zip', 'outro.txt'], 0)"})
    children = Children(60, hidden=(tmp_path / "entregas", tmp_path / "autograder.zip"))
    assert children.run([code], tests) == (GRADED, b'{"q": [true]}\n')
