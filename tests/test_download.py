"""Fetching and unpacking, against a server of our own."""

import contextlib
import errno
import http.client
import io
import os
import random
import shutil
import socket
import ssl
import stat
import subprocess
import threading
import unicodedata
import zipfile
from http.server import HTTPServer, SimpleHTTPRequestHandler

import numpy as np
import pytest
from helpers import FULL, PROCESSES, ROUNDS, assert_sentence, body, run_on_small_disk, run_together

from catsdogs import download as module
from catsdogs.download import check_hdf5, download, reachable, unpack

CUTS = 400 if FULL else 40
NOTHING_LEFT = "uma frase; nada fica no disco"
REFUSED = "uma frase; nada é descompactado"


def zip_bytes(**files) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in (files or {"a.txt": "hello" * 2000}).items():
            archive.writestr(zipfile.ZipInfo(name), text)  # of no date: the bytes name tests
    return content.getvalue()


GOOD = zip_bytes()


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The seconds that were to be waited between attempts; nothing is waited for here."""
    waited = []
    monkeypatch.setattr(module.time, "sleep", waited.append)
    return waited


@pytest.fixture
def target(tmp_path):
    return tmp_path / "downloads" / "photos.zip"


def nothing_left(target):
    return not target.parent.exists() or not list(target.parent.iterdir())


def everybody_else(path):
    """What anybody but the owner may do with each file or folder in ``path``."""
    return {entry.name: stat.S_IMODE(entry.stat().st_mode) & 0o077 for entry in path.iterdir()}


@pytest.fixture
def mask():
    """Set the process's umask, for this test only."""
    before = os.umask(0)
    yield os.umask
    os.umask(before)


def test_success_leaves_only_the_file_and_is_not_repeated(serve, target):
    url, requests = serve(body(GOOD))
    assert download(url, target, len(GOOD)) == target
    assert target.read_bytes() == GOOD and [path.name for path in target.parent.iterdir()] == ["photos.zip"]
    download(url, target, len(GOOD))
    assert len(requests) == 1


@pytest.mark.fault("Download", "o servidor recusa (404, 403, 410)", NOTHING_LEFT)
@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_refusal_is_final(serve, target, refused, status):
    url, requests = serve(body(b"not here", status=status))
    assert f"respondeu {status}" in refused(download, url, target)
    assert nothing_left(target) and len(requests) == 1


@pytest.mark.fault("Download", "o servidor falha (500, 503)", "tenta três vezes, esperando mais a cada uma; uma frase")
@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_server_is_asked_a_few_times_later_each_time(serve, target, refused, waits, status):
    url, requests = serve(body(b"", status=status))
    assert f"respondeu {status}" in refused(download, url, target)
    assert nothing_left(target) and len(requests) == 1 + len(waits)
    assert waits == list(module.WAIT_SECONDS) == sorted(set(waits))


@pytest.mark.fault("Download", "o servidor manda outra coisa: página de login, texto, nada", NOTHING_LEFT)
@pytest.mark.parametrize("content", [b"<html>login</html>", b"text", b"", GOOD[:-1]], ids=str)
def test_something_else_than_a_zip_is_thrown_away(serve, target, refused, content):
    url, _ = serve(body(content))
    assert "não é um zip" in refused(download, url, target)
    assert nothing_left(target)


WRONG_KIND = ("Download", "o tipo de conteúdo (Content-Type) não é de zip, com o zip certo ou uma página de login",
              "só vale o conteúdo: o zip certo é aceito; da página, uma frase, e nada fica no disco")


@pytest.mark.fault(*WRONG_KIND)
@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/zip"])
def test_a_login_page_of_any_kind_is_thrown_away(serve, target, refused, kind):
    url, _ = serve(body(b"<!DOCTYPE html><html><form>login</form></html>" * 100, kind=kind))
    assert "não é um zip" in refused(download, url, target)
    assert nothing_left(target)


@pytest.mark.fault(*WRONG_KIND)
@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8", "image/jpeg", "", "///"])
def test_the_right_zip_of_the_wrong_kind_is_taken(serve, target, kind):
    url, _ = serve(body(GOOD, kind=kind))
    assert download(url, target, len(GOOD)).read_bytes() == GOOD


