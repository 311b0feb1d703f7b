"""Unpacking: everything or nothing, and only into the folder."""

import io
import os
import random
import shutil
import stat
import unicodedata
import zipfile

import numpy as np
import pytest
from helpers import FULL, PROCESSES, ROUNDS, assert_sentence, nothing_left, run_on_small_disk, run_together, zip_bytes

from catsdogs.storage import archive as module
from catsdogs.storage.archive import unpack

CUTS = 400 if FULL else 40
REFUSED = "uma frase; nada é descompactado"


def test_unpack_gives_the_whole_folder_and_is_not_repeated(tmp_path, monkeypatch):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_bytes(**{"cats/ação 1.txt": "a", "dogs/b.txt": "b", "cats/vazio.txt": ""}))
    folder = unpack(archive, tmp_path / "deep" / "out")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")) \
        == ["cats/ação 1.txt", "cats/vazio.txt", "dogs/b.txt"]
    assert [path.name for path in folder.parent.iterdir()] == ["out"]
    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda *_: pytest.fail("unpacked again"))
    unpack(archive, folder)


@pytest.mark.fault("Cache", "um byte muda, some ou sobra em uma foto descompactada", "descompacta de novo")
@pytest.mark.parametrize("damage", ["changed", "shorter", "longer", "missing", "a folder"])
def test_a_damaged_folder_is_unpacked_again(tmp_path, damage):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_bytes(**{f"cats/{i}.txt": str(i) * 100 for i in range(20)}))
    folder = unpack(archive, tmp_path / "in" / "out")
    victim = folder / "cats" / "7.txt"
    before, content = victim.stat(), bytearray(victim.read_bytes())
    victim.unlink()
    if damage == "changed":
        content[50] ^= 1
        victim.write_bytes(content)
        os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif damage == "a folder":
        victim.mkdir()
    elif damage != "missing":
        victim.write_bytes(content[:-1] if damage == "shorter" else content + b"7")
    assert (unpack(archive, folder) / "cats" / "7.txt").read_text() == "7" * 100
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


TOGETHER = ("Zip", "vários processos descompactam ao mesmo tempo", "todos terminam com a pasta inteira")


@pytest.mark.slow
@pytest.mark.fault(*TOGETHER)
def test_several_unpack_at_once(tmp_path, record_property):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_bytes(**{f"cats/{i}.txt": str(i) * 500 for i in range(100)}))
    run_together("from catsdogs.storage.archive import unpack",
                 "folder = unpack(Path(arguments[0]), Path(arguments[1], f'out{turn}')); "
                 "assert len([path.read_text() for path in folder.rglob('*.txt')]) == 100", archive, tmp_path / "in")
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == sorted(f"out{i}" for i in range(ROUNDS))
    record_property("trials", PROCESSES * ROUNDS)


@pytest.mark.fault(*TOGETHER)
@pytest.mark.parametrize("before", ["missing", "damaged"])
@pytest.mark.parametrize("moment", ["before the damaged one goes", "after it went", "just before the end"])
def test_another_process_finishes_between_any_two_steps(tmp_path, monkeypatch, before, moment):
    archive, folder, replace = tmp_path / "a.zip", tmp_path / "in" / "out", os.replace
    archive.write_bytes(zip_bytes(**{f"cats/{i}.txt": str(i) for i in range(5)}))
    if before == "damaged":
        unpack(archive, folder)
        (folder / "cats" / "3.txt").write_text("x")
    whole = unpack(archive, tmp_path / "whole")

    def other_finishes():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)

    def replace_late(source, target):
        going = source == folder
        if moment == ("before the damaged one goes" if going else "just before the end"):
            other_finishes()
        replace(source, target)
        if going and moment == "after it went":
            other_finishes()

    monkeypatch.setattr(os, "replace", replace_late)
    unpack(archive, folder)
    assert sorted(path.read_text() for path in folder.rglob("*.txt")) == list("01234")
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_a_whole_folder_that_has_just_appeared_is_not_moved(tmp_path, monkeypatch):
    """Another process may be reading it."""
    archive, folder, unpack_all = tmp_path / "a.zip", tmp_path / "in" / "out", zipfile.ZipFile.extractall
    archive.write_bytes(zip_bytes(**{"cats/a.txt": "a"}))

    def extractall(content, scratch, members):
        unpack_all(content, scratch, members)
        shutil.copytree(scratch, folder)

    monkeypatch.setattr(zipfile.ZipFile, "extractall", extractall)
    monkeypatch.setattr(os, "replace", lambda *_: pytest.fail("something was moved"))
    unpack(archive, folder)
    assert (folder / "cats" / "a.txt").read_text() == "a"


