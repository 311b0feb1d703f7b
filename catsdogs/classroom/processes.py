"""The processes that run submissions, watched, limited and killed with all that they started."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catsdogs.classroom import sandbox
from catsdogs.classroom.grade import BROKEN, GRADED, TIME_OUT
from catsdogs.storage.limits import (
    MAX_GRADING_MEMORY_BYTES,
    MAX_GRADING_PROCESSES,
    MAX_GRADING_REPORT_BYTES,
)

WATCH_SECONDS = 0.5
# A new session, because the terminal sends Ctrl+C to its whole session: the submission would die, or catch it and go
# on, before the grader knows of it. Windows has groups for that.
APART = {"start_new_session": True, "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}


class StoppedError(Exception):
    """Grading was stopped before a submission's end: nothing is known of the submission."""


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
                command = [sys.executable, "-m", "catsdogs.classroom.grade_one"]
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
