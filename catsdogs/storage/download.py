"""The official photos, fetched once."""

import contextlib
import os
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

from catsdogs.config import cache_dir
from catsdogs.errors import CatsdogsError, NoNetworkError, reason
from catsdogs.files import PIECE_BYTES, atomic_path
from catsdogs.storage.limits import (
    CONNECT_SECONDS,
    MAX_DOWNLOAD_BYTES,
    MAX_DOWNLOAD_SECONDS,
    READ_SECONDS,
    WAIT_SECONDS,
)

# Source of the size: the file's own HTTP headers, as TensorFlow's tutorials use it.
OFFICIAL_URL = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"
OFFICIAL_BYTES = 68_606_236

OTHERWISE = "baixe-o à parte; CATSDOGS_DATA indica as fotos"


def official_archive() -> Path:
    """Where the official zip of photos is kept once it is here."""
    return cache_dir() / "downloads" / OFFICIAL_URL.rsplit("/", 1)[1]


def download(url: str, target: Path, expected_bytes: int | None = None) -> Path:
    """Fetch a zip into ``target`` with a progress bar, retrying a few times from the start, later each time.

    Nothing is left under ``target`` unless the whole file arrived. A file that is there already is
    checked, too, and fetched again if it is not whole.

    Raises:
        NoNetworkError: the server cannot be reached.
        CatsdogsError: it answers with an error, takes too long, sends too much or something other than
            the expected file, or the disk takes no more.
    """
    if os.path.exists(target):  # unlike Path.exists, False where one may not look
        try:
            return checked(target, expected_bytes)
        except CatsdogsError:
            with contextlib.suppress(OSError):  # it can be neither removed nor, below, replaced
                target.unlink()
    try:
        with atomic_path(target) as temporary:
            fetch(url, temporary, expected_bytes or MAX_DOWNLOAD_BYTES)
            checked(temporary, expected_bytes)
    except (requests.RequestException, OSError) as error:
        raise CatsdogsError(f"O download de {url} falhou ({describe(error)}): tente de novo mais tarde ou "
                            f"{OTHERWISE}.") from error
    return target


def fetch(url: str, path: Path, max_bytes: int) -> None:
    """Write what ``url`` gives to ``path``, in a few attempts; the certificate is verified (requests' default)."""
    deadline = time.monotonic() + MAX_DOWNLOAD_SECONDS
    for seconds in (*WAIT_SECONDS, None):
        try:
            return fetch_once(url, path, max_bytes, deadline)
        except requests.RequestException as error:
            refused = error.response is not None and error.response.status_code < 500
            if refused or seconds is None or time.monotonic() > deadline:
                raise
            time.sleep(seconds)


def fetch_once(url: str, path: Path, max_bytes: int, deadline: float) -> None:
    """Write what ``url`` gives to ``path``, from the start, showing the progress, until ``time.monotonic`` says so."""
    with opened(url) as answer:
        answer.raise_for_status()
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        with open(path, "wb") as file, tqdm(total=total, unit="B", unit_scale=True, desc=path.name) as progress:
            # Not ``iter_content``, which waits until a piece is full, however slowly it fills.
            while piece := read_some(answer):
                progress.update(len(piece))
                if progress.n > max_bytes:
                    raise CatsdogsError(f"O servidor mandou mais que os {max_bytes} bytes esperados: o que chegou foi "
                                        f"descartado, tente de novo ou {OTHERWISE}.")
                if time.monotonic() > deadline:
                    raise requests.Timeout("too slow")
                file.write(piece)


def opened(url: str) -> requests.Response:
    """The server's answer, its body still to come; NoNetworkError when there is no server to answer."""
    try:
        # No other address is followed, which could end in plain HTTP: this server does not redirect, login pages do.
        return requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False,
                            headers={"Accept-Encoding": "identity"})
    except requests.exceptions.SSLError:
        raise
    except requests.ConnectionError as error:
        if connected(error):
            raise
        raise NoNetworkError(f"Sem acesso a {urlsplit(url).hostname}: verifique a conexão com a internet.") from error


def connected(error: requests.ConnectionError) -> bool:
    """Whether a server was there, and broke the connection."""
    return isinstance(error.args[0] if error.args else None, urllib3.exceptions.ProtocolError)


def read_some(answer: requests.Response) -> bytes:
    """What has come of an answer's body, up to a piece; requests' exceptions when the connection stalls or breaks."""
    try:
        return answer.raw.read1(PIECE_BYTES, decode_content=False)
    except urllib3.exceptions.TimeoutError as error:
        raise requests.Timeout(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error


def describe(error: Exception) -> str:
    """The cause of a failed request in a few Portuguese words."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"o servidor respondeu {response.status_code}"
    if isinstance(error, requests.Timeout):
        return "o servidor demorou demais"
    if isinstance(error, requests.exceptions.SSLError):
        return "o certificado do servidor não é de confiança"
    if isinstance(error, requests.RequestException):
        return "a conexão foi interrompida"
    return reason(error)


def checked(path: Path, expected_bytes: int | None) -> Path:
    """``path`` itself, or CatsdogsError unless it is a zip of the expected size, if there is one."""
    if not zipfile.is_zipfile(path):
        raise CatsdogsError("O que foi baixado não é um zip (talvez uma página de login da rede): ele foi descartado, "
                            "verifique a conexão e tente de novo.")
    size = path.stat().st_size
    if expected_bytes is not None and size != expected_bytes:
        raise CatsdogsError(f"O arquivo baixado tem {size} bytes e deveria ter {expected_bytes}: ele foi descartado, "
                            f"tente de novo ou {OTHERWISE}.")
    return path
