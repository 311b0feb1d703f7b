"""Where a stranger's code runs: bubblewrap (https://github.com/containers/bubblewrap) on Linux.

Inside there are Python, its packages, this package and the models, all read-only, and an empty folder that lies in
memory. There are no other files, no network, no processes but its own, and none of the grader's environment.
"""

import itertools
import os
import shutil
import site
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from catsdogs.classroom.assignment import SOURCE
from catsdogs.config import CHECKOUT
from catsdogs.errors import CatsdogsError
from catsdogs.storage.limits import MAX_GRADING_DISK_BYTES, MAX_GRADING_SHARED_BYTES

PACKAGE = Path(__file__).resolve().parent.parent
WORK = "/tmp"
# Not all of /usr: some keep their own work in /usr/src.
SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/share", "/etc/alternatives",
          "/etc/fonts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime")
TOP = ("/bin", "/lib", "/lib32", "/lib64")
PYTHON_PARTS = ("bin", "lib", "lib64", "pyvenv.cfg")
# Root hands each submission to a user of its own, of those that systemd sets apart for passing users, and needs two
# rights for that. Anyone else needs a user namespace, in which processes are counted apart.
PASSING_USERS = itertools.cycle(range(61184, 65520))
AS_ROOT = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
           "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
AS_ANYONE = ("--unshare-all",)
# When memory runs out, the system ends first what has 1000 here. Inside, /proc is read-only, so it stays.
FIRST_TO_GO = 'echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec "$0" "$@"'
PROBE_SECONDS = 60
# bubblewrap's own: one outside, and the first of those inside.
PROCESSES = 2
# What a sandbox inherits; nothing else of the grader's environment is for strangers' eyes.
INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV", "PYTHONPATH")
DEAD_PROXY = "http://127.0.0.1:9"
# Without bubblewrap: Python runs a module called sitecustomize at its start. Loopback is what asyncio needs on Windows.
NO_NETWORK = '''
import socket
_connect = socket.socket.connect

def connect(self, address):
    if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "localhost", "::1")):
        raise OSError("a correção não tem rede")
    return _connect(self, address)

socket.socket.connect = connect
'''


def require_sandbox() -> None:
    """Try the sandbox once.

    Raises:
        CatsdogsError: there is no bubblewrap, or the system does not let it work.
    """
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        raise CatsdogsError("Falta o bubblewrap, que isola o código dos estudantes: instale-o (no Debian e no Ubuntu, "
                            "`sudo apt install bubblewrap`); no macOS e no Windows, use o WSL ou um contêiner Linux; "
                            "ou passe --no-sandbox, numa máquina que se possa jogar fora.")
    try:
        works = subprocess.run(grading_command(), env=environment(WORK), stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=PROBE_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        works = False
    if not works:
        raise CatsdogsError("O bubblewrap está instalado, mas o sistema não o deixa isolar processos: permita isso (no "
                            "Ubuntu, `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`), use uma máquina "
                            "virtual, ou passe --no-sandbox, numa máquina que se possa jogar fora.")


def grading_command(hidden: Iterable[Path] = ()) -> list[str]:
    """What runs ``grade_one`` in a sandbox, as a list of arguments; its folder and home are ``WORK``.

    Args:
        hidden: files and folders that are kept out even where they lie among Python's or the package's.
    """
    command = [sys.executable, "-m", "catsdogs.classroom.grade_one", "--limit-processes"]
    rights = AS_ANYONE
    if os.geteuid() == 0:
        rights = AS_ROOT
        command += ["--user", str(next(PASSING_USERS))]
    return ["/bin/sh", "-c", FIRST_TO_GO, shutil.which("bwrap"), "--die-with-parent", "--new-session", *rights,
            "--hostname", "correcao", "--proc", "/proc", "--dev", "/dev",
            *_memory_folder("/dev/shm", MAX_GRADING_SHARED_BYTES), *_memory_folder(WORK, MAX_GRADING_DISK_BYTES),
            *_read_only(visible_paths(), (SOURCE.parent, *hidden)),
            *(part for folder in ("/proc", "/dev", "/") for part in ("--remount-ro", folder)),
            "--chdir", WORK, "--", *command]


def visible_paths() -> list[Path]:
    """What is bound read-only: parts of the system, of each Python, the package and the models."""
    python = Path(sys.executable).resolve().parent.parent
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(),
                python}
    paths = [Path(path) for path in SYSTEM]
    paths += [prefix / part for prefix in sorted(prefixes) for part in PYTHON_PARTS]
    paths += [Path(path) for path in (*site.getsitepackages(), site.getusersitepackages()) if path in sys.path]
    return [path for path in (*paths, PACKAGE, CHECKOUT / "models") if path.exists()]


def _memory_folder(path: str, size: int) -> list[str]:
    return ["--size", str(size), "--perms", "1777", "--tmpfs", path]


def _read_only(paths: list[Path], hidden: Iterable[Path]) -> list[str]:
    """Arguments that bind ``paths`` and cover what is ``hidden`` among them."""
    arguments = []
    for path in paths:  # bubblewrap would make folders on the way for root alone
        arguments += ["--perms", "0755", "--dir", str(path.parent), "--ro-bind", str(path), str(path)]
    for path in map(Path, TOP):
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for secret in (path.resolve() for path in hidden):
        for shown in paths:
            if secret.exists() and secret.is_relative_to(shown.resolve()):
                inside = str(shown / secret.relative_to(shown.resolve()))
                arguments += ["--tmpfs", inside, "--remount-ro", inside] if secret.is_dir() else \
                    ["--ro-bind", os.devnull, inside]
    return arguments


def environment(work: str) -> dict[str, str]:
    """Variables for a submission: everything it writes goes below ``work``, and proxies lead nowhere."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    folders = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR", "IPYTHONDIR", "KERAS_HOME",
                             "CATSDOGS_CACHE", "CATSDOGS_MODELS"), work)
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), DEAD_PROXY)
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), kept.get("PYTHONPATH")]))
    return {**kept, **folders, **proxies, "PYTHONPATH": path, "LOGNAME": "estudante",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline", "CATSDOGS_GRADING": "1", "CATSDOGS_QUICK": "1"}


def unprotected_environment(work: Path) -> dict[str, str]:
    """``environment`` for a run without bubblewrap: Python itself refuses the network."""
    (work / "start").mkdir()
    (work / "start" / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    variables = environment(str(work))
    return {**variables, "PYTHONPATH": os.pathsep.join([str(work / "start"), variables["PYTHONPATH"]])}
