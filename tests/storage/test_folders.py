"""Folders that are written whole or not at all."""

import pytest

from catsdogs.storage.folders import new_folder


def fill(target, error=None):
    with new_folder(target) as place:
        (place / "a.txt").write_text("a")
        (place / "inner").mkdir()
        (place / "inner" / "b.txt").write_text("b")
        assert not target.exists() or not list(target.iterdir())  # until all of it is there
        if error:
            raise error


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_what_is_written_moves_there_at_the_end(tmp_path, there):
    target = tmp_path / "above" / "folder"
    if there:
        target.mkdir(parents=True)
    fill(target)
    assert {path.relative_to(target).as_posix() for path in target.rglob("*")} == {"a.txt", "inner", "inner/b.txt"}
    assert list(target.parent.iterdir()) == [target]


def test_the_current_folder_can_be_filled(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    fill(type(tmp_path)("."))
    assert (tmp_path / "here" / "inner" / "b.txt").read_text() == "b"


def test_nothing_is_left_of_a_failure(tmp_path):
    with pytest.raises(RuntimeError):
        fill(tmp_path / "folder", RuntimeError())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "full folder"])
def test_what_is_there_stays_as_it_is(tmp_path, refused, kind):
    target = tmp_path / "folder"
    path = target if kind == "file" else target / "old.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("old")
    assert "escolha outro nome" in refused(fill, target)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [target]
