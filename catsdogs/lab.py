"""Install the project on a machine without internet, from the folder that ``catsdogs offline`` prepared.

The folder has a copy of this file, ``instalar.py``, which needs nothing but Python:

    python instalar.py                               # from the folder it lies in
    python instalar.py http://192.168.0.10:8000      # from the machine that serves the folder
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import venv
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

ABOUT, REPOSITORY, NPM, WHEELS = "sobre.json", "repositorio.zip", "npm.zip", "pacotes"
PROJECT = Path("cats-vs-dogs")
# For the new environment's Python, where the package is.
SETTLE = """
import sys
from catsdogs.offline import settle
for problem in settle(sys.argv[1]):
    print(problem, file=sys.stderr)
"""


class LabError(Exception):
    """What is wrong, in one Portuguese sentence."""


def main(arguments: list[str]) -> int:
    """Install into ``cats-vs-dogs``, in the current folder; 0 on success, 1 when something is missing."""
    source = arguments[0] if arguments else str(Path(__file__).parent)
    source = source.rstrip("/") if is_address(source) else str(Path(source).resolve())
    try:
        install(source, PROJECT)
    except LabError as error:
        print(f"instalar.py: {error}", file=sys.stderr)
        return 1
    print(f"Pronto. Para começar: {scripts(PROJECT) / 'jupyter'} lab {PROJECT / 'book'}")
    return 0


def install(source: str, project: Path) -> None:
    """Unpack the project, make its environment and put photos and weights in place; run again, it goes on.

    A project that is already there keeps its files, and the students' work in them.

    Raises:
        LabError: something is missing, or this machine is not like the one that prepared the folder.
    """
    about = json.loads(fetch(source, ABOUT).read_text(encoding="utf-8"))
    if [about["python"], about["platform"]] != [python_version(), machine()]:
        raise LabError(f"Os pacotes são para Python {about['python']} em {about['platform']}, e aqui há Python "
                       f"{python_version()} em {machine()}: prepare a pasta numa máquina igual às do laboratório.")
    if not project.exists():
        unpack(fetch(source, REPOSITORY), project)
    make_environment(source, project, about["besides"])
    with contextlib.suppress(LabError):  # only one page of the book uses it
        unpack(fetch(source, NPM), project / "_build" / "web")
    run([python(project), "-c", SETTLE, source], project, "pôr fotos e pesos no lugar")


def fetch(source: str, name: str) -> Path:
    """A file of the prepared folder, brought here when ``source`` is an address."""
    if not is_address(source):
        path = Path(source) / name
        if not path.is_file():
            raise LabError(f"{name} não está em {source}: prepare a pasta de novo com `catsdogs offline`.")
        return path
    path = Path(tempfile.mkdtemp()) / name
    try:
        urllib.request.urlretrieve(f"{source}/{name}", path)
    except OSError as error:
        raise LabError(f"{source}/{name} não veio: confira o endereço e se a pasta está sendo servida.") from error
    return path


def unpack(archive: Path, folder: Path) -> None:
    """Unzip into ``folder``, which appears only when everything is in it; one that is there stays as it is."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(staging)
        staging.chmod(0o755)
        staging.replace(folder)
    except zipfile.BadZipFile as error:
        raise LabError(f"{archive.name} está danificado: copie-o de novo.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def make_environment(source: str, project: Path, besides: list[str]) -> None:
    """An environment in ``.venv`` with the gathered packages and ours, as ``make`` would have made it."""
    try:
        venv.create(project / ".venv", with_pip=True)
    except subprocess.CalledProcessError as error:
        raise LabError("O Python daqui não cria ambientes: instale o pacote python3-venv do sistema.") from error
    # Served without a certificate, the address has to be named as one to trust.
    trusted = ["--trusted-host", urlsplit(source).hostname] if is_address(source) else []
    pip = [python(project), "-m", "pip", "install", "--isolated", "--quiet", "--disable-pip-version-check",
           "--no-index", "--find-links", f"{source}/{WHEELS}/", *trusted]
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
