"""Fetching, against a server of our own."""

import contextlib
import errno
import http.client
import os
import random
import shutil
import socket
import ssl
import stat
import subprocess
import threading
import zipfile
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest
from helpers import (
    FULL,
    PROCESSES,
    ROUNDS,
    assert_sentence,
    body,
    nothing_left,
    run_on_small_disk,
    run_together,
    zip_bytes,
)

from catsdogs.storage import download as module
from catsdogs.storage.archive import unpack
from catsdogs.storage.download import download

CUTS = 400 if FULL else 40
NOTHING_LEFT = "uma frase; nada fica no disco"


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
    monkeypatch.setattr(module, "MAX_DOWNLOAD_SECONDS", 0.2)
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
    assert len(requests) == 1 and len(sent) < 5000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.fault("Download", "sem rede", "percebe em segundos; uma frase")
def test_server_down_gives_one_sentence_and_leaves_nothing(target, refused):
    url = f"http://127.0.0.1:{free_port()}/photos.zip"
    assert "Sem acesso a 127.0.0.1" in refused(download, url, target)
    assert nothing_left(target)


def test_a_server_that_hangs_up_is_there(serve, target, refused):
    url, requests = serve(lambda request: None)
    assert "interrompida" in refused(download, url, target)
    assert nothing_left(target) and len(requests) == 1 + len(module.WAIT_SECONDS)


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
    script = "import sys; from pathlib import Path; from catsdogs.storage.download import download; " \
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
    script = "import subprocess, sys; from catsdogs.storage.download import download; " \
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
    run_together("from catsdogs.storage.download import download",
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


def test_a_proxy_is_what_must_answer(serve, target, refused, monkeypatch):
    url, _ = serve(body(GOOD))
    monkeypatch.setenv("http_proxy", url.rsplit("/", 1)[0])
    assert download("http://example.invalid/photos.zip", target).read_bytes() == GOOD
    target.unlink()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert "Sem acesso" in refused(download, "http://example.invalid/photos.zip", target)


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
