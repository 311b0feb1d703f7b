"""Grade a folder of submissions: each in a sandbox and process of its own, with limits and without network.

A submission is code by a stranger. It runs in ``sandbox``'s bubblewrap, where there are no other submissions, no
solutions, no files or variables of the grader's, and, while its cells run, no tests. The tests are sent when the last
cell has ended, because they must run in the same interpreter: they look at the functions and variables that the cells
left there. That cannot be made safe. A submission written for it can answer in the tests' place that all have passed,
and it can read the tests in that last moment, though it has nobody to tell. What comes back is one short line, of
which only *which tests passed* is believed; points and messages are looked up here. Read a notebook whose points
surprise you.
"""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath, PurePosixPath

import nbformat

from catsdogs import plots, sandbox
from catsdogs.assignment import IGNORED_TAG, require_otter
from catsdogs.config import cache_dir
from catsdogs.download import unpack
from catsdogs.errors import CatsdogsError, printable
from catsdogs.files import atomic_path, file_digest, read_json, write_json
from catsdogs.layout import is_of_the_system
from catsdogs.limits import (
    MAX_GRADING_MEMORY_BYTES,
    MAX_GRADING_PROCESSES,
    MAX_GRADING_REPORT_BYTES,
    MAX_NOTEBOOK_BYTES,
    MIB,
)
from catsdogs.text import harmless, markdown_table, number

