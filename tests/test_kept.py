"""What tests keep between runs: whole or absent; and what starts without what takes seconds."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import kept
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    monkeypatch.setattr(kept, "kept_folder", kept.kept_folder.__wrapped__)
    return tmp_path


def test_is_made_once(place):
    made = []

    def make(folder):
        made.append(folder)
        (folder / "a").write_text("text")

    folders = [kept.kept("thing", make) for _ in range(2)]
    assert len(made) == 1 and folders[0] == folders[1] != made[0]
    assert (folders[0] / "a").read_text() == "text"


def test_what_was_interrupted_leaves_nothing(place):
    def make(folder):
        (folder / "a").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.kept("thing", make)
    assert not [path for path in place.rglob("*") if path.parent != place]


def test_of_two_at_once_the_first_to_end_is_kept(place):
    def make(folder):
        if not list(place.rglob("first")):
            (folder / "first").touch()
            kept.kept("thing", make)
        (folder / "any").touch()

    folder = kept.kept("thing", make)
    assert [path.name for path in folder.iterdir()] == ["any"] and list(folder.parent.iterdir()) == [folder]


def test_what_others_made_goes(place, monkeypatch):
    def make(folder):
        (folder / "a").touch()

    for version in range(5):
        package = SimpleNamespace(name="package", version=version)
        monkeypatch.setattr(kept.importlib.metadata, "distributions", lambda package=package: [package])
        os.utime(kept.kept("thing", make).parent, (version, version))
    assert 1 < len(list(place.iterdir())) <= 3
    assert kept.kept("thing", make).parent.stat().st_mtime == 4


def test_what_needs_no_tensorflow_starts_without_it():
    code = "import sys, pytest; failed = pytest.main(['-p', 'no:cacheprovider', 'tests/test_text.py']); " \
           "sys.exit(failed or bool({'tensorflow', 'keras', 'sklearn', 'matplotlib'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout
