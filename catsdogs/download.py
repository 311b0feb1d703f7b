"""The official photos and weights, fetched once and unpacked safely."""

import contextlib
import os
import socket
import stat
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from catsdogs.config import cache_dir
from catsdogs.errors import CatsdogsError, DamagedFileError, NoNetworkError, reason
from catsdogs.files import atomic_path, workshop
from catsdogs.limits import (
    CONNECT_SECONDS,
    GIB,
    MAX_DOWNLOAD_BYTES,
    MAX_UNPACKED_BYTES,
    MAX_UNPACKED_FILES,
    MAX_UNPACKED_RATIO,
    RATIO_COUNTS_FROM_BYTES,
    READ_SECONDS,
    WAIT_SECONDS,
)

# Source of the size: the file's own HTTP headers, as TensorFlow's tutorials use it.
OFFICIAL_URL = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"
OFFICIAL_BYTES = 68_606_236

OTHERWISE = "baixe-o à parte; CATSDOGS_DATA indica as fotos, e CATSDOGS_WEIGHTS, os pesos"
PIECE_BYTES = 2**16


def official_archive() -> Path:
    """Where the official zip of photos is kept once it is here."""
    return cache_dir() / "downloads" / OFFICIAL_URL.rsplit("/", 1)[1]


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
    """Raise CatsdogsError unless ``path`` is a whole HDF5 file, as Keras keeps weights in."""
    import h5py

    try:
        h5py.File(path).close()  # it compares the file's size with the one written inside
    except OSError as error:
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
    if target.exists():
        try:
            return checked(target, expected_bytes, check)
        except CatsdogsError:
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
    with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False) as answer:
        answer.raise_for_status()
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        with open(path, "wb") as file, tqdm(total=total, unit="B", unit_scale=True, desc=path.name) as progress:
            for piece in answer.iter_content(PIECE_BYTES):
                progress.update(len(piece))
                if progress.n > max_bytes:
                    raise CatsdogsError(f"O servidor mandou mais que os {max_bytes} bytes esperados: o que chegou foi "
                                        f"descartado, tente de novo ou {OTHERWISE}.")
                file.write(piece)


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


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip into ``folder``, unless all of its content is there already, byte for byte.

    ``folder`` appears only when everything is in it, also if two processes do this at once.

    Raises:
        DamagedFileError: the zip is damaged or cut short.
        CatsdogsError: the zip holds a path or link that leaves the folder, two files of one
            name, or more than ``limits`` allows; or the disk takes no more.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            check_members(content.infolist(), archive)
            if not holds(folder, content):
                with workshop(folder) as scratch:
                    content.extractall(scratch / "new")
                    (scratch / "new").mkdir(exist_ok=True)  # of an empty zip
                    replace(folder, scratch, content)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DamagedFileError(f"{archive.name} está danificado: obtenha-o de novo.") from error
    except RuntimeError as error:  # a password, or (NotImplementedError) an unusual compression
        raise CatsdogsError(f"{archive.name} tem senha ou uma compressão que não sei ler: "
                            "descompacte-o você mesmo e indique a pasta.") from error
    except OSError as error:
        raise CatsdogsError(f"Não consegui descompactar {archive.name} em {folder.parent} ({reason(error)}): "
                            "confira o espaço em disco e as permissões, ou indique outra pasta em CATSDOGS_CACHE."
                            ) from error
    return folder


def replace(folder: Path, scratch: Path, content: zipfile.ZipFile) -> None:
    """Put ``scratch / "new"`` in the place of a missing or damaged ``folder``."""
    if holds(folder, content):  # another process was faster, and may be reading it already
        return
    with contextlib.suppress(FileNotFoundError):
        os.replace(folder, scratch / "old")
    os.replace(scratch / "new", folder)


def holds(folder: Path, content: zipfile.ZipFile) -> bool:
    """Whether every file of the zip is in ``folder`` with the same size and CRC-32."""
    if not folder.is_dir():
        return False
    return all(is_same(folder / member.filename, member) for member in content.infolist() if not member.is_dir())


def is_same(path: Path, member: zipfile.ZipInfo) -> bool:
    """Whether a file has the size and CRC-32 of a zip's member."""
    try:
        if path.stat().st_size != member.file_size:
            return False
        checksum = 0
        with open(path, "rb") as file:
            while piece := file.read(PIECE_BYTES):
                checksum = zlib.crc32(piece, checksum)
    except OSError:
        return False
    return checksum == member.CRC


def check_members(members: list[zipfile.ZipInfo], archive: Path) -> None:
    """Raise CatsdogsError for a zip that could write outside the target folder, over itself, or without end."""
    for member in members:
        check_path(member, archive)
    names = {PurePosixPath(member.filename) for member in members}
    if len(names) < len(members):
        raise CatsdogsError(f"{archive.name} tem dois arquivos de mesmo nome e não foi descompactado: "
                            "compacte as fotos de novo.")
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED_BYTES or len(members) > MAX_UNPACKED_FILES:
        raise CatsdogsError(f"{archive.name} ocuparia {total / GIB:.0f} GiB em {len(members)} arquivos: use um zip "
                            "menor ou descompacte-o você mesmo e indique a pasta.")
    if total > RATIO_COUNTS_FROM_BYTES and total > MAX_UNPACKED_RATIO * archive.stat().st_size:
        raise CatsdogsError(f"{archive.name} cresceria mais de {MAX_UNPACKED_RATIO} vezes, o que fotos não fazem, e "
                            "não foi descompactado: use um zip de origem confiável.")


def check_path(member: zipfile.ZipInfo, archive: Path) -> None:
    """Raise CatsdogsError for a zip entry that could write outside the target folder."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    has_drive = ":" in "".join(path.parts[:1])
    if path.is_absolute() or ".." in path.parts or has_drive or is_link:
        raise CatsdogsError(f"{archive.name} contém um caminho inseguro ({member.filename}) e não foi descompactado: "
                            "use um zip de origem confiável.")
