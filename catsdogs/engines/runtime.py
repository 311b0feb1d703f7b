"""LiteRT.js, which runs a model in a browser: from npm, as a lock file says, or from a folder that has it already."""

import shutil
import subprocess
from pathlib import Path

from catsdogs.config import cache_dir
from catsdogs.engines.notices import licence_file
from catsdogs.errors import CatsdogsError

LOCKED = Path(__file__).resolve().parent / "npm"
NPM = ("ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
# The linter's program, tens of megabytes that no site needs, comes as an optional package.
WITHOUT_LINTER = "--omit=optional"
# Without threads, which static sites do not allow; `compat` is for browsers with older WebAssembly.
BINARIES = ("litert_wasm_internal.js", "litert_wasm_internal.wasm",
            "litert_wasm_compat_internal.js", "litert_wasm_compat_internal.wasm")
FILES = ("index.js", "wasm-utils.js", *(f"wasm/{name}" for name in BINARIES))


def installed_packages(locked: Path, folder: Path, *options: str) -> Path | None:
    """``node_modules`` as the lock file in ``locked`` says, installed in ``folder`` when that changed.

    Returns:
        None where npm is missing or could not install them.
    """
    lock, npm = locked / "package-lock.json", shutil.which("npm")
    stamp = folder / "installed.json"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy2(locked / name, folder / name)
        if npm is None or subprocess.run([npm, *NPM, *options], cwd=folder, capture_output=True).returncode:
            return None
        shutil.copy2(lock, stamp)
    return folder / "node_modules"


def copy_litert(packages: Path, target: Path) -> None:
    """LiteRT.js out of ``node_modules``, with the text of its licence, which the package lacks."""
    source = packages / "@litertjs"
    (target / "wasm").mkdir(parents=True, exist_ok=True)
    # No map of imports reaches a worker, so the module that this one names gets its address.
    code = (source / "core" / "dist" / "index.js").read_text(encoding="utf-8")
    (target / "index.js").write_text(code.replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"'), encoding="utf-8")
    shutil.copyfile(source / "wasm-utils" / "dist" / "bundle.js", target / "wasm-utils.js")
    for name in BINARIES:
        shutil.copyfile(source / "core" / "wasm" / name, target / "wasm" / name)
    shutil.copyfile(licence_file("Apache"), target / "LICENSE.txt")


def add_litert(target: Path, given: Path | None = None) -> None:
    """Put LiteRT.js into ``target``: from ``given``, another page's folder of it, else from npm, once for all pages.

    Raises:
        CatsdogsError: ``given`` lacks a file, or npm is missing or has no network.
    """
    if given is None:
        packages = installed_packages(LOCKED, cache_dir() / "npm")
        if packages is None:
            raise CatsdogsError("O npm não trouxe o LiteRT.js, de que a página precisa: instale o Node.js "
                                "(https://nodejs.org), confira a internet e rode o comando de novo, ou indique com "
                                "--runtime a pasta litert de uma página já feita.")
        copy_litert(packages, target)
        return
    for name in FILES:
        if not (given / name).is_file():
            raise CatsdogsError(f"{given} não tem {name}, do LiteRT.js: indique com --runtime a pasta "
                                "classificador/litert de uma página já feita, ou _static/experimente/litert do livro "
                                "construído.")
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(given / name, target / name)
    shutil.copyfile(licence_file("Apache"), target / "LICENSE.txt")
