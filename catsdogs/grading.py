"""Grade a folder of submissions with otter-grader: each in a process of its own, with a time limit and no network.

Student code runs with the rights of whoever grades: the limits here stop accidents, not attacks. Grade on a machine,
or in a container, that can be thrown away.
"""

import csv
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat

from catsdogs import plots
from catsdogs.assignment import require_otter
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path, read_json, write_json
from catsdogs.text import markdown_table, number

GRADED, TIME_OUT, BROKEN = "corrigida", "tempo esgotado", "não terminou"
MAX_NOTEBOOK_BYTES = 50 * 2**20
# What a child process inherits; nothing else of the grader's environment is for students' eyes.
INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV", "PYTHONPATH")
DEAD_PROXY = "http://127.0.0.1:9"
# Python runs a module of this name at its start. The notebook's kernel talks over the loopback address.
NO_NETWORK = '''
import socket
_connect = socket.socket.connect

def connect(self, address):
    if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "localhost", "::1")):
        raise OSError("a correção não tem rede")
    return _connect(self, address)

socket.socket.connect = connect
'''


@dataclass(frozen=True)
class Grade:
    """What came of one submission.

    Attributes:
        student: the submission's file or folder name, without extension.
        status: ``GRADED``, ``TIME_OUT``, ``BROKEN``, or a Portuguese sentence on why it could not be graded.
        questions: question → ``{"points": …, "messages": […], "hidden": …}``, as ``grade_one.question``.
        answers: the written answers, in the notebook's order.
    """

    student: str
    status: str
    questions: dict[str, dict] = field(default_factory=dict)
    answers: tuple[str, ...] = ()

    def points(self, question: str) -> float:
        """Points of one question; 0 where grading did not reach it."""
        return self.questions.get(question, {}).get("points", 0)

    @property
    def total(self) -> float:
        """Points of all automatic questions."""
        return sum(found["points"] for found in self.questions.values())


def grade_all(folder: Path, autograder: Path, out: Path, jobs: int, time_limit: float,
              say: Callable[[str], None] = print) -> list[Grade]:
    """Grade every submission in ``folder``: notebooks, zips with one, and folders with one.

    Each result is kept as soon as it is there, beside ``out`` in a folder of the same name, together with a feedback
    page; a submission that has not changed since is not graded again.

    Args:
        autograder: what ``assignment.build_assignment`` made.
        out: CSV file with one line per student; a chart is written beside it.
        jobs: submissions graded at the same time.
        time_limit: seconds for each submission.

    Raises:
        CatsdogsError: nothing to grade, no autograder, or no otter-grader.
    """
    require_otter()
    if not autograder.is_file():
        raise CatsdogsError(f"Não encontrei {autograder}: gere-o com `make assignment`, ou com `catsdogs assignment`, e "
                            "indique-o em --autograder.")
    if not folder.is_dir():
        raise CatsdogsError(f"Não encontrei a pasta {folder}: indique a que tem as entregas dos estudantes.")
    submissions = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not submissions:
        raise CatsdogsError(f"A pasta {folder} está vazia: ponha nela um notebook por estudante.")
    names = [student_name(path) for path in submissions]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise CatsdogsError(f"Há mais de uma entrega de {repeated[0]} em {folder}: deixe só a que vale.")
    tests = read_tests(autograder)
    possible = possible_points(tests)
    pages = out.with_suffix("")
    pages.mkdir(parents=True, exist_ok=True)
    children = Children(time_limit)

    def one(submission: Path) -> Grade:
        grade = graded_or_remembered(submission, autograder, tests, pages, children)
        with atomic_path(pages / f"{grade.student}.md") as temporary:
            temporary.write_text(feedback(grade, possible), encoding="utf-8")
        say(f"{grade.student}: {grade.status}, {number(grade.total, 1)} de {number(sum(possible.values()), 1)}")
        return grade

    with ThreadPoolExecutor(jobs) as pool:
        try:
            grades = list(pool.map(one, submissions))
        except BaseException:
            children.stop()
            pool.shutdown(cancel_futures=True)
            raise
    write_csv(grades, possible, out)
    figure = plots.grades([grade.total for grade in grades], possible,
                          {name: [grade.points(name) for grade in grades] for name in possible})
    with atomic_path(out.with_suffix(".png")) as temporary:
        figure.savefig(temporary, dpi=plots.DPI)
    return grades


