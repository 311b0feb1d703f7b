"""What the trials run in processes of their own, and may be killed at any moment."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from helpers import SHORT

# What Python tells its audit hooks of (https://docs.python.org/3/library/audit_events.html) before it touches a disk.
DISK_EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.utime", "shutil.rmtree"}


def run_training(folder: Path, source: Path, weights: Path, kill_at: int | None = None, seconds: float = 0) -> None:
    """Train on the photos of ``source``, keeping everything below ``folder``.

    The process is killed ``seconds`` after it touched that folder for the time ``kill_at``, counted
    from 0; with None, the stage of each touch is written to a JSON file beside the folder.
    """
    from catsdogs.pipeline import prepare, train  # takes seconds, which a download does not need

    os.environ.update(CATSDOGS_CACHE=str(folder / "cache"), CATSDOGS_MODELS=str(folder / "models"))
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    touched = []

    def watch(event, arguments):
        if event in DISK_EVENTS and arguments and str(arguments[0]).startswith(f"{folder}{os.sep}"):
            touched.append(stage(Path(str(arguments[0])).relative_to(folder)))
            if len(touched) - 1 == kill_at:
                threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    sys.addaudithook(watch)
    train(prepare(SHORT, source, weights), say=lambda line: None)
    if kill_at is None:
        folder.with_suffix(".json").write_text(json.dumps(touched))


def stage(path: Path) -> str:
    """What a training is doing when it touches this path: a folder of the cache, or a file of ``models``."""
    return path.parts[1].lstrip(".").partition(".")[0] if len(path.parts) > 1 else path.parts[0]


def run_download(url: str, target: Path) -> None:
    """Fetch a file."""
    from catsdogs.storage.download import download

    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    download(url, target)