GRADED, TIME_OUT, BROKEN = "corrigida", "tempo esgotado", "não terminou"
OTHER = "não parece ser o notebook desta tarefa: peça ao estudante que confira o arquivo"
WATCH_SECONDS = 0.5
# Beside the name of a file goes the name of a temporary one, longer by some 20 bytes; file systems take 255.
PAGE_NAME_BYTES = 200
# A new session, because the terminal sends Ctrl+C to its whole session: the submission would die, or catch it and go
# on, before the grader knows of it. Windows has groups for that.
APART = {"start_new_session": True, "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}


class StoppedError(Exception):
    """Grading was stopped before a submission's end: nothing is known of the submission."""


@dataclass(frozen=True)
class Grade:
    """What came of one submission.

    Attributes:
        student: the submission's file or folder name, without extension, as ``printable`` shows it.
        status: ``GRADED``, ``OTHER``, ``TIME_OUT``, ``BROKEN``, or a Portuguese sentence on why it could not be graded.
        questions: question → ``{"points": …, "messages": […], "hidden": …}``, as ``judged`` gives.
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
              say: Callable[[str], None] = print, sandboxed: bool = True) -> list[Grade]:
    """Grade every submission in ``folder``, or in a zip of them: notebooks, zips with one, and folders with one.

    Each result is kept as soon as it is there, beside ``out`` in a folder of the same name, together with a feedback
    page; a submission that has not changed since is not graded again.

    Args:
        autograder: what ``assignment.build_assignment`` made.
        out: CSV file with one line per student; a chart is written beside it.
        jobs: submissions graded at the same time.
        time_limit: seconds for each submission.
        sandboxed: without it, submissions may do all that whoever grades may, and only accidents are prevented.

    Raises:
        CatsdogsError: nothing to grade, no autograder, no otter-grader, or no sandbox.
    """
    require_otter()
    given = folder
    if not autograder.is_file():
        raise CatsdogsError(f"Não encontrei {autograder}: gere-o com `make assignment`, ou com `catsdogs assignment`, "
                            "e indique-o em --autograder.")
    if folder.is_file() and folder.suffix.lower() == ".zip":  # as a platform of courses gives them
        folder = only_wrapped(unpack(folder, cache_dir() / "submissions" / f"{folder.stem}-{file_digest(folder)[:12]}"))
    if not folder.is_dir():
        raise CatsdogsError(f"Não encontrei a pasta {folder}: indique a que tem as entregas dos estudantes.")
    own = {os.path.realpath(path) for path in (out, out.with_suffix(".png"), out.with_suffix(""), autograder)}
    submissions = sorted(path for path in submitted(folder) if os.path.realpath(path) not in own)
    if not submissions:
        raise CatsdogsError(f"Não há entregas em {folder}: ponha nela um notebook por estudante.")
    names = [student_name(path) for path in submissions]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise CatsdogsError(f"Há mais de uma entrega de {repeated[0]} em {folder}: deixe só a que vale.")
    tests = read_tests(autograder)
    possible = possible_points(tests)
    if sandboxed:
        sandbox.require_sandbox()
    pages = out.with_suffix("")
    pages.mkdir(parents=True, exist_ok=True)
    children = Children(time_limit, sandboxed, hidden=(given, folder, autograder, out, pages))

    def one(submission: Path) -> Grade:
        grade = graded_or_remembered(submission, tests, pages, children)
        with atomic_path(pages / f"{page_name(grade.student)}.md") as temporary:
            temporary.write_text(feedback(grade, possible), encoding="utf-8")
        say(f"{grade.student} ({number(grade.total, 1)} de {number(sum(possible.values()), 1)}): {grade.status}")
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


def submitted(folder: Path) -> list[Path]:
    """What a folder holds, without what systems leave in folders and zips."""
    return [path for path in folder.iterdir() if not is_of_the_system(path.name) and path.name != "__MACOSX"]


def only_wrapped(folder: Path) -> Path:
    """The one folder that another consists of, if it holds several submissions; else that other one."""
    inside = submitted(folder)
    several = len(inside) == 1 and inside[0].is_dir() and sum(
        path.is_dir() or path.suffix.lower() in (".ipynb", ".zip") for path in inside[0].iterdir()) > 1
    return inside[0] if several else folder


def student_name(submission: Path) -> str:
    """How a submission is called: its file's name without extension, or its folder's, harmless to show."""
    return printable(submission.name if submission.is_dir() else submission.stem)


def page_name(student: str) -> str:
    """What a student's files are called, without suffix: as the student, or shorter where no disk would take that."""
    if len(student.encode()) <= PAGE_NAME_BYTES:
        return student
    return f"{student[:PAGE_NAME_BYTES // 8]}-{hashlib.sha256(student.encode()).hexdigest()[:16]}"


def read_tests(autograder: Path) -> dict[str, str]:
    """Name → text of the test files.

    Raises:
        CatsdogsError: the file is no autograder.
    """
    try:
        with zipfile.ZipFile(autograder) as archive:
            tests = {Path(name).name: archive.read(name).decode("utf-8") for name in sorted(archive.namelist())
                     if name.startswith("tests/") and name.endswith(".py")}
    except (zipfile.BadZipFile, OSError, UnicodeDecodeError) as error:
        raise CatsdogsError(f"{autograder} não é um autograder: gere-o com `catsdogs assignment`.") from error
    if not tests:
        raise CatsdogsError(f"{autograder} não tem testes: gere-o com `catsdogs assignment`.")
    return tests


def test_files(tests: dict[str, str]) -> list:
    """otter's ``TestFile`` of each; this runs the tests' text, which is the grader's own."""
    from otter.test_files import ExceptionTestFile

    return [ExceptionTestFile.from_string(text) for text in tests.values()]


def possible_points(tests: dict[str, str]) -> dict[str, float]:
    """Question → its points."""
    return {file.name: file.possible for file in test_files(tests)}


def graded_or_remembered(submission: Path, tests: dict[str, str], pages: Path, children: "Children") -> Grade:
    """The grade kept in ``pages`` when neither the notebook nor the tests changed, else a new one, kept if it ran.

    A notebook that took too long is graded again when it may take longer.

    Raises:
        StoppedError: the grader has stopped it; the grade is not known.
    """
    student = student_name(submission)
    try:
        content = notebook_bytes(submission)
    except CatsdogsError as error:
        return Grade(student, str(error))
    key = hashlib.sha256(content + "".join(tests.values()).encode()).hexdigest()
    kept = pages / f"{page_name(student)}.json"
    try:
        remembered = read_json(kept)
        grade = Grade(**{**remembered["grade"], "answers": tuple(remembered["grade"]["answers"])})
        in_time = grade.status != TIME_OUT or children.time_limit <= remembered["time_limit"]
        if remembered["key"] == key and in_time:
            return grade
    except (OSError, ValueError, KeyError, TypeError):
        pass
    grade = grade_notebook(student, content, tests, children)
    if grade.status in (GRADED, OTHER, TIME_OUT, BROKEN):
        write_json(kept, {"key": key, "time_limit": children.time_limit, "grade": asdict(grade)})
    return grade


def notebook_bytes(submission: Path) -> bytes:
    """The one notebook of a submission: the file itself, or the only one inside a folder or zip.

    Raises:
        CatsdogsError: there is none, or more than one, or it is too large, damaged or a symbolic link.
    """
    # A link could lead to another's notebook, or to the solution.
    if submission.is_symlink():
        raise CatsdogsError(f"{submission.name} é um link simbólico, que a correção não segue: ponha no lugar dele o "
                            "próprio notebook.")
    try:
        if submission.is_file() and submission.suffix.lower() == ".zip":
            with zipfile.ZipFile(submission) as archive:
                found = [info for info in archive.infolist() if is_notebook(PurePosixPath(info.filename))]
                return _unpacked(archive, _only(found, submission, lambda info: info.file_size))
        paths = submission.rglob("*") if submission.is_dir() else [submission]
        found = [path for path in paths if is_notebook(path.relative_to(submission.parent)) and path.is_file()
                 and not path.is_symlink()]
        return _only(found, submission, lambda path: path.stat().st_size).read_bytes()
    except CatsdogsError:
        raise
    except Exception as error:  # the readers of zip have many
        raise CatsdogsError(f"{submission.name} não abre: peça ao estudante que envie de novo.") from error


def is_notebook(path: PurePath) -> bool:
    """Whether a file counts as a notebook: not what Jupyter and macOS keep beside it, ``.ipynb_checkpoints`` say."""
    return path.suffix.lower() == ".ipynb" and not any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member of a zip, unpacked no further than to the size that it claims."""
    # ``zipfile`` unpacks the others at once, whatever their size.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("unusual compression")
    with archive.open(member) as content:
        return content.read(member.file_size)


def _only(found: list, submission: Path, size: Callable):
    if len(found) != 1:
        raise CatsdogsError(f"{submission.name} tem {len(found)} notebooks, e deveria ter um: peça ao estudante que "
                            "envie só o da tarefa.")
    if size(found[0]) > MAX_NOTEBOOK_BYTES:
        raise CatsdogsError(f"O notebook de {submission.name} tem mais de {MAX_NOTEBOOK_BYTES // MIB} MiB: peça ao "
                            "estudante que o envie sem as saídas.")
    return found[0]


def grade_notebook(student: str, content: bytes, tests: dict[str, str], children: "Children") -> Grade:
    """Grade one notebook's content; raises StoppedError as ``Children.run`` does."""
    try:
        cells, answers, begun = read_cells(content)
    except Exception:  # what makes no sense may fail anywhere inside nbformat
        return Grade(student, "o arquivo não é um notebook válido")
    status, report = children.run(cells, tests)
    if status == GRADED:
        try:
            grade = Grade(student, GRADED, judged(report, tests), answers)
            return grade if grade.total or begun else Grade(student, OTHER, grade.questions, answers)
        except (ValueError, RecursionError):
            status = BROKEN
    return Grade(student, status, {}, answers)


def read_cells(content: bytes) -> tuple[list[str], tuple[str, ...], bool]:
    """The code cells that count and the written answers, in the notebook's order; whether it was this assignment's.

    Not validated: programs write ids, tags and outputs otherwise than the format says, and nothing of that matters.
    """
    notebook = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
    cells = [(cell.cell_type, (cell.get("metadata") or {}).get("tags") or [], "".join(cell.source))
             for cell in notebook.cells]
    checks = [source.strip().startswith("grader.check") for _, _, source in cells]
    return ([source for (kind, tags, source), check in zip(cells, checks, strict=True)
             if kind == "code" and IGNORED_TAG not in tags and source.strip() and not check],
            tuple(source for kind, tags, source in cells if kind == "markdown" and "otter_answer_cell" in tags),
            any(checks) or any("otter_answer_cell" in tags for _, tags, _ in cells))


def judged(report: bytes, tests: dict[str, str]) -> dict[str, dict]:
    """Question → points, what its failed visible tests say, and how many hidden ones failed.

    Args:
        report: the line from ``grade_one``, question → whether each test passed; as untrusted as the submission.

    Raises:
        ValueError, RecursionError: it is anything else.
    """
    from otter.test_files.abstract_test import TestCaseResult

    files = {file.name: file for file in test_files(tests)}
    passed = json.loads(report)
    if not isinstance(passed, dict) or passed.keys() != files.keys():
        raise ValueError("other questions")
    questions = {}
    for name, file in files.items():
        told = passed[name]
        if not isinstance(told, list) or [type(each) for each in told] != [bool] * len(file.test_cases):
            raise ValueError("other tests")
        file.test_case_results = [TestCaseResult(case, None, each)
                                  for case, each in zip(file.test_cases, told, strict=True)]
        failed = [case for case, each in zip(file.test_cases, told, strict=True) if not each]
        questions[name] = {"points": file.score, "hidden": sum(case.hidden for case in failed),
                           "messages": [case.failure_message or case.name for case in failed if not case.hidden]}
    return questions


class Children:
    """The processes that run submissions, so that all of them can be stopped."""

    def __init__(self, time_limit: float, sandboxed: bool = True, hidden: tuple[Path, ...] = ()):
        """Give each process ``time_limit`` seconds; ``hidden`` is for ``sandbox.grading_command``."""
        self.time_limit = time_limit
        self.sandboxed = sandboxed
        self.hidden = hidden
        self._stopped = threading.Event()

    def run(self, cells: list[str], tests: dict[str, str]) -> tuple[str, bytes]:
        """Run a submission's cells and then the tests on it: the status, and the report if there is one.

        Raises:
            StoppedError: ``stop`` was called, and what came of the submission is not known.
        """
        report = []
        with self._process() as process:
            # A thread, because a pipe can be waited for without end. The process is this thread's: it dies with it.
            talk = threading.Thread(target=converse, args=(process, cells, tests, report.append), daemon=True)
            talk.start()
            in_time = self._wait(talk, process)
        if self._stopped.is_set():
            raise StoppedError
        if not in_time:
            return TIME_OUT, b""
        return (GRADED, report[0]) if report else (BROKEN, b"")

    def _wait(self, talk: threading.Thread, process: subprocess.Popen) -> bool:
        """Wait for the talk's end, or for a reason to end the process; whether the time was enough."""
        deadline = time.monotonic() + self.time_limit
        while talk.is_alive() and not self._stopped.is_set() and not too_much(process):
            if time.monotonic() > deadline:
                return False
            talk.join(min(WATCH_SECONDS, self.time_limit))
        return True

    @contextmanager
    def _process(self) -> Iterator[subprocess.Popen]:
        """A new process that waits for cells; nothing of it is left afterwards."""
        with tempfile.TemporaryDirectory(prefix="catsdogs-", ignore_cleanup_errors=True) as scratch:
            if self.sandboxed:
                command, variables = sandbox.grading_command(self.hidden), sandbox.environment(sandbox.WORK)
            else:
                command = [sys.executable, "-m", "catsdogs.grade_one"]
                variables = sandbox.unprotected_environment(Path(scratch))
            if self._stopped.is_set():
                raise StoppedError
            process = subprocess.Popen(command, cwd=scratch, env=variables, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **APART)
            try:
                yield process
            finally:
                kill_tree(process)

    def stop(self) -> None:
        """Start nothing more; each ``run`` kills what it runs in a moment."""
        self._stopped.set()


def converse(process: subprocess.Popen, cells: list[str], tests: dict[str, str],
             keep: Callable[[bytes], None]) -> None:
    """Give ``grade_one`` the cells and, when these have run, the tests; keep its report if it is whole."""
    with suppress(OSError):  # it has died
        send(process, cells)
        if process.stdout.readline(MAX_GRADING_REPORT_BYTES) == b"\n":
            send(process, list(tests.values()))
            report = process.stdout.readline(MAX_GRADING_REPORT_BYTES)
            if report.endswith(b"\n"):
                keep(report)


def send(process: subprocess.Popen, value: list[str]) -> None:
    """Write one line of JSON."""
    process.stdin.write(json.dumps(value).encode() + b"\n")
    process.stdin.flush()


def family(process: subprocess.Popen) -> list:
    """A process and all that it started, as psutil's; empty when it has ended."""
    import psutil

    try:
        parent = psutil.Process(process.pid)
        return [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return []


def too_much(process: subprocess.Popen) -> bool:
    """Whether a process and those it started are too many, or take too much memory together."""
    members = family(process)
    if len(members) > MAX_GRADING_PROCESSES + sandbox.PROCESSES:
        return True
    # What copies of one process share counts for each of them at first; the exact count takes longer.
    return all(sum(map(size, members)) > MAX_GRADING_MEMORY_BYTES for size in (resident_bytes, own_bytes))


def resident_bytes(member) -> int:
    """Memory of one of psutil's processes, all that it shares included; 0 when it has ended."""
    import psutil

    with suppress(psutil.Error):
        return member.memory_info().rss
    return 0


def own_bytes(member) -> int:
    """The same with its part of what it shares, or without it where the system does not tell."""
    import psutil

    with suppress(psutil.Error):
        memory = member.memory_full_info()
        return getattr(memory, "pss", memory.uss)
    return 0


def kill_tree(process: subprocess.Popen) -> None:
    """Kill a process and all that it started; what is in a sandbox dies with its first process."""
    import psutil

    for member in family(process):
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def feedback(grade: Grade, possible: dict[str, float]) -> str:
    """The page for one student: points, what the visible tests say, and the written answers for a person to grade."""
    rows = [[name, number(grade.points(name), 1), number(points, 1)] for name, points in possible.items()]
    total = ["total", number(grade.total, 1), number(sum(possible.values()), 1)]
    student, status = (text.replace("<", "&lt;") for text in (grade.student, grade.status))  # a name is no HTML
    lines = [f"# {student}", "", f"Situação: {status.rstrip('.')}.", "",
             markdown_table(["Questão", "Pontos", "De"], [*rows, total])]
    for name in possible:
        found = grade.questions.get(name, {"messages": [], "hidden": 0})
        hidden = [f"{found['hidden']} conferência(s) com outros dados não passou(aram)."] if found["hidden"] else []
        if told := [*found["messages"], *hidden]:
            lines += ["", f"## {name}", "", *(f"- {message}" for message in told)]
    if grade.answers:
        lines += ["", "## Respostas escritas", "", "Uma pessoa as corrige pela rubrica da tarefa."]
        for answer in grade.answers:
            lines += ["", *(f"> {harmless(line)}" for line in answer.splitlines()), "", "Pontos: ____"]
    return "\n".join(lines) + "\n"


def write_csv(grades: list[Grade], possible: dict[str, float], out: Path) -> None:
    """One line per student, points of each question and in all."""
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["estudante", "situacao", *possible, "total", "possivel"])
        for grade in grades:
            writer.writerow([no_formula(grade.student), no_formula(grade.status),
                             *(grade.points(name) for name in possible), grade.total, sum(possible.values())])


def no_formula(text: str) -> str:
    """Text that a spreadsheet does not take for a formula, not even one that parts lines at semicolons."""
    return re.sub(r"((?:^|[;,])\s*)(?=[=+@-])", r"\1'", text)