@pytest.mark.fault("Download", "a rede manda para outro endereço, mesmo sem HTTPS", NOTHING_LEFT)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_other_address_is_followed(serve, target, refused, status):
    elsewhere, visits = serve(body(GOOD))

    def redirect(request):
        request.send_response(status)
        request.send_header("Location", elsewhere)
        request.send_header("Content-Length", "0")
        request.end_headers()

    url, _ = serve(redirect)
    refused(download, url, target)
    assert nothing_left(target) and not visits


@pytest.mark.fault("Download", "a conexão cai em qualquer byte", "recomeça, ou uma frase; nada fica no disco")
def test_a_connection_cut_at_any_byte(serve, target, refused, record_property):
    """With the length announced, the loss is noticed; without it, what came is no whole zip."""
    chance = random.Random(1)
    for trial in range(CUTS):
        cut = chance.randrange(len(GOOD))
        if trial % 2:
            url, _ = serve(body(GOOD[:cut], declared=len(GOOD)))
            assert "interrompida" in refused(download, url, target), cut
        else:
            url, _ = serve(body(GOOD[:cut], declared=len(GOOD)), body(GOOD))
            assert download(url, target, len(GOOD)).read_bytes() == GOOD
            target.unlink()
        assert nothing_left(target), cut
    record_property("trials", CUTS)


@pytest.mark.fault("Download", "tamanho diferente do esperado", NOTHING_LEFT)
@pytest.mark.parametrize("difference", [-5000, -1, 1, 5000])
def test_wrong_size_gives_one_sentence_and_leaves_nothing(serve, target, refused, difference):
    url, _ = serve(body(GOOD))
    message = refused(download, url, target, len(GOOD) + difference)
    assert str(len(GOOD) + difference) in message
    assert nothing_left(target)


@pytest.mark.fault("Download", "o servidor não para de mandar", "para no limite; uma frase")
def test_an_endless_answer_is_cut_off(serve, target, refused, monkeypatch):
    monkeypatch.setattr(module, "MAX_DOWNLOAD_BYTES", 5_000_000)
    sent = []

    def endless(request):
        request.send_response(200)
        request.end_headers()
        for _ in range(1000):
            request.wfile.write(bytes(100_000))
            sent.append(1)

    url, _ = serve(endless)
    assert "5000000 bytes" in refused(download, url, target)
    assert nothing_left(target) and len(sent) < 500


@pytest.mark.fault("Download", "o servidor demora", NOTHING_LEFT)
def test_stalled_server_gives_one_sentence_and_leaves_nothing(serve, target, refused, monkeypatch):
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    pause = threading.Event()
    url, requests = serve(body(GOOD, pause=pause))
    message = refused(download, url, target)
    pause.set()
    assert "demorou" in message or "interrompida" in message
    assert nothing_left(target) and len(requests) == 1 + len(module.WAIT_SECONDS)


@pytest.mark.fault("Download", "o servidor manda um byte de cada vez, desde o início ou depois de um bom trecho",
                   NOTHING_LEFT)
@pytest.mark.parametrize("start", [0, 100_000])
@pytest.mark.parametrize("declared", [True, False], ids=["length", "no length"])
def test_a_server_that_drips_gives_one_sentence(serve, target, refused, monkeypatch, start, declared):
    """Each byte comes long before the limit of a single wait."""
    monkeypatch.setattr(module, "PACE_SECONDS", 0.1)
    monkeypatch.setattr(module, "MIN_BYTES_PER_SECOND", 10_000)
    pause, sent = threading.Event(), []

    def drip(request):
        request.send_response(200)
        if declared:
            request.send_header("Content-Length", "2000000")
        request.end_headers()
        request.wfile.write(bytes(start))
        while len(sent) < 5000 and not pause.wait(0.01):
            request.wfile.write(b"0")
            sent.append(1)

    url, requests = serve(drip)
    message = refused(download, url, target)
    pause.set()
    assert "demorou demais" in message and nothing_left(target)
    assert len(requests) == 1 + len(module.WAIT_SECONDS) and len(sent) < 5000