def student_name(submission: Path) -> str:
    """How a submission is called: its file's name without extension, or its folder's."""
    return submission.name if submission.is_dir() else submission.stem


def read_tests(autograder: Path) -> dict[str, bytes]:
    """Name → content of the test files.

    Raises:
        CatsdogsError: the file is no autograder.
    """
    try:
        with zipfile.ZipFile(autograder) as archive:
            tests = {Path(name).name: archive.read(name) for name in sorted(archive.namelist())
                     if name.startswith("tests/") and name.endswith(".py")}
    except (zipfile.BadZipFile, OSError) as error:
        raise CatsdogsError(f"{autograder} não é um autograder: gere-o com `catsdogs assignment`.") from error
    if not tests:
        raise CatsdogsError(f"{autograder} não tem testes: gere-o com `catsdogs assignment`.")
    return tests


def write_tests(tests: dict[str, bytes], folder: Path) -> None:
    """The test files, in a new folder."""
    folder.mkdir()
    for name, content in tests.items():
        (folder / name).write_bytes(content)


def possible_points(tests: dict[str, bytes]) -> dict[str, float]:
    """Question → its points."""
    from otter.test_files.exception_test import ExceptionTestFile

    with tempfile.TemporaryDirectory() as scratch:
        write_tests(tests, Path(scratch, "tests"))
        files = [ExceptionTestFile.from_file(str(Path(scratch, "tests", name))) for name in tests]
    return {file.name: sum(case.points for case in file.test_cases) for file in files}


def graded_or_remembered(submission: Path, autograder: Path, tests: dict[str, bytes], pages: Path,
                         children: "Children") -> Grade:
    """The grade kept in ``pages`` when neither the notebook nor the tests changed, else a new one, which is kept."""
    student = student_name(submission)
    try:
        content = notebook_bytes(submission)
    except CatsdogsError as error:
        return Grade(student, str(error))
    key = hashlib.sha256(content + b"".join(tests.values())).hexdigest()
    kept = pages / f"{student}.json"
    try:
        remembered = read_json(kept)
        if remembered["key"] == key:
            return Grade(**{**remembered["grade"], "answers": tuple(remembered["grade"]["answers"])})
    except (OSError, ValueError, KeyError, TypeError):
        pass
    grade = grade_notebook(student, content, autograder, tests, children)
    write_json(kept, {"key": key, "grade": asdict(grade)})
    return grade


def notebook_bytes(submission: Path) -> bytes:
    """The one notebook of a submission: the file itself, or the only one inside a folder or zip.

    Raises:
        CatsdogsError: there is none, or more than one, or it is too large.
    """
    try:
        if submission.is_dir():
            found = [path for path in submission.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts]
            return _only(found, submission, lambda path: path.stat().st_size).read_bytes()
        if submission.suffix.lower() == ".zip":
            with zipfile.ZipFile(submission) as archive:
                found = [info for info in archive.infolist() if info.filename.endswith(".ipynb")
                         and not info.filename.startswith("__MACOSX")]
                return archive.read(_only(found, submission, lambda info: info.file_size))
        found = [submission] if submission.suffix.lower() == ".ipynb" else []
        return _only(found, submission, lambda path: path.stat().st_size).read_bytes()
    except (zipfile.BadZipFile, RuntimeError, OSError) as error:
        raise CatsdogsError(f"{submission.name} não abre: peça ao estudante que envie de novo.") from error


def _only(found: list, submission: Path, size: Callable):
    if len(found) != 1:
        raise CatsdogsError(f"{submission.name} tem {len(found)} notebooks, e deveria ter um: peça ao estudante que "
                            "envie só o da tarefa.")
    if size(found[0]) > MAX_NOTEBOOK_BYTES:
        raise CatsdogsError(f"O notebook de {submission.name} tem mais de {MAX_NOTEBOOK_BYTES // 2**20} MiB: peça ao "
                            "estudante que o envie sem as saídas.")
    return found[0]


