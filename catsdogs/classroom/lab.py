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
import subprocess
import sys
import tempfile
import urllib.request
import venv
import zipfile
from pathlib import Path
from urllib.parse import quote, urlsplit

# What was gathered, and for which machine: `catsdogs offline` writes it here in the copy.
PREPARED: dict = {}

REPOSITORY, NPM, PHOTOS, WHEELS = "repositorio.zip", "npm.zip", "cats_and_dogs_filtered.zip", "pacotes"
PROJECT = Path("cats-vs-dogs")
# How long a server may be silent: as `limits.READ_SECONDS`, which is not at hand.
SECONDS = 30
HELP = """Uso: python instalar.py [PASTA ou ENDEREÇO]

Instala o projeto em cats-vs-dogs, na pasta atual, sem internet: da pasta em que
instalar.py está, de outra, ou do endereço em que ela é servida, como
http://192.168.0.10:8000.

Cada arquivo é conferido antes do uso: as somas SHA-256 estão em instalar.py. Por
isso, traga instalar.py por um caminho em que você confia (um pen drive, uma página
por HTTPS); os outros arquivos podem vir por qualquer rede."""


class LabError(Exception):
    """What is wrong, in one Portuguese sentence."""


def main(arguments: list[str]) -> int:
    """Install into ``cats-vs-dogs``, in the current folder; 0 on success, 1 when something is missing."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(HELP)
        return 0
    source = arguments[0] if arguments else str(Path(__file__).parent)
    if not source.startswith(("http://", "https://")):
        source = Path(source).resolve().as_uri()
    try:
        install(source.rstrip("/"), PROJECT.resolve())
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
    """Unpack the project, make its environment and put the photos in place; run again, it goes on.

    A project that is already there keeps its files, and the students' work in them.

    Args:
        source: the prepared folder, as an address.

    Raises:
        LabError: something is missing or is not what was gathered, or this machine is not like the one that
            prepared the folder.
        OSError: the disk takes no more.
    """
    if REPOSITORY not in PREPARED.get("files", ()):
        raise LabError("Este instalar.py não tem tudo o que o laboratório precisa: rode `catsdogs offline`, veja o que "
                       "falta e use o instalar.py da pasta que ele preparou.")
    if [PREPARED["python"], PREPARED["platform"]] != [python_version(), machine()]:
        raise LabError(f"Os pacotes são para Python {PREPARED['python']} em {PREPARED['platform']}, e aqui há Python "
                       f"{python_version()} em {machine()}: prepare a pasta numa máquina igual às do laboratório.")
    # Beside the project, as what systems keep for temporary files may be small.
    with tempfile.TemporaryDirectory(dir=project.parent, prefix=".") as staging:
        here = Path(staging)
        for name, (size, digest) in PREPARED["files"].items():
            fetch(f"{source}/{quote(name)}", size, digest, here / name)
        unpack(here / REPOSITORY, project)
        if (here / NPM).exists():
            unpack(here / NPM, project / "_build" / "web")
        (here / "requirements.txt").write_text(PREPARED["requirements"], encoding="utf-8")
        make_environment(source, here / "requirements.txt", project)
        run([python(project), "-m", "catsdogs.classroom.settle", here / PHOTOS], project,
            "pôr as fotos e os pesos no lugar")


def fetch(address: str, size: int, digest: str, target: Path) -> None:
    """Bring a file of the prepared folder; from there on, nobody else changes it.

    Raises:
        LabError: it does not come, or it is not the one that was gathered.
        OSError: the disk takes no more.
    """
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            content = answer.read(size + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LabError(f"Não consegui ler {address}: confira se a pasta preparada está lá, inteira, e, se vem pela "
                       "rede, se está sendo servida.") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise LabError(f"{target.name} não é o arquivo que `catsdogs offline` reuniu, e nada foi instalado: copie de "
                       "novo a pasta preparada, com o seu instalar.py.")
    target.write_bytes(content)


def unpack(archive: Path, folder: Path) -> None:
    """Unzip into ``folder``, which appears only when everything is in it; one that is there stays as it is."""
    if not folder.exists():
        whole = archive.with_suffix("")
        with zipfile.ZipFile(archive) as content:
            content.extractall(whole)
        folder.parent.mkdir(parents=True, exist_ok=True)
        whole.replace(folder)


def make_environment(source: str, requirements: Path, project: Path) -> None:
    """An environment in ``.venv`` with the gathered packages and ours, as ``make`` would have made it."""
    try:
        venv.create(project / ".venv", with_pip=True)
    except subprocess.CalledProcessError as error:
        raise LabError("O Python daqui não cria ambientes: instale o pacote python3-venv do sistema.") from error
    pip = [python(project), "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--quiet",
           "--no-index", "--no-deps"]
    # The hashes say whether a package is the gathered one, so plain HTTP will do.
    served = ["--find-links", f"{source}/{WHEELS}/", "--trusted-host", urlsplit(source).netloc or "localhost"]
    run([*pip, *served, "--require-hashes", "--requirement", requirements], project, "instalar os pacotes")
    run([*pip, "--no-build-isolation", "--editable", "."], project, "instalar o catsdogs")
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


def python_version() -> str:
    """Major and minor, which wheels depend on."""
    return ".".join(platform.python_version_tuple()[:2])


def machine() -> str:
    """System and processor, which wheels depend on."""
    return f"{platform.system()} {platform.machine()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
