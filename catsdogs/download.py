"""The official photos and weights, fetched once and unpacked safely."""

import contextlib
import os
import socket
import stat
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

from catsdogs.config import cache_dir
from catsdogs.errors import CatsdogsError, DamagedFileError, NoNetworkError, reason
from catsdogs.files import atomic_path, workshop
from catsdogs.guard import check_weights
from catsdogs.limits import (
    CONNECT_SECONDS,
    GIB,
    KIB,
    MAX_DOWNLOAD_BYTES,
    MAX_UNPACKED_BYTES,
    MAX_UNPACKED_FILES,
    MAX_UNPACKED_RATIO,
    MIN_BYTES_PER_SECOND,
    PACE_SECONDS,
    RATIO_COUNTS_FROM_BYTES,
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
# The last record of a zip, and the longest comment that may follow in it.
ZIP_END_BYTES = 22 + 2**16


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
            for member in content.infolist():
                member.filename = true_name(member)
            check_members(content.infolist(), archive)
            check_count(len(content.infolist()), archive)
            if not holds(folder, content):
                with workshop(folder) as scratch:
                    content.extractall(scratch / "new", content.infolist())
                    (scratch / "new").mkdir(exist_ok=True)  # of an empty zip
                    replace(folder, scratch, content)
    except (CatsdogsError, MemoryError):
        raise
    except RuntimeError as error:  # a password, or (NotImplementedError) an unusual compression
        raise CatsdogsError(f"{archive.name} tem senha ou uma compressão que não sei ler: "
                            "descompacte-o você mesmo e indique a pasta.") from error
    except Exception as error:  # each compression has errors of its own for what makes no sense
        if isinstance(error, OSError) and error.errno:  # but those of bz2 have no number
            raise CatsdogsError(f"Não consegui descompactar {archive.name} em {folder.parent} ({reason(error)}): "
                                "confira o espaço em disco e as permissões, ou indique outra pasta em CATSDOGS_CACHE."
                                ) from error
        raise DamagedFileError(f"{archive.name} está danificado: obtenha-o de novo.") from error
    return folder


def true_name(member: zipfile.ZipInfo) -> str:
    """The name that who made the zip saw, with ``/`` between folders, in composed letters.

    Without the flag for UTF-8, for which ``zipfile`` takes CP437 (APPNOTE.TXT, appendix D), macOS writes UTF-8 all the
    same, and Windows in Portuguese CP850.
    """
    name = member.filename
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeEncodeError):  # it came whole, from another field
            written = name.encode("cp437")
            try:
                name = written.decode("utf-8")
            except UnicodeDecodeError:
                name = written.decode("cp850")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def replace(folder: Path, scratch: Path, content: zipfile.ZipFile) -> None:
    """Put ``scratch / "new"`` in the place of a missing or damaged ``folder``, unless another process just did."""
    in_the_way = os.path.lexists(folder)
    if holds(folder, content):
        return
    try:
        if in_the_way:  # and damaged: what appeared since then is whole, and may be in use already
            with contextlib.suppress(FileNotFoundError):
                os.replace(folder, scratch / "old")
        os.replace(scratch / "new", folder)
    except OSError:  # no system puts a folder in the place of one that is not empty
        if not holds(folder, content):
            raise


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


def check_count(count: int, archive: Path) -> None:
    """Raise BadZipFile unless a zip lists as many entries as its end tells, which ``zipfile`` does not compare."""
    with open(archive, "rb") as file:
        file.seek(max(0, archive.stat().st_size - ZIP_END_BYTES))
        end = file.read()
    start = end.rindex(b"PK\5\6")
    told = int.from_bytes(end[start + 10:start + 12], "little")
    if told not in (count % 2**16, 2**16 - 1):  # the last for what two bytes cannot tell
        raise zipfile.BadZipFile(f"{count} entries of {told}")


def check_path(member: zipfile.ZipInfo, archive: Path) -> None:
    """Raise CatsdogsError for a zip entry that could write outside the target folder."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    has_drive = ":" in "".join(path.parts[:1])
    if path.is_absolute() or ".." in path.parts or has_drive or is_link:
        raise CatsdogsError(f"{archive.name} contém um caminho inseguro ({member.filename}) e não foi descompactado: "
                            "use um zip de origem confiável.")
