"""Fetching and unpacking, against a server of our own."""

import io
import socket
import stat
import threading
import zipfile

import pytest
from helpers import body

from catsdogs import download as module
from catsdogs.download import download, reachable, unpack


def zip_bytes(**files) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in (files or {"a.txt": "hello" * 2000}).items():
            archive.writestr(name, text)
    return content.getvalue()


GOOD = zip_bytes()


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """pooch waits between retries; not here."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "downloads" / "photos.zip"


def nothing_left(target):
    return not target.parent.exists() or not list(target.parent.iterdir())


def test_success_leaves_only_the_file_and_is_not_repeated(serve, target):
    url, requests = serve(body(GOOD))
    assert download(url, target, len(GOOD)) == target
    assert target.read_bytes() == GOOD and [path.name for path in target.parent.iterdir()] == ["photos.zip"]
    download(url, target, len(GOOD))
    assert len(requests) == 1


@pytest.mark.parametrize(("answer", "words"), [
    (body(b"not here", status=404), "respondeu 404"), (body(b"", status=503), "respondeu 503"),
    (body(GOOD, declared=len(GOOD) + 5000), "interrompida"),
    (body(b"<html>login</html>"), "não é um zip"), (body(b""), "não é um zip")])
def test_bad_answer_gives_one_sentence_and_leaves_nothing(serve, target, refused, answer, words):
    url, _ = serve(answer)
    assert words in refused(download, url, target)
    assert nothing_left(target)


def test_wrong_size_gives_one_sentence_and_leaves_nothing(serve, target, refused):
    url, _ = serve(body(GOOD))
    message = refused(download, url, target, len(GOOD) + 1)
    assert f"{len(GOOD)} bytes" in message and f"{len(GOOD) + 1}" in message
    assert nothing_left(target)


def test_stalled_server_gives_one_sentence_and_leaves_nothing(serve, target, refused, monkeypatch):
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    pause = threading.Event()
    url, requests = serve(body(GOOD, pause=pause))
    message = refused(download, url, target)
    pause.set()
    assert "demorou" in message or "interrompida" in message
    assert nothing_left(target) and len(requests) == 1 + module.RETRIES


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_server_down_gives_one_sentence_and_leaves_nothing(target, refused):
    url = f"http://127.0.0.1:{free_port()}/photos.zip"
    assert not reachable(url)
    assert "Sem acesso a 127.0.0.1" in refused(download, url, target)
    assert nothing_left(target)


def test_server_that_dies_after_the_check_gives_one_sentence(target, refused, monkeypatch):
    monkeypatch.setattr(module, "reachable", lambda url: True)
    assert "interrompida" in refused(download, f"http://127.0.0.1:{free_port()}/photos.zip", target)
    assert nothing_left(target)


@pytest.mark.parametrize("first", [body(b"", status=500), body(GOOD, declared=len(GOOD) + 5000)])
def test_second_attempt_recovers_from_the_start(serve, target, first):
    url, requests = serve(first, body(GOOD))
    assert download(url, target, len(GOOD)).read_bytes() == GOOD
    assert len(requests) == 2 and [path.name for path in target.parent.iterdir()] == ["photos.zip"]


def test_what_an_interrupted_download_left_is_not_used(serve, target):
    target.parent.mkdir()
    target.with_name("photos.zip.part").write_bytes(b"half")
    url, _ = serve(body(GOOD))
    assert download(url, target).read_bytes() == GOOD


def test_a_proxy_is_what_must_answer(serve, monkeypatch):
    url, _ = serve(body(GOOD))
    monkeypatch.setenv("http_proxy", url.rsplit("/", 1)[0])
    assert reachable("http://example.invalid/photos.zip")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert not reachable("http://example.invalid/photos.zip")


# Unpacking

def test_unpack_gives_the_whole_folder(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_bytes(**{"cats/ação 1.txt": "a", "dogs/b.txt": "b"}))
    folder = unpack(archive, tmp_path / "deep" / "out")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")) \
        == ["cats/ação 1.txt", "dogs/b.txt"]
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def link_bytes():
    entry = zipfile.ZipInfo("cats/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("cats/a.txt", "a")
        archive.writestr(entry, "/etc/passwd")
    return content.getvalue()


@pytest.mark.parametrize("content", [
    zip_bytes(**{"ok.txt": "a", "../evil.txt": "b"}), zip_bytes(**{"cats/../../evil.txt": "b"}),
    zip_bytes(**{"/evil.txt": "b"}), zip_bytes(**{"C:/evil.txt": "b"}), zip_bytes(**{"..\\evil.txt": "b"}),
    link_bytes()], ids=["parent", "inner parent", "absolute", "drive", "backslash", "link"])
def test_unsafe_entries_are_refused_and_nothing_is_left(tmp_path, refused, content):
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    assert "inseguro" in refused(unpack, archive, tmp_path / "in" / "out")
    assert not list((tmp_path / "in").iterdir()) and not list(tmp_path.rglob("evil.txt"))


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


def with_password():
    content = deflated()
    content[6] |= 1  # the flag in the local header and in the central directory
    content[content.rindex(b"PK\1\2") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize("content", [
    GOOD[:-30], GOOD[:200], b"not a zip", b"", with_bad_stream(), with_bad_checksum(), with_password()],
    ids=["end missing", "start only", "text", "empty", "bad stream", "bad checksum", "password"])
def test_unusable_zip_is_refused_and_nothing_is_left(tmp_path, refused, content):
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    assert "a.zip" in refused(unpack, archive, tmp_path / "in" / "out")
    assert not list((tmp_path / "in").iterdir())


def test_zip_bomb_is_refused_before_unpacking(tmp_path, refused, monkeypatch):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_bytes())
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", 5000)
    assert "GiB" in refused(unpack, archive, tmp_path / "in" / "out")
    assert not list((tmp_path / "in").iterdir())
