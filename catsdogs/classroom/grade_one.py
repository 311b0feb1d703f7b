"""Run one submission: ``python -m catsdogs.classroom.grade_one``, which ``processes`` starts in a sandbox.

From standard input comes one line of JSON with the notebook's cells, which are run as a notebook runs them. An empty
line to standard output then asks for the tests, which come as one line with their texts, and one line answers:
``{question: [whether each test passed]}``. The submission runs in this process and can do here whatever it likes; so
``grading`` believes nothing but that line, and keeps from here all that the submission must not read.
"""

import argparse
import contextlib
import json
import os
import sys

from catsdogs.storage.limits import MAX_GRADING_FILE_BYTES, MAX_GRADING_MEMORY_BYTES, MAX_GRADING_PROCESSES


class Grader:
    """What a cell that still calls ``grader`` finds; the tests come at the end."""

    def check(self, *_, **__):
        """Do nothing."""

    check_all = export = to_pdf = check


def main() -> None:
    """Run what standard input brings, and answer on standard output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", type=int, help="whom to become")
    parser.add_argument("--limit-processes", action="store_true")
    options = parser.parse_args()
    limit_resources(options.limit_processes)
    if options.user is not None:
        become(options.user)
    orders, answers = take_pipes()
    if line := orders.readline():
        sys.argv[1:] = []
        run(json.loads(line), orders, answers)


def take_pipes() -> tuple:
    """Standard input and output for the grader alone: what cells read is empty, and what they print is lost."""
    orders, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    return orders, answers


def run(cells: list[str], orders, answers) -> None:
    """Run the cells and then the tests; ends the process, whatever the submission left running."""
    # Before the cells, so that a file of theirs called like one of these libraries is not taken for it.
    from otter.test_files import ExceptionTestFile

    shell = new_shell()
    myself = os.getpid()
    for cell in cells:
        shell.run_cell(cell, store_history=True)
        if os.getpid() != myself:  # a copy that the cell made and forgot
            os._exit(0)
    print(file=answers, flush=True)
    found = {}
    for text in json.loads(orders.readline()):
        file = ExceptionTestFile.from_string(text)
        found[file.name] = [passes(case, shell.user_ns) for case in file.test_cases]
    print(json.dumps(found), file=answers, flush=True)
    os._exit(0)


def new_shell():
    """What runs cells, with magic commands, ``!commands`` and ``await``; nothing is kept on disk."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """Let ``%matplotlib`` through: no window is ever opened."""

    config = Config()
    config.HistoryManager.enabled = False
    return Shell.instance(config=config, user_ns={"grader": Grader()})


def passes(case, variables: dict) -> bool:
    """Whether one of otter's test cases passes; code that ends Python has not passed."""
    try:
        case.body.call_func(variables)
    except BaseException:
        return False
    return True


def limit_resources(processes: bool) -> None:
    """Limit this process and all that it starts; Windows has no such limits."""
    with contextlib.suppress(ImportError):
        import resource

        limits = {resource.RLIMIT_DATA: MAX_GRADING_MEMORY_BYTES, resource.RLIMIT_FSIZE: MAX_GRADING_FILE_BYTES,
                  resource.RLIMIT_CORE: 0}
        if processes:
            limits[resource.RLIMIT_NPROC] = MAX_GRADING_PROCESSES
        for limit, value in limits.items():
            _, most = resource.getrlimit(limit)
            value = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(limit, (value, value))


def become(user: int) -> None:
    """Give up the rights of root."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


if __name__ == "__main__":
    main()