def test_a_slow_server_that_keeps_the_pace_is_waited_for(serve, target, monkeypatch):
    monkeypatch.setattr(module, "PACE_SECONDS", 0.05)
    monkeypatch.setattr(module, "MIN_BYTES_PER_SECOND", 100)
    pause = threading.Event()

    def slowly(request):
        request.send_response(200)
        request.end_headers()
        for at in range(0, len(GOOD), 500):
            request.wfile.write(GOOD[at:at + 500])
            pause.wait(0.01)

    url, requests = serve(slowly)
    assert download(url, target, len(GOOD)).read_bytes() == GOOD and len(requests) == 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.fault("Download", "sem rede", "percebe em segundos; uma frase")
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


@pytest.mark.fault("Download", "certificado de quem não é o servidor", NOTHING_LEFT)
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path, target, refused, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    (tmp_path / "photos.zip").write_bytes(GOOD)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    visits = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path)

        def log_message(self, *_):
            visits.append(self.path)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{server.server_port}/photos.zip"
        assert "certificado" in refused(download, url, target)
        assert nothing_left(target) and not visits
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # whoever trusts it gets the file
        assert download(url, target, len(GOOD)).read_bytes() == GOOD
        server.shutdown()


@pytest.mark.slow
@pytest.mark.fault("Download", "o disco enche", NOTHING_LEFT)
def test_a_disk_that_fills_up_gives_one_sentence(serve, tmp_path):
    url, _ = serve(body(zip_bytes(**{"a.txt": "x" * 6_000_000})))
    script = "import sys; from pathlib import Path; from catsdogs.download import download; " \
             "download(sys.argv[1], Path('downloads/photos.zip'))"
    told, left = run_on_small_disk(tmp_path, 2 * 2**20, script, url)
    assert "o disco está cheio" in told and "\n" not in told
    assert left == ["downloads"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_what_the_disk_refuses_is_told_in_portuguese(serve, target, refused, monkeypatch, code):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module, "fetch_once", fail)
    url, _ = serve(body(GOOD))
    message = refused(download, url, target)
    assert os.strerror(code) not in message and nothing_left(target)


@pytest.mark.fault("Download", "o processo anterior foi morto no meio", "recomeça; o pedaço não é usado")
def test_what_an_interrupted_download_left_is_not_used_and_goes_after_a_day(serve, target):
    old, fresh = target.with_name(".photos.zip-old"), target.with_name(".photos.zip-fresh")
    for left in (old, fresh):
        left.mkdir(parents=True)
        (left / "photos.zip").write_bytes(b"half")
    os.utime(old, (0, 0))
    url, _ = serve(body(GOOD))
    assert download(url, target).read_bytes() == GOOD
    assert not old.exists() and fresh.exists()  # another process may be at work in the fresh one


@pytest.mark.fault("Download", "o arquivo baixado antes foi danificado ou trocado", "baixa de novo")
@pytest.mark.parametrize("damage", [b"", b"text", GOOD[:-1], GOOD + b"\0"], ids=["empty", "text", "shorter", "longer"])
def test_a_damaged_file_is_fetched_again(serve, target, damage):
    target.parent.mkdir()
    target.write_bytes(damage)
    url, requests = serve(body(GOOD))
    assert download(url, target, len(GOOD)).read_bytes() == GOOD and len(requests) == 1


@pytest.mark.slow
@pytest.mark.fault("Download", "o arquivo baixado antes foi danificado, e a pasta é só de leitura", "uma frase")
def test_a_damaged_file_that_cannot_be_removed_gives_one_sentence(serve, tmp_path):
    url, _ = serve(body(GOOD))
    script = "import subprocess, sys; from catsdogs.download import download; " \
             "Path('photos.zip').write_bytes(b'half'); " \
             "subprocess.run(['mount', '-o', 'remount,ro', os.getcwd()], check=True); " \
             "download(sys.argv[1], Path('photos.zip').absolute())"
    told, left = run_on_small_disk(tmp_path, 2**20, script, url)
    assert "só se pode ler ali" in assert_sentence(told) and left == ["photos.zip"]


@pytest.mark.slow
@pytest.mark.fault("Download", "vários processos baixam ao mesmo tempo", "todos terminam com o arquivo inteiro")
def test_several_at_once_all_end_with_the_whole_file(serve, tmp_path, record_property):
    url, _ = serve(body(GOOD))
    (tmp_path / "good.zip").write_bytes(GOOD)
    run_together("from catsdogs.download import download",
                 "path = download(arguments[0], Path(arguments[1], str(turn), 'photos.zip'), int(arguments[2])); "
                 "assert path.read_bytes() == Path(arguments[3]).read_bytes()",
                 url, tmp_path / "downloads", len(GOOD), tmp_path / "good.zip")
    for turn in range(ROUNDS):
        assert [path.name for path in (tmp_path / "downloads" / str(turn)).iterdir()] == ["photos.zip"]
    record_property("trials", PROCESSES * ROUNDS)