def test_something_else_in_the_way_gives_one_sentence(tmp_path, refused, monkeypatch):
    """What another program puts there at the last moment is not taken for the photos."""
    archive, folder, replace = tmp_path / "a.zip", tmp_path / "in" / "out", os.replace
    archive.write_bytes(zip_bytes(**{"cats/a.txt": "a"}))

    def replace_late(source, target):
        (folder / "cats").mkdir(parents=True)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_late)
    assert "a.zip" in refused(unpack, archive, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def link_bytes():
    entry = zipfile.ZipInfo("cats/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("cats/a.txt", "a")
        archive.writestr(entry, "/etc/passwd")
    return content.getvalue()


@pytest.mark.fault("Zip", "caminho que sai da pasta, caminho absoluto, link", REFUSED)
@pytest.mark.parametrize("content", [
    zip_bytes(**{"ok.txt": "a", "../evil.txt": "b"}), zip_bytes(**{"cats/../../evil.txt": "b"}),
    zip_bytes(**{"/evil.txt": "b"}), zip_bytes(**{"C:/evil.txt": "b"}), zip_bytes(**{"..\\evil.txt": "b"}),
    zip_bytes(**{"//server/evil.txt": "b"}), link_bytes()],
    ids=["parent", "inner parent", "absolute", "drive", "backslash", "server", "link"])
def test_unsafe_entries_are_refused_and_nothing_is_left(tmp_path, refused, content):
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    assert "inseguro" in refused(unpack, archive, tmp_path / "in" / "out")
    assert not (tmp_path / "in").exists() and not list(tmp_path.rglob("evil.txt"))


@pytest.mark.parametrize("written", [
    "cães/1.jpg".encode(), "cães/1.jpg".encode("cp850"), unicodedata.normalize("NFD", "cães/1.jpg").encode(),
    "cães\\1.jpg".encode("cp850")], ids=["Mac", "Windows", "Mac, decomposed", "backslash"])
def test_names_without_the_flag_for_utf_8_are_those_that_people_saw(tmp_path, written):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr(len(written) * "x", "a")
    archive.write_bytes(archive.read_bytes().replace(len(written) * b"x", written))
    for _ in range(2):  # the second time it is there
        folder = unpack(archive, tmp_path / "out")
        assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")] == ["cães/1.jpg"]


@pytest.mark.fault("Zip", "dois arquivos de mesmo nome", REFUSED)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["cats/a.txt", "cats//a.txt", "./cats/a.txt"])
def test_two_files_of_one_name_are_refused(tmp_path, refused, second):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("cats/a.txt", "one")
        content.writestr(second, "other")
    assert "mesmo nome" in refused(unpack, archive, tmp_path / "in" / "out")
    assert not (tmp_path / "in").exists()


def deflated():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "".join(str(i * i) for i in range(3000)))
    return bytearray(content.getvalue())


def with_bad_stream():
    content = deflated()
    content[40:60] = b"\xff" * 20
    return bytes(content)


def with_bad_checksum():
    content = bytearray(zip_bytes())
    content[100] ^= 1
    return bytes(content)


def with_smaller_size_told():
    """A member that holds more than it tells of, so that no limit would see it."""
    content = deflated()
    at = content.rindex(b"PK\1\2") + 24
    content[at:at + 4] = content[22:26] = (10).to_bytes(4, "little")
    return bytes(content)


def with_password():
    content = deflated()
    content[6] |= 1  # the flag in the local header and in the central directory
    content[content.rindex(b"PK\1\2") + 8] |= 1
    return bytes(content)


@pytest.mark.fault("Zip", "danificado, com senha, ou que mente sobre o tamanho", REFUSED)
@pytest.mark.parametrize("content", [
    b"not a zip", b"", with_bad_stream(), with_bad_checksum(), with_smaller_size_told(), with_password()],
    ids=["text", "empty", "bad stream", "bad checksum", "false size", "password"])
def test_unusable_zip_is_refused_and_nothing_is_left(tmp_path, refused, content):
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    assert "a.zip" in refused(unpack, archive, tmp_path / "in" / "out")
    assert not (tmp_path / "in").exists() or not list((tmp_path / "in").iterdir())


