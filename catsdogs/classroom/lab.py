"""Install the project on a machine without internet, from the folder that ``catsdogs offline`` prepared.

The folder has a copy of this file, ``instalar.py``, which needs nothing but Python:

    python instalar.py                               # from the folder it lies in
    python instalar.py http://192.168.0.10:8000      # from the machine that serves the folder

That copy knows the SHA-256 of every file it uses: who trusts it need not trust the road that the others take.
"""

import hashlib
import http.client
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

# What was gathered, and for which machine: `catsdogs offline` writes it here in the copy.
PREPARED: dict = {}

REPOSITORY, NPM, WHEELS = "repositorio.zip", "npm.zip", "pacotes"
PROJECT = Path("cats-vs-dogs")
# How long a server may be silent: as `limits.READ_SECONDS`, which is not at hand.
SECONDS = 30
PIECE_BYTES = 2**16
HELP = """Uso: python instalar.py [PASTA ou ENDEREÇO]

Instala o projeto em cats-vs-dogs, na pasta atual, sem internet: da pasta em que
instalar.py está, de outra, ou do endereço em que ela é servida, como
http://192.168.0.10:8000.

Cada arquivo é conferido antes do uso: as somas SHA-256 estão em instalar.py. Por
isso, traga instalar.py por um caminho em que você confia (um pen drive, uma página
por HTTPS); os outros arquivos podem vir por qualquer rede."""
# For the new environment's Python, where the package is.
SETTLE = """
import sys
from catsdogs.classroom.offline import settle
for problem in settle(sys.argv[1]):
    print(problem, file=sys.stderr)
"""


class LabError(Exception):
    """What is wrong, in one Portuguese sentence."""


def main(arguments: list[str]) -> int:
    """Install into ``cats-vs-dogs``, in the current folder; 0 on success, 1 when something is missing."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(HELP)
        return 0
    source = arguments[0] if arguments else str(Path(__file__).parent)
    source = source.rstrip("/") if is_address(source) else str(Path(source).resolve())
    try:
        install(source, PROJECT)
    except LabError as error:
        print(f"instalar.py: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"instalar.py: Não consegui gravar em {Path.cwd()} ({error.strerror}): confira o espaço em disco e as "
              "permissões.", file=sys.stderr)
        return 1
    print(f"Pronto. Para começar: {scripts(PROJECT) / 'jupyter'} lab {PROJECT / 'book'}")
    return 0


def install(source: str, project: Path) -> None:
    """Unpack the project, make its environment and put photos and weights in place; run again, it goes on.

    A project that is already there keeps its files, and the students' work in them.

    Raises:
        LabError: something is missing or is not what was gathered, or this machine is not like the one that
            prepared the folder.
        OSError: the disk takes no more.
    """
    if not PREPARED:
        raise LabError("Este não é o programa de uma pasta preparada: rode o instalar.py que `catsdogs offline` fez.")
    if [PREPARED["python"], PREPARED["platform"]] != [python_version(), machine()]:
        raise LabError(f"Os pacotes são para Python {PREPARED['python']} em {PREPARED['platform']}, e aqui há Python "
                       f"{python_version()} em {machine()}: prepare a pasta numa máquina igual às do laboratório.")
    # Beside the project, as what systems keep for temporary files may be small.
    with tempfile.TemporaryDirectory(dir=project.parent, prefix=".") as staging:
        here = Path(staging).resolve()
        for name, (size, digest) in PREPARED["files"].items():
            bring(source, name, size, digest, here)
        unpack(here / REPOSITORY, project)
        make_environment(here / WHEELS, project, PREPARED["besides"])
        if (here / NPM).exists():
            unpack(here / NPM, project / "_build" / "web")
        run([python(project), "-c", SETTLE, here], project, "pôr fotos e pesos no lugar")


def bring(source: str, name: str, size: int, digest: str, folder: Path) -> None:
    """Copy a file of the prepared folder into ``folder``; from there on, nobody else changes it.

    Raises:
        LabError: it does not come, or it is not the one that was gathered.
        OSError: the disk takes no more.
    """
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    found, left = hashlib.sha256(), size
    with target.open("wb") as file:
        for piece in pieces(source, name):
            found.update(piece)
            file.write(piece)
            left -= len(piece)
            if left < 0:
                break
    if left or found.hexdigest() != digest:
        raise LabError(f"{name} não é o arquivo que `catsdogs offline` reuniu, e nada foi instalado: copie de novo a "
                       "pasta preparada, com o seu instalar.py.")


def pieces(source: str, name: str) -> Iterator[bytes]:
    """The content of a file of the prepared folder.

    Raises:
        LabError: it is not there, or the server gives something else, or nothing.
    """
    try:
        with opened(source, name) as content:
            while piece := content.read(PIECE_BYTES):
                yield piece
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LabError(f"{name} não veio de {source}: confira o endereço e se a pasta está sendo servida."
                       if is_address(source) else
                       f"{name} não está em {source}: prepare a pasta de novo com `catsdogs offline`.") from error


def opened(source: str, name: str):
    """A file of the prepared folder, to read from."""
    if not is_address(source):
        return (Path(source) / name).open("rb")
    return urllib.request.build_opener(NoOtherAddress).open(f"{source}/{quote(name)}", timeout=SECONDS)


class NoOtherAddress(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the folder's server makes none, login pages do."""

    def redirect_request(self, *_):
        """No request, so that the answer counts as an error."""


def unpack(archive: Path, folder: Path) -> None:
    """Unzip into ``folder``, which appears only when everything is in it; one that is there stays as it is."""
    if folder.exists():
        return
    if not archive.exists():
        raise LabError(f"{archive.name} não foi reunido: rode `catsdogs offline` de novo e veja o que falta.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(staging)
        staging.chmod(0o755)
        staging.replace(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def make_environment(wheels: Path, project: Path, besides: list[str]) -> None:
    """An environment in ``.venv`` with the gathered packages and ours, as ``make`` would have made it."""
    try:
        venv.create(project / ".venv", with_pip=True)
    except subprocess.CalledProcessError as error:
        raise LabError("O Python daqui não cria ambientes: instale o pacote python3-venv do sistema.") from error
    pip = [python(project), "-m", "pip", "install", "--isolated", "--quiet", "--disable-pip-version-check",
           "--no-index", "--find-links", wheels]
    run([*pip, "--requirement", "requirements.txt"], project, "instalar os pacotes")
    # Not together: next to requirements with hashes, pip takes none without.
    run([*pip, *besides], project, "instalar os pacotes")
    run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."], project, "instalar o catsdogs")
    # So that `make book` and `make test` do not look for packages on the network.
    (project / ".venv" / "installed").touch()


def run(command: list, project: Path, what: str) -> None:
    """Run a command in the project's folder, or say what could not be done."""
    if subprocess.run([str(part) for part in command], cwd=project).returncode:
        raise LabError(f"Não consegui {what}; o motivo está nas linhas acima.")


def scripts(project: Path) -> Path:
    """Where the environment's commands are."""
    return project / ".venv" / ("Scripts" if os.name == "nt" else "bin")


def python(project: Path) -> Path:
    """The environment's interpreter."""
    return scripts(project.resolve()) / "python"


def is_address(source: str) -> bool:
    """Whether the prepared folder is served rather than at hand."""
    return source.startswith(("http://", "https://"))


def python_version() -> str:
    """Major and minor, which wheels depend on."""
    return ".".join(platform.python_version_tuple()[:2])


def machine() -> str:
    """System and processor, which wheels depend on."""
    return f"{platform.system()} {platform.machine()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