SAFE = ("Disco", "outro usuário poderia ler ou trocar o que ainda está pela metade (umask 0)",
        "a pasta temporária é só de quem a fez (0700); o arquivo pronto fica como o umask manda")
needs_modes = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@needs_modes
@pytest.mark.fault(*SAFE)
def test_what_is_half_fetched_is_nobody_elses(serve, target, mask):
    seen = {}

    def answer(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(GOOD)))
        request.end_headers()
        seen.update(everybody_else(target.parent))
        request.wfile.write(GOOD)

    url, _ = serve(answer)
    mask(0)
    download(url, target)
    assert list(seen.values()) == [0]
    target.unlink()
    mask(0o027)
    assert stat.S_IMODE(download(url, target).stat().st_mode) == 0o640


@needs_modes
@pytest.mark.fault(*SAFE)
def test_what_is_half_unpacked_is_nobody_elses(tmp_path, mask, monkeypatch):
    archive, seen, unpack_all = tmp_path / "a.zip", {}, zipfile.ZipFile.extractall

    def extractall(*arguments):
        unpack_all(*arguments)
        seen.update(everybody_else(tmp_path / "in"))

    monkeypatch.setattr(zipfile.ZipFile, "extractall", extractall)
    archive.write_bytes(zip_bytes(**{"cats/a.txt": "a"}))
    mask(0)
    unpack(archive, tmp_path / "in" / "out")
    assert list(seen.values()) == [0]
    mask(0o027)
    folder = unpack(archive, tmp_path / "in" / "other")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "cats", folder / "cats" / "a.txt")] \
        == [0o750, 0o750, 0o640]


def test_only_whole_hdf5_files_pass_for_weights(tmp_path, refused):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kernel"] = np.zeros(5000)
    check_hdf5(tmp_path / "a.h5")
    content = (tmp_path / "a.h5").read_bytes()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("kernel", (4,), "u1", external=[("/etc/passwd", 0, 4)])
    for wrong in (content[:-1], content[:300], b"<html>", b"", (tmp_path / "a.h5").read_bytes()):
        (tmp_path / "b.h5").write_bytes(wrong)
        assert "pesos do Keras" in refused(check_hdf5, tmp_path / "b.h5")


def test_a_proxy_is_what_must_answer(serve, monkeypatch):
    url, _ = serve(body(GOOD))
    monkeypatch.setenv("http_proxy", url.rsplit("/", 1)[0])
    assert reachable("http://example.invalid/photos.zip")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert not reachable("http://example.invalid/photos.zip")


@pytest.mark.fault("Download", "cabeçalhos sem sentido",
                   "o arquivo inteiro, ou uma frase; nada fica pela metade")
@pytest.mark.parametrize("header", [("Content-Length", "muitos"), ("Content-Length", "-5"),
                                    ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")])
def test_senseless_headers_give_the_file_or_one_sentence(serve, target, header):
    def answer(request):
        request.send_response(200)
        request.send_header(*header)
        request.end_headers()
        request.wfile.write(GOOD)

    url, _ = serve(answer)
    with contextlib.suppress(module.CatsdogsError):
        assert download(url, target, len(GOOD)).read_bytes() == GOOD
        target.unlink()
    assert nothing_left(target)


def test_an_answer_that_is_not_http_gives_one_sentence(serve, target, refused):
    url, _ = serve(lambda request: request.wfile.write(b"\x00" * (http.client._MAXLINE + 9)))
    assert "interrompida" in refused(download, url, target)
    assert nothing_left(target)


# Unpacking

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
    run_together("from catsdogs.download import unpack",
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
    script = "import sys; from pathlib import Path; from catsdogs.download import unpack; " \
             "unpack(Path(sys.argv[1]), Path('in/out'))"
    told, left = run_on_small_disk(tmp_path, 3 * 2**20, script, archive)
    assert "o disco está cheio" in told and "\n" not in told
    assert left == ["in"]