@pytest.mark.fault("Zip", "cortado em qualquer byte", REFUSED)
def test_a_zip_cut_at_any_byte_is_refused(tmp_path, refused, record_property):
    whole, archive, chance = bytes(deflated()), tmp_path / "a.zip", random.Random(2)
    for _ in range(CUTS):
        archive.write_bytes(whole[:chance.randrange(len(whole))])
        assert "danificado" in refused(unpack, archive, tmp_path / "in" / "out")
    assert not (tmp_path / "in").exists()
    record_property("trials", CUTS)


MIXED = {"cães/ação 1.txt": zipfile.ZIP_STORED, "cães/não.txt": zipfile.ZIP_DEFLATED,
         "gatos/é.txt": zipfile.ZIP_BZIP2, "gatos/ü.txt": zipfile.ZIP_LZMA}


@pytest.mark.fault("Zip", "um byte muda, em qualquer lugar", "descompacta, ou uma frase; nada fica pela metade")
def test_a_zip_with_one_byte_changed_is_unpacked_or_refused(tmp_path, record_property):
    """Some dozens of places, or each one; first by one bit, then by all eight."""
    original, archive = io.BytesIO(), tmp_path / "a.zip"
    with zipfile.ZipFile(original, "w") as content:
        for name, method in MIXED.items():
            content.writestr(name, name * 9, method)
    whole, chance, opened, trials = original.getvalue(), random.Random(4), 0, 0
    for at in range(0 if FULL else chance.randrange(9), len(whole), 1 if FULL else 9):
        for mask in (1 << chance.randrange(8), 0xff):
            archive.write_bytes(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1:])
            folder, trials = tmp_path / f"{at} {mask}" / "out", trials + 1
            try:
                unpack(archive, folder)
            except module.CatsdogsError as error:
                assert "a.zip" in assert_sentence(error), (at, mask)
                assert nothing_left(folder), (at, mask)
            except Exception as error:
                raise AssertionError(f"byte {at}, mask {mask}: {error!r}") from error
            else:
                opened += 1
                names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")}
                assert names == set(MIXED), (at, mask)
                assert all((folder / name).read_text("utf-8") == name * 9 for name in MIXED), (at, mask)
                assert [path.name for path in folder.parent.iterdir()] == ["out"]
    assert 0 < opened < trials
    record_property("trials", trials)


@pytest.mark.fault("Zip", "bomba: grande demais, arquivos demais, cresce demais", REFUSED)
@pytest.mark.parametrize(("limit", "value", "words"), [
    ("MAX_UNPACKED_BYTES", 5000, "GiB"), ("MAX_UNPACKED_FILES", 2, "3 arquivos"),
    ("RATIO_COUNTS_FROM_BYTES", 5000, "cresceria mais de")])
def test_zip_bomb_is_refused_before_unpacking(tmp_path, refused, monkeypatch, limit, value, words):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
        for name in "abc":
            content.writestr(f"{name}.txt", "0" * 500_000)
    monkeypatch.setattr(module, limit, value)
    assert words in refused(unpack, archive, tmp_path / "in" / "out")
    assert not (tmp_path / "in").exists()


def test_a_real_bomb_is_refused_at_once(tmp_path, refused):
    """300 MiB of zeros in a thousandth of that."""
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content, content.open("a.txt", "w") as member:
        for _ in range(300):
            member.write(bytes(2**20))
    assert "cresceria" in refused(unpack, archive, tmp_path / "in" / "out")
    assert not (tmp_path / "in").exists()


@pytest.mark.slow
@pytest.mark.fault("Zip", "o disco enche ao descompactar", "uma frase; nada fica no disco")
def test_a_disk_that_fills_up_while_unpacking_gives_one_sentence(tmp_path):
    archive = tmp_path / "a.zip"
    rng = np.random.default_rng(0)
    archive.write_bytes(zip_bytes(**{f"{i}.bin": rng.bytes(700_000) for i in range(9)}))
    script = "import sys; from pathlib import Path; from catsdogs.storage.archive import unpack; " \
             "unpack(Path(sys.argv[1]), Path('in/out'))"
    told, left = run_on_small_disk(tmp_path, 3 * 2**20, script, archive)
    assert "o disco está cheio" in told and "\n" not in told
    assert left == ["in"]
