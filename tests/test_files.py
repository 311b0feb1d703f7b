"""Files that are either whole or absent."""

import pytest

from catsdogs.files import atomic_path, read_json, write_json


@pytest.mark.parametrize("crash", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("wrote", [True, False], ids=["half written", "nothing written"])
def test_a_crash_leaves_the_old_file_and_no_rubbish(tmp_path, crash, wrote):
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(crash), atomic_path(target) as temporary:
        if wrote:
            temporary.write_text("half")
        raise crash
    assert target.read_text() == "old" and [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_success_replaces_the_file_only_at_the_end(tmp_path):
    target = tmp_path / "new" / "a.keras"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists() and temporary.suffix == ".keras"
    assert target.read_text() == "whole" and [path.name for path in target.parent.iterdir()] == ["a.keras"]


def test_forgetting_to_write_is_an_error(tmp_path):
    with pytest.raises(OSError), atomic_path(tmp_path / "a"):
        pass
    assert not list(tmp_path.iterdir())


def test_json_round_trip_keeps_accents_readable(tmp_path):
    value = {"nome": "ação", "lista": [1, 2.5, None], "sim": True}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "ação" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert read_json(tmp_path / "a.json") == 1 and len(list(tmp_path.iterdir())) == 1