def grade_notebook(student: str, content: bytes, autograder: Path, tests: dict[str, bytes],
                   children: "Children") -> Grade:
    """Grade one notebook's content in a folder that disappears afterwards."""
    with tempfile.TemporaryDirectory(prefix="catsdogs-") as scratch:
        work = Path(scratch)
        try:
            notebook = prepared(content, work / "pristine")
        except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError):
            return Grade(student, "o arquivo não é um notebook válido")
        write_tests(tests, work / "pristine")
        (work / "tarefa.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
        status = children.run(work, autograder.resolve())
        answers = tuple(cell.source for cell in notebook.cells
                        if cell.cell_type == "markdown" and "otter_answer_cell" in cell.metadata.get("tags", []))
        return Grade(student, status, read_json(work / "result.json") if status == GRADED else {}, answers)


def prepared(content: bytes, pristine: Path) -> nbformat.NotebookNode:
    """A copy of the notebook whose tests are all run at its end, from the files in ``pristine``.

    Whatever the student's code did to the test files is undone before they are read.
    """
    notebook = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
    nbformat.validate(notebook)
    restore = f"import shutil\nshutil.copytree({str(pristine)!r}, 'tests', dirs_exist_ok=True)"
    notebook.cells = [cell for cell in notebook.cells if not cell.source.strip().startswith("grader.check")]
    notebook.cells.append(nbformat.v4.new_code_cell(restore))
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return notebook


class Children:
    """The processes that grade, so that all of them can be stopped."""

    def __init__(self, time_limit: float):
        """Give each process ``time_limit`` seconds."""
        self.time_limit = time_limit
        self._running: set[subprocess.Popen] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def run(self, work: Path, autograder: Path) -> str:
        """Grade ``work/tarefa.ipynb`` into ``work/result.json``; the status."""
        command = [sys.executable, "-m", "catsdogs.grade_one", str(work / "tarefa.ipynb"), str(autograder),
                   str(work / "result.json")]
        with self._lock:
            if self._stopped:
                return BROKEN
            process = subprocess.Popen(command, cwd=work, env=child_environment(work), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self._running.add(process)
        try:
            process.wait(self.time_limit)
        except subprocess.TimeoutExpired:
            return TIME_OUT
        finally:
            kill_tree(process)
            self._running.discard(process)
        return GRADED if process.returncode == 0 and (work / "result.json").is_file() else BROKEN

    def stop(self) -> None:
        """Kill what runs and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in list(self._running):
                kill_tree(process)


def kill_tree(process: subprocess.Popen) -> None:
    """Kill a process and all that it started: a kernel lives in a group of its own."""
    import psutil

    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


def child_environment(work: Path) -> dict[str, str]:
    """Variables of a grading process: everything it writes goes below ``work``, and no network."""
    (work / "start").mkdir()
    (work / "start" / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    folders = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR", "IPYTHONDIR", "KERAS_HOME",
                             "CATSDOGS_CACHE", "CATSDOGS_MODELS"), str(work))
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), DEAD_PROXY)
    path = os.pathsep.join(filter(None, [str(work / "start"), kept.get("PYTHONPATH")]))
    return {**kept, **folders, **proxies, "PYTHONPATH": path, "CATSDOGS_GRADING": "1", "CATSDOGS_QUICK": "1"}


def feedback(grade: Grade, possible: dict[str, float]) -> str:
    """The page for one student: points, what the visible tests say, and the written answers for a person to grade."""
    rows = [[name, number(grade.points(name), 1), number(points, 1)] for name, points in possible.items()]
    total = ["total", number(grade.total, 1), number(sum(possible.values()), 1)]
    lines = [f"# {grade.student}", "", f"Situação: {grade.status}.", "",
             markdown_table(["Questão", "Pontos", "De"], [*rows, total])]
    for name in possible:
        found = grade.questions.get(name, {"messages": [], "hidden": 0})
        hidden = [f"{found['hidden']} conferência(s) com outros dados não passou(aram)."] if found["hidden"] else []
        if told := [*found["messages"], *hidden]:
            lines += ["", f"## {name}", "", *(f"- {message}" for message in told)]
    if grade.answers:
        lines += ["", "## Respostas escritas", "", "Uma pessoa as corrige pela rubrica da tarefa."]
        for answer in grade.answers:
            lines += ["", *(f"> {line}" for line in answer.splitlines()), "", "Pontos: ____"]
    return "\n".join(lines) + "\n"


def write_csv(grades: list[Grade], possible: dict[str, float], out: Path) -> None:
    """One line per student, points of each question and in all."""
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["estudante", "situacao", *possible, "total", "possivel"])
        for grade in grades:
            writer.writerow([_no_formula(grade.student), grade.status, *(grade.points(name) for name in possible),
                             grade.total, sum(possible.values())])


def _no_formula(name: str) -> str:
    """A name that a spreadsheet does not take for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name
