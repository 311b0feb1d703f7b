"""Files that are either whole or absent."""

import hashlib
import os
import stat
import subprocess
import sys
import time

import pytest

from catsdogs.files import atomic_path, file_digest, read_json, workshop, write_json

AT_WORK = """
import sys
from pathlib import Path
from catsdogs.files import workshop

with workshop(Path(sys.argv[1])) as folder:
    print(folder.name, flush=True)
    input()
"""


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


@pytest.mark.fault("Relógio", "pula dias enquanto outro processo grava",
                   "a pasta temporária de quem trabalha fica; a de um processo morto some")
@pytest.mark.parametrize("end", ["killed", "finished"])
def test_a_clock_that_jumps_takes_nothing_from_a_process_at_work(tmp_path, monkeypatch, end):
    target, jumped = tmp_path / "a.zip", time.time() + 10 * 86_400
    process = subprocess.Popen([sys.executable, "-c", AT_WORK, str(target)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    folder = tmp_path / process.stdout.readline().strip()
    (folder / "half").touch()
    monkeypatch.setattr("catsdogs.files.time.time", lambda: jumped)
    with workshop(target), workshop(target):
        assert (folder / "half").exists() and len(list(tmp_path.iterdir())) == 3
    if end == "killed":
        process.kill()
        process.communicate()
        assert folder.exists()
        with workshop(target):
            pass
    else:
        process.communicate("\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.fault("Disco", "outro usuário poderia ler ou trocar o que ainda está pela metade (umask 0)",
                   "a pasta temporária é só de quem a fez (0700); o arquivo pronto fica como o umask manda")
@pytest.mark.parametrize("mask", [0, 0o027, 0o077])
def test_what_is_half_written_is_nobody_elses(tmp_path, mask):
    before = os.umask(mask)
    try:
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("half")
            folder, = tmp_path.iterdir()
            assert temporary.parent == folder and stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 1])
def test_a_file_s_digest_is_that_of_its_bytes(tmp_path, size):
    (tmp_path / "a").write_bytes(content := os.urandom(size))
    assert file_digest(tmp_path / "a") == hashlib.sha256(content).hexdigest()
