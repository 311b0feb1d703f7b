"""The official photos, fetched once and unpacked safely."""

import shutil
import socket
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pooch
import requests

from catsdogs.config import cache_dir
from catsdogs.errors import CatsdogsError, NoNetworkError

# Source of the size: the file's own HTTP headers, as TensorFlow's tutorials use it.
OFFICIAL_URL = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"
OFFICIAL_BYTES = 68_606_236

CONNECT_SECONDS = 4
READ_SECONDS = 30
RETRIES = 2
MAX_UNPACKED_BYTES = 20 * 2**30
OTHERWISE = "baixe-o à parte; CATSDOGS_DATA indica as fotos, e CATSDOGS_WEIGHTS, os pesos"


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


def download(url: str, target: Path, expected_bytes: int | None = None,
             check: Callable[[Path], None] = check_zip) -> Path:
    """Fetch ``url`` into ``target`` with a progress bar, retrying a few times from the start.

    Nothing is left under ``target`` unless the whole file arrived and passed the check.

    Args:
        check: raises CatsdogsError for a file that is not of the expected kind.

    Raises:
        NoNetworkError: the server cannot be reached.
        CatsdogsError: it answers with an error, stalls, or sends something other than
            the expected file.
    """
    if target.exists():
        return target
    if not reachable(url):
        raise NoNetworkError(f"Sem acesso a {urlsplit(url).hostname}: verifique a conexão com a internet.")
    target.parent.mkdir(parents=True, exist_ok=True)
    part_name = target.name + ".part"
    fetcher = pooch.create(target.parent, base_url="", registry={part_name: None}, urls={part_name: url},
                           retry_if_failed=RETRIES)
    http = pooch.HTTPDownloader(progressbar=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
    part = target.with_name(part_name)
    part.unlink(missing_ok=True)
    pooch.get_logger().setLevel("ERROR")
    try:
        fetcher.fetch(part_name, downloader=http)
        check_size(part, expected_bytes)
        check(part)
        part.replace(target)
    except (requests.RequestException, OSError) as error:
        raise CatsdogsError(f"O download de {url} falhou ({describe(error)}): tente de novo mais tarde ou "
                            f"{OTHERWISE}.") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def describe(error: Exception) -> str:
    """The cause of a failed request in a few Portuguese words."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"o servidor respondeu {response.status_code}"
    if isinstance(error, requests.Timeout):
        return "o servidor demorou demais"
    if isinstance(error, requests.RequestException):
        return "a conexão foi interrompida"
    return error.strerror or type(error).__name__


def check_size(path: Path, expected_bytes: int | None) -> None:
    """Raise CatsdogsError unless ``path`` has the expected size, if there is one."""
    size = path.stat().st_size
    if expected_bytes is not None and size != expected_bytes:
        raise CatsdogsError(f"O arquivo baixado tem {size} bytes e deveria ter {expected_bytes}: ele foi descartado, "
                            f"tente de novo ou {OTHERWISE}.")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip into ``folder``, which appears only when everything is in it.

    Raises:
        CatsdogsError: the zip is damaged, holds a path or link that leaves the folder,
            or would unpack to more than ``MAX_UNPACKED_BYTES``.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                check_member(member, archive)
            total = sum(member.file_size for member in content.infolist())
            if total > MAX_UNPACKED_BYTES:
                raise CatsdogsError(f"{archive.name} ocuparia {total / 2**30:.0f} GiB descompactado: "
                                    "use um zip menor ou descompacte-o você mesmo e indique a pasta.")
            content.extractall(staging)
        staging.replace(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise CatsdogsError(f"{archive.name} está danificado: obtenha-o de novo.") from error
    except RuntimeError as error:  # a password, or (NotImplementedError) an unusual compression
        raise CatsdogsError(f"{archive.name} tem senha ou uma compressão que não sei ler: "
                            "descompacte-o você mesmo e indique a pasta.") from error
    except OSError as error:
        raise CatsdogsError(f"Não consegui descompactar {archive.name} em {folder.parent} ({error.strerror}): "
                            "confira o espaço em disco e as permissões.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def check_member(member: zipfile.ZipInfo, archive: Path) -> None:
    """Raise CatsdogsError for a zip entry that could write outside the target folder."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    has_drive = ":" in "".join(path.parts[:1])
    if path.is_absolute() or ".." in path.parts or has_drive or is_link:
        raise CatsdogsError(f"{archive.name} contém um caminho inseguro ({member.filename}) e não foi descompactado: "
                            "use um zip de origem confiável.")
