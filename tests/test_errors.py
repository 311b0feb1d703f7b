"""What a reader is told when the operating system refuses."""

import errno
import os

import pytest

from catsdogs.errors import REASONS, reason
from catsdogs.files import atomic_path


def read(path):
    path.read_bytes()


def write(path):
    with atomic_path(path) as temporary:
        temporary.touch()


MISHAPS = {
    "a file for a folder": lambda folder: (folder / "file").mkdir(),
    "a file as the folder to write in": lambda folder: write(folder / "file" / "a"),
    "a path through a file": lambda folder: read(folder / "file" / "deep" / "a"),
    "a folder for a file": lambda folder: read(folder),
    "a folder where a file goes": lambda folder: write(folder / "full"),
    "a full folder": lambda folder: (folder / "full").rmdir(),
    "a name too long": lambda folder: write(folder / ("a" * 5000)),
    "links in a circle": lambda folder: read(folder / "circle"),
    "nothing": lambda folder: read(folder / "none"),
}


@pytest.mark.skipif(os.name == "nt", reason="other numbers, and no links, on Windows")
@pytest.mark.parametrize("mishap", MISHAPS)
def test_what_the_system_refuses_is_told_in_portuguese(tmp_path, mishap):
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(OSError) as error:
        MISHAPS[mishap](tmp_path)
    assert reason(error.value) == REASONS[error.value.errno]


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_no_number_of_any_system_brings_another_language(code):
    told = reason(OSError(code, os.strerror(code)))
    assert os.strerror(code) not in told
    assert code in REASONS or errno.errorcode[code] in told


def test_an_error_without_a_number_is_told_in_portuguese():
    assert reason(OSError("Invalid data stream")) == reason(OSError()) == "o sistema não disse por quê"
    assert reason(OSError(987_654, "strange")) == "o sistema respondeu com o código 987654"
