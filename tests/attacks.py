"""What a submission may try. ``test_grading`` sends this text as a notebook's cell: nothing here runs in the tests.

Each attack gives what it reached, which should be nothing. ``target`` tells what a real one would have to guess:
``entry``, ``autograder``, ``solution``, ``grade``, ``csv``, ``home``, ``socket`` (paths), ``port``, ``processes``.
"""

import mmap
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

SECRET = re.compile(rb"SECRET[-]\w+")
MIB, GIB = 2**20, 2**30


def attempt(names, target):
    """Attack → what it reached, as text; empty when that is nothing."""
    return {name: reached(globals()[name], target) for name in names}


def reached(attack, target):
    """Anything but a refusal is a mistake in the attack, and goes on to the test."""
    try:
        return str(attack(target) or "")
    except (OSError, MemoryError):
        return ""


def readable(*paths):
    return [str(path) for path in paths if content(path)]


def content(path):
    try:
        with open(path, "rb") as file:
            return file.read(16 * MIB)
    except OSError:
        return b""


def secrets(paths):
    return [(str(path), found) for path in paths for found in SECRET.findall(content(path))]


def other_submission(target):
    return readable(target["entry"]) or os.listdir(Path(target["entry"]).parent)


def autograder(target):
    return readable(target["autograder"])


def solution(target):
    import catsdogs

    package = Path(catsdogs.__file__).parent
    notebooks = [path for path in (*package.rglob("*.ipynb"), *(package.parent / "models").rglob("*.ipynb"))
                 if b"BEGIN SOLUTION" in content(path)]
    return readable(target["solution"]) + notebooks


def kept_grade(target):
    return readable(target["grade"], target["csv"])


def home(target):
    return readable(Path(target["home"], "private.txt"), Path.home() / "private.txt")


def environment(_):
    return secrets([*Path("/proc").glob("*/environ"), *Path("/proc").glob("*/cmdline")]) + [
        name for name, value in os.environ.items() if "SECRET" in value]


def tests_on_disk(_):
    known = ("/proc", "/sys", "/dev", "/usr", sys.prefix, sys.base_prefix)
    seen = [os.path.join(folder, name) for folder, _, names in os.walk("/") for name in names
            if not folder.startswith(known)]
    assert seen
    return secrets(seen) + [path for path in seen if path.endswith(".zip")]


def tests_in_memory(_):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines = (process / "maps").read_text().splitlines()
            memory = open(process / "mem", "rb", 0)  # noqa: SIM115
        except OSError:
            continue
        for line in lines:
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if " rw" in line and end - start < GIB // 4:
                try:
                    memory.seek(start)
                    found += SECRET.findall(memory.read(end - start))
                except (OSError, ValueError, OverflowError):
                    continue
    return found


def other_processes(_):
    mine = {1, os.getpid(), *(int(path.name) for path in Path("/proc/self/task").iterdir())}
    return [path.name for path in Path("/proc").glob("[0-9]*") if int(path.name) not in mine]


def write(target):
    import catsdogs

    opened = []
    for path in (target["entry"], target["autograder"], target["grade"], target["csv"], catsdogs.__file__):
        try:
            with open(path, "r+b"):
                opened.append(path)
        except OSError:
            continue
    return opened


def create(target):
    made = []
    for folder in ("/", "/usr/bin", "/dev", sys.prefix, os.path.join(sys.prefix, "bin"),
                   os.path.dirname(target["entry"]), os.path.dirname(target["csv"])):
        try:
            path = os.path.join(folder, "attack")
            with open(path, "xb"):
                made.append(path)
            os.remove(path)
        except OSError:
            continue
    return made


def last_to_go(_):
    with open("/proc/self/oom_score_adj", "w") as file:
        return file.write("0")


def more_rights(_):
    import resource

    gained = []
    for change in (lambda: os.setuid(0), lambda: os.setgroups([0]), lambda: os.chroot("/tmp"), lambda: os.nice(-5),
                   lambda: resource.setrlimit(resource.RLIMIT_NPROC, (-1, -1))):
        try:
            change()
            gained.append(change)
        except (OSError, ValueError):
            continue
    return gained


def connect(family, address):
    with socket.socket(family) as client:
        client.settimeout(3)
        client.connect(address)
        return [address]


def loopback(target):
    return connect(socket.AF_INET, ("127.0.0.1", target["port"]))


def public_address(_):
    return connect(socket.AF_INET, ("192.0.2.1", 80))


def names(_):
    return socket.getaddrinfo("example.com", 80)


def socket_file(target):
    return connect(socket.AF_UNIX, target["socket"])


def abstract_socket(target):
    return connect(socket.AF_UNIX, "\0" + target["socket"])


def outlive(_):
    """Leave a process behind; the test looks for it."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "outlives"], start_new_session=True)


def memory(_):
    return len(bytearray(40 * GIB))


def large_file(_):
    with open("large", "wb") as file:
        return file.truncate(4 * GIB)


def disk(_):
    """Fill all that can be written to; the test allows 64 MiB."""
    written, block = 0, bytes(MIB)
    for folder in ("/tmp", "/dev/shm", "/var/tmp", "/dev", "/run", "/"):
        try:
            with open(os.path.join(folder, "filling"), "wb", 0) as file:
                for _ in range(200):
                    written += file.write(block)
        except OSError:
            continue
    for folder in ("/tmp", "/dev/shm"):
        Path(folder, "filling").unlink(missing_ok=True)
    return written > 130 * MIB and written


def output(_):
    for _ in range(1000):
        print("x" * 10**6)


def processes(target):
    """More processes than allowed."""
    children = []
    try:
        while len(children) <= target["processes"]:
            children.append(subprocess.Popen(["sleep", "600"]))
    except BlockingIOError:
        time.sleep(2)  # until the grader has counted them: as many as allowed are no reason to end
    for child in children:
        child.kill()
        child.wait()
    return len(children) > target["processes"] and len(children)


def fork_bomb():
    """As many processes as there may be; they rest at the limit, or the tests beside this one would starve."""
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(1)


def shared_memory():
    """Memory that no limit of one process counts."""
    blocks = [mmap.mmap(-1, GIB) for _ in range(12)]
    for block in blocks:
        for start in range(0, GIB, mmap.PAGESIZE):
            block[start] = 1
    time.sleep(600)


def forge(report):
    """Say to whoever listens that the cells have run, and what the tests gave."""
    for channel in range(64):
        try:
            os.write(channel, b"\n" + report.encode() + b"\n")
        except OSError:
            continue
