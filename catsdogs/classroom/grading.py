"""Grade a folder of submissions: each in a sandbox and process of its own, with limits and without network.

A submission is code by a stranger. It runs in ``sandbox``'s bubblewrap, where there are no other submissions, no
solutions, no files or variables of the grader's, and, while its cells run, no tests. The tests are sent when the last
cell has ended, because they must run in the same interpreter: they look at the functions and variables that the cells
left there. That cannot be made safe. A submission written for it can answer in the tests' place that all have passed,
and it can read the tests in that last moment, though it has nobody to tell. What comes back is one short line, of
which only *which tests passed* is believed; points and messages are looked up here. Read a notebook whose points
surprise you.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from catsdogs.classroom import sandbox
from catsdogs.classroom.assignment import require_otter
from catsdogs.classroom.feedback import draw_grades, feedback, page_name, write_csv
from catsdogs.classroom.grade import BROKEN, GRADED, OTHER, TIME_OUT, Grade
from catsdogs.classroom.processes import Children
from catsdogs.classroom.submissions import find_submissions, notebook_bytes, read_cells, student_name
from catsdogs.errors import CatsdogsError
from catsdogs.files import atomic_path, read_json, write_json
from catsdogs.text import number


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
    if not autograder.is_file():
        raise CatsdogsError(f"Não encontrei {autograder}: gere-o com `make assignment`, ou com `catsdogs assignment`, "
                            "e indique-o em --autograder.")
    pages, chart = out.with_suffix(""), out.with_suffix(".png")
    submissions = find_submissions(folder, (out, chart, pages, autograder))
    tests = read_tests(autograder)
    possible = possible_points(tests)
    if sandboxed:
        sandbox.require_sandbox()
    pages.mkdir(parents=True, exist_ok=True)
    hidden = (folder, *{submission.parent for submission in submissions}, autograder, out, pages)
    children = Children(time_limit, sandboxed, hidden)

    def one(submission: Path) -> Grade:
        grade = graded_or_remembered(submission, tests, pages, children)
        with atomic_path(pages / f"{page_name(grade.student)}.md") as temporary:
            temporary.write_text(feedback(grade, possible), encoding="utf-8")
        say(f"{grade.student} ({number(grade.total, 1)} de {number(sum(possible.values()), 1)}): {grade.status}")
        return grade

    grades = side_by_side(one, submissions, jobs, children)
    write_csv(grades, possible, out)
    draw_grades(grades, possible, chart)
    return grades


def side_by_side(one: Callable[[Path], Grade], submissions: list[Path], jobs: int, children: Children) -> list[Grade]:
    """``one`` of each submission, so many at a time; whatever stops this stops the children."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(one, submissions))
        except BaseException:
            children.stop()
            pool.shutdown(cancel_futures=True)
            raise


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


def graded_or_remembered(submission: Path, tests: dict[str, str], pages: Path, children: Children) -> Grade:
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


def grade_notebook(student: str, content: bytes, tests: dict[str, str], children: Children) -> Grade:
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
