"""Build the book: ``python book/build.py``.

Works the same on Linux, macOS and Windows and needs nothing but the installed
requirements. The whole log goes to ``_build/build.log``.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PROGRESS = re.compile(r"^reading sources\.\.\. \[ *\d+%\] (?P<page>\S+)")
STEP = re.compile(r"^[a-z][\w ,.-]*\.\.\. ?")
TROUBLE = re.compile(r"^(?!\[IPKernelApp\]).*(WARNING|ERROR|CRITICAL|[Ee]xception|[Ee]rror:)")
STACK = re.compile(r"^(Traceback \(most recent call last\)|Exception occurred):")
# Sphinx has said what happened by then; the same follows again at greater length.
REPETITION = re.compile(r"^The full traceback has been saved")
FAILED_PAGE = [
    re.compile(r"ExecutionError: (?P<path>.+\.(?:ipynb|md))"),
    re.compile(r"^(?P<path>.+?\.(?:ipynb|md))(?::\d+)*: (?:WARNING|ERROR|CRITICAL)"),
]


def main(arguments=None):
    """Build the book and return the exit code."""
    options = parse(arguments)
    output = options.out.resolve() / "_build"
    output.mkdir(parents=True, exist_ok=True)
    environment = settings(output, options.quick)
    forget_old_results(output, environment)
    Path(environment["CATSDOGS_MODELS"]).mkdir(parents=True, exist_ok=True)
    log = output / "build.log"
    code = run_jupyter_book(options.out.resolve(), environment, log)
    if code:
        # Sphinx warns of a page only when it reads it: the next build must read it again.
        shutil.rmtree(output / ".doctrees", ignore_errors=True)
    print(verdict(code, output, log), flush=True)
    return code


def parse(arguments):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Constrói o livro, executando os notebooks que mudaram.")
    parser.add_argument("--quick", action="store_true",
                        help="poucas fotos e poucas épocas, só para conferir se tudo executa")
    parser.add_argument("--out", type=Path, default=ROOT, metavar="PASTA",
                        help="onde criar a pasta _build (padrão: a raiz do repositório)")
    return parser.parse_args(arguments)


def settings(output, quick):
    """The environment variables the chapters run under."""
    environment = dict(os.environ, PYTHONUTF8="1", PYTHONUNBUFFERED="1")
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # What the pages train must not overwrite the models kept in the repository.
    environment.setdefault("CATSDOGS_MODELS", str(output / "models"))
    if quick:
        environment["CATSDOGS_QUICK"] = "1"
    return environment


def forget_old_results(output, environment):
    """Drop kept results when something that the notebooks do not show changed.

    The cache compares a notebook's code with the code it ran, and nothing else:
    an edit to the package would otherwise leave old results in the pages. The
    pages read from those results go too, or Sphinx would show them again.
    """
    stamp = output / "stamp.json"
    now = json.dumps(fingerprint(environment), indent=1, sort_keys=True)
    before = stamp.read_text(encoding="utf-8") if stamp.exists() else ""
    if now == before and Path(environment["CATSDOGS_MODELS"]).is_dir():
        return
    for folder in (".jupyter_cache", ".doctrees"):
        shutil.rmtree(output / folder, ignore_errors=True)
    stamp.write_text(now, encoding="utf-8")


def fingerprint(environment):
    """Everything besides the notebooks that their results depend on."""
    return {
        "package": digest(path for path in (ROOT / "catsdogs").rglob("*")
                          if path.is_file() and "__pycache__" not in path.parts),
        "extension": digest((ROOT / "book" / "_ext").rglob("*.py")),
        "results": digest([ROOT / "models" / "run.json", ROOT / "benchmarks" / "results.json",
                           *(ROOT / "book").rglob("*.json")]),
        "versions": {name: installed(name) for name in ("tensorflow", "keras")},
        "environment": {name: environment.get(name, "") for name in (
            "CATSDOGS_DATA", "CATSDOGS_QUICK", "CATSDOGS_WEIGHTS")},
    }


def digest(paths):
    """One hash over the names and contents of some files."""
    result = hashlib.sha256()
    for path in sorted(paths):
        result.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        result.update(path.read_bytes() + b"\0")
    return result.hexdigest()


def installed(name):
    """The installed version of a package, or nothing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def run_jupyter_book(folder, environment, log):
    """Run Jupyter Book, keep its whole output in the log and show what matters."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()",
               "build", str(ROOT), "--path-output", str(folder), "-W", "--keep-going"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
    with process, log.open("w", encoding="utf-8") as file:
        for line in what_matters(copied(process.stdout, file)):
            print(line, flush=True)
    return process.returncode


def copied(lines, file):
    """The lines without colours or line ends, written to a file on the way."""
    for line in lines:
        line = re.sub(r"\x1b\[[\d;]*m", "", line).rstrip()
        print(line, file=file, flush=True)
        yield line


def what_matters(lines):
    """The pages as they are read and whatever tells of trouble, without call stacks."""
    trouble = stack = over = False
    for line in lines:
        over = over or bool(REPETITION.match(line))
        stack = bool(STACK.match(line)) or (stack and line.startswith(" "))
        trouble = bool(TROUBLE.search(line)) or (trouble and not STEP.match(line))
        if page := PROGRESS.match(line):
            yield f"  {page['page']}"
        elif trouble and not stack and not over:
            yield line


def verdict(code, output, log):
    """The last line: where the book is, or what failed and where to look."""
    if code == 0:
        return f"Livro pronto: abra {output / 'html' / 'index.html'}"
    page = failed_page(log.read_text(encoding="utf-8"))
    where = f"na página {page}" if page else "antes de chegar às páginas"
    return f"O livro não foi construído: a falha está {where}. O registro completo está em {log}"


def failed_page(text):
    """The first page that the log blames, relative to the repository."""
    for pattern in FAILED_PAGE:
        for line in text.splitlines():
            if found := pattern.search(line):
                path = Path(found["path"].strip())
                return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return None


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
