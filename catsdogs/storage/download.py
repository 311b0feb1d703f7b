"""The official photos and weights, fetched once."""

import contextlib
import os
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

from catsdogs.config import cache_dir
from catsdogs.errors import CatsdogsError, NoNetworkError, reason
from catsdogs.files import atomic_path
from catsdogs.storage.guard import check_weights
from catsdogs.storage.limits import (
    CONNECT_SECONDS,
    KIB,
    MAX_DOWNLOAD_BYTES,
    MIN_BYTES_PER_SECOND,
    PACE_SECONDS,
    READ_SECONDS,
    WAIT_SECONDS,
)

# Source of the size: the file's own HTTP headers, as TensorFlow's tutorials use it.
OFFICIAL_URL = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"
OFFICIAL_BYTES = 68_606_236
# Where Keras Applications keeps its weights, and the name get_file gives them on disk.
WEIGHTS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
WEIGHTS_NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{size}_no_top.h5"
# By image size, as Keras's own progress bar shows it; of the others only the content is checked.
WEIGHTS_BYTES = {224: 9_406_464}

OTHERWISE = "baixe-o à parte; CATSDOGS_DATA indica as fotos, e CATSDOGS_WEIGHTS, os pesos"
PIECE_BYTES = 2**16


def official_archive() -> Path:
    """Where the official zip of photos is kept once it is here."""
    return cache_dir() / "downloads" / OFFICIAL_URL.rsplit("/", 1)[1]


def keras_models_dir() -> Path:
    """Where Keras keeps the weights it downloads."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def reachable(url: str) -> bool:
    """Whether the URL's host takes a connection within a few seconds, so that no network is noticed at once."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        # A proxy, where one is set, is the host that must answer.
        proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
        if proxy:
            proxy_parts = urlsplit(proxy)
            host, port = proxy_parts.hostname, proxy_parts.port or 80
        else:
            host = parts.hostname
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def check_zip(path: Path) -> None:
    """Raise CatsdogsError unless ``path`` is a zip."""
    if not zipfile.is_zipfile(path):
        raise CatsdogsError("O que foi baixado não é um zip (talvez uma página de login da rede): ele foi descartado, "
                            "verifique a conexão e tente de novo.")


def check_hdf5(path: Path) -> None:
    """Raise CatsdogsError unless ``path`` is a whole and harmless HDF5 file, as Keras keeps weights in."""
    try:
        check_weights(path)  # on opening, the file's size is compared with the one written inside
    except Exception as error:  # h5py has many for what makes no sense
        raise CatsdogsError("O que foi baixado não são pesos do Keras (talvez uma página de login da rede): ele foi "
                            "descartado, verifique a conexão e tente de novo.") from error


def download(url: str, target: Path, expected_bytes: int | None = None,
             check: Callable[[Path], None] = check_zip) -> Path:
    """Fetch ``url`` into ``target`` with a progress bar, retrying a few times from the start, later each time.

    Nothing is left under ``target`` unless the whole file arrived and passed the check. A
    file that is there already is checked, too, and fetched again if it does not pass.

    Args:
        check: raises CatsdogsError for a file that is not of the expected kind.

    Raises:
        NoNetworkError: the server cannot be reached.
        CatsdogsError: it answers with an error, stalls, sends too much or something other than
            the expected file, or the disk takes no more.
    """
    if os.path.exists(target):  # unlike Path.exists, False where one may not look
        try:
            return checked(target, expected_bytes, check)
        except CatsdogsError:
            with contextlib.suppress(OSError):  # it can be neither removed nor, below, replaced
                target.unlink()
    if not reachable(url):
        raise NoNetworkError(f"Sem acesso a {urlsplit(url).hostname}: verifique a conexão com a internet.")
    try:
        with atomic_path(target) as temporary:
            fetch(url, temporary, expected_bytes or MAX_DOWNLOAD_BYTES)
            checked(temporary, expected_bytes, check)
    except (requests.RequestException, OSError) as error:
        raise CatsdogsError(f"O download de {url} falhou ({describe(error)}): tente de novo mais tarde ou "
                            f"{OTHERWISE}.") from error
    return target


def fetch(url: str, path: Path, max_bytes: int) -> None:
    """Write what ``url`` gives to ``path``, in a few attempts; the certificate is verified (requests' default)."""
    for seconds in (*WAIT_SECONDS, None):
        try:
            return fetch_once(url, path, max_bytes)
        except requests.RequestException as error:
            refused = error.response is not None and error.response.status_code < 500
            if refused or seconds is None:
                raise
            time.sleep(seconds)


def fetch_once(url: str, path: Path, max_bytes: int) -> None:
    """Write what ``url`` gives to ``path``, from the start, showing the progress."""
    # No other address is followed, which could end in plain HTTP: these servers do not redirect, login pages do.
    with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False,
                      headers={"Accept-Encoding": "identity"}) as answer:
        answer.raise_for_status()
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        with open(path, "wb") as file, tqdm(total=total, unit="B", unit_scale=True, desc=path.name) as progress:
            for piece in at_a_pace(pieces(answer)):
                progress.update(len(piece))
                if progress.n > max_bytes:
                    raise CatsdogsError(f"O servidor mandou mais que os {max_bytes} bytes esperados: o que chegou foi "
                                        f"descartado, tente de novo ou {OTHERWISE}.")
                file.write(piece)


def pieces(answer: requests.Response) -> Iterator[bytes]:
    """The body of an answer as it comes: ``iter_content`` would wait until a piece is full, however slowly it fills.

    Raises:
        requests.RequestException: the connection stalls or breaks.
    """
    raw = answer.raw
    # urllib3 before 2.2 knows no read1: there, at least, a piece is soon full.
    read, size = (raw.read1, PIECE_BYTES) if hasattr(raw, "read1") else (raw.read, KIB)
    try:
        while piece := read(size, decode_content=False):
            yield piece
    except urllib3.exceptions.TimeoutError as error:
        raise requests.Timeout(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error


def at_a_pace(incoming: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces; requests.Timeout when too few bytes come in a while, each of which is no stall of its own."""
    begun, count = time.monotonic(), 0
    for piece in incoming:
        yield piece
        count += len(piece)
        seconds = time.monotonic() - begun
        if seconds > PACE_SECONDS:
            if count < MIN_BYTES_PER_SECOND * seconds:
                raise requests.Timeout("too slow")
            begun, count = time.monotonic(), 0


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


def checked(path: Path, expected_bytes: int | None, check: Callable[[Path], None]) -> Path:
    """``path`` itself, or CatsdogsError unless it has the expected size, if there is one, and kind."""
    check(path)
    size = path.stat().st_size
    if expected_bytes is not None and size != expected_bytes:
        raise CatsdogsError(f"O arquivo baixado tem {size} bytes e deveria ter {expected_bytes}: ele foi descartado, "
                            f"tente de novo ou {OTHERWISE}.")
    return path
