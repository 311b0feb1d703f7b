"""Build the book: ``python book/build.py``.

Works the same on Linux, macOS and Windows and needs nothing but the installed
requirements. The whole log goes to ``_build/build.log``.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

STEP = re.compile(r"^[a-z][\w ,.-]*\.\.\. ?")
TROUBLE = re.compile(r"^(?!\[IPKernelApp\]).*(WARNING|ERROR|CRITICAL|[Ee]xception|[Ee]rror:)")
STACK = re.compile(r"^(Traceback \(most recent call last\)|Exception occurred):")
# Sphinx has said what happened by then; the same follows again at greater length.
REPETITION = re.compile(r"^The full traceback has been saved")
FAILED_PAGE = [
    re.compile(r"ExecutionError: (?P<path>.+\.(?:ipynb|md))"),
    re.compile(r"^(?P<path>.+?\.(?:ipynb|md))(?::\d+)*: (?:WARNING|ERROR|CRITICAL)"),
]
INTERRUPTED = 130


def main(arguments=None):
    """Build the book and return the exit code."""
    options = parse(arguments)
    output = options.out.resolve() / "_build"
    output.mkdir(parents=True, exist_ok=True)
    environment = settings(output, options.quick)
    with open(output / "build.log", "w", encoding="utf-8", buffering=1) as log:
        failures = execute_pages(output, environment, log)
        for page, failure in failures.items():
            print(f"  {page}: {failure}", flush=True)
        code = 1 if failures else assemble(options.out.resolve(), output, environment, log)
    print(verdict(code, output, next(iter(failures), None)), flush=True)
    return code


def parse(arguments):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Constrói o livro, executando as páginas que mudaram.")
    parser.add_argument("--quick", action="store_true",
                        help="poucas fotos e poucas épocas, só para conferir se tudo executa")
    parser.add_argument("--out", type=Path, default=ROOT, metavar="PASTA",
                        help="onde criar a pasta _build (padrão: a raiz do repositório)")
    return parser.parse_args(arguments)


def settings(output, quick):
    """The environment variables the pages run under."""
    environment = dict(os.environ, PYTHONUTF8="1", PYTHONUNBUFFERED="1")
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # What the pages train must not overwrite the models kept in the repository.
    environment.setdefault("CATSDOGS_MODELS", str(output / "models"))
    if quick:
        environment["CATSDOGS_QUICK"] = "1"
    return environment


def execute_pages(output, environment, log):
    """Bring the pages' results up to date; an error by page."""
    # What libraries say while they are imported or end is for the log.
    with contextlib.redirect_stderr(log):
        from execution import execute

        return execute(output, environment, log, say=lambda line: print(f"  {line}", flush=True))


def assemble(folder, output, environment, log):
    """Let Jupyter Book make the site from pages and results; its exit code."""
    forget_old_pages(output)
    code = run_jupyter_book(folder, environment, log)
    if code:
        # Sphinx warns of a page only when it reads it: the next build must read it again.
        shutil.rmtree(output / ".doctrees", ignore_errors=True)
    return code


def forget_old_pages(output):
    """Let Sphinx read all pages again when something that it does not watch has changed: extensions and versions."""
    from dependencies import contents, digest, needed, pinned_versions

    extensions = sorted((ROOT / "book" / "_ext").glob("*.py"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in extensions)
    now = digest([*contents(extensions), *contents(needed(code)), json.dumps(pinned_versions())])
    stamp = output / "extensions.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != now:
        shutil.rmtree(output / ".doctrees", ignore_errors=True)
        stamp.write_text(now, encoding="utf-8")


def run_jupyter_book(folder, environment, log):
    """Run Jupyter Book, keep its whole output in the log and show what matters."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()",
               "build", str(ROOT), "--path-output", str(folder), "-W", "--keep-going"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
    with process:
        for line in what_matters(copied(process.stdout, log)):
            print(line, flush=True)
    return process.returncode


def copied(lines, file):
    """The lines without colours or line ends, written to a file on the way."""
    for line in lines:
        line = re.sub(r"\x1b\[[\d;]*m", "", line).rstrip()
        print(line, file=file)
        yield line


def what_matters(lines):
    """Whatever tells of trouble, without call stacks."""
    trouble = stack = over = False
    for line in lines:
        over = over or bool(REPETITION.match(line))
        stack = bool(STACK.match(line)) or (stack and line.startswith(" "))
        trouble = bool(TROUBLE.search(line)) or (trouble and not STEP.match(line))
        if trouble and not stack and not over:
            yield line


def verdict(code, output, page=None):
    """The last line: where the book is, or what failed and where to look."""
    if code == 0:
        return f"Livro pronto: abra {output / 'html' / 'index.html'}"
    log = output / "build.log"
    page = page or failed_page(log.read_text(encoding="utf-8"))
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
    try:
        result = main()
    except KeyboardInterrupt:
        print("Interrompido. As páginas que terminaram ficam guardadas: o mesmo comando continua daqui.", flush=True)
        os._exit(INTERRUPTED)  # pages that still run end with this process
    sys.exit(result)
