"""Executes the pages whose results are out of date, side by side, before Sphinx reads them.

jupyter-cache keeps the results; ``pages.json``, beside it, what they depended on. The pages of the two phases come
before all that use the checkpoints they save. Each of these gets a copy, and the other pages get nothing: no page sees
what yet another one saved, so that their order is free.
"""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from book_solutions import executed
from dependencies import ROOT, contents, downloads, page_key, surroundings_key
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from sphinx_external_toc.parsing import parse_toc_yaml

PHASES = {"book/pratica/fase-1": "mobilenetv2_feature_extractor.keras",
          "book/pratica/fase-2": "mobilenetv2_finetuned.keras"}
# The page that takes nothing from the package, as its readers copy it: it downloads from Keras's home of the build, and
# saves where it is.
WHOLE_GAME = "book/transfer-learning_cats-vs-dogs"
KERAS_HOME = ROOT / "book" / "keras_home.py"
SHIPPED_BASE = ROOT / "models" / "mobilenetv2_feature_extractor.keras"
USES_CHECKPOINTS = re.compile(r"checkpoint|phase[12]_model|prepare_trained|models_dir|verify", re.IGNORECASE)
SHOWS_TIMES = re.compile(r"\bperf_counter\b")
SECONDS_A_CELL = 1200
# Each page takes a gigabyte or two.
MOST_AT_ONCE = 4
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TEMPORARY = "page-"


class Failed(Exception):
    """A page was not executed to its end; the message says why, in one line."""


@dataclass(frozen=True)
class Page:
    """A page with code.

    Attributes:
        name: its address in the book, without ending.
        notebook: as this build executes it.
    """

    name: str
    path: Path
    notebook: nbformat.NotebookNode

    def has(self, pattern: re.Pattern) -> bool:
        """Whether its code has something."""
        return any(pattern.search(cell.source) for cell in self.notebook.cells if cell.cell_type == "code")

    @property
    def phases(self) -> list[str]:
        """The pages whose checkpoints it may use."""
        if self.name in PHASES:
            return list(PHASES)[:list(PHASES).index(self.name)]
        return list(PHASES) if self.has(USES_CHECKPOINTS) else []


def read_pages(quick: bool) -> list[Page]:
    """The pages with code, in the order of the table of contents."""
    pages = []
    for name in reading_order(parse_toc_yaml(ROOT / "_toc.yml")):
        path = next(path for ending in (".ipynb", ".md") if (path := ROOT / f"{name}{ending}").exists())
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            pages.append(Page(name, path, nbformat.reads(executed(text, quick), as_version=4)))
        elif is_myst_markdown_notebook(text):
            pages.append(Page(name, path, read_myst_markdown_notebook(text, MdParserConfig(), path=path)))
    return pages


def reading_order(site_map) -> list[str]:
    """The documents of a table of contents, from the first page to the last."""
    return [site_map.root.docname, *(name for part in site_map.root.subtrees for name in part.items)]


class Results:
    """The results that a build's folder keeps, and what they depended on."""

    def __init__(self, output: Path, environment: dict[str, str], pages: Sequence[Page]):
        """Open what ``output`` keeps of these pages under these variables."""
        self.environment, self.pages = environment, {page.name: page for page in pages}
        self.path, self.cache = output / "pages.json", get_cache(output / ".jupyter_cache")
        self.cache.change_cache_limit(10_000)
        self.about = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def key(self, page: Page) -> str:
        """A name for all that a page's results depend on now."""
        phases = [self.key(self.pages[name]) for name in page.phases if name in self.pages]
        home = contents([KERAS_HOME, SHIPPED_BASE]) if page.name == WHOLE_GAME else []
        return page_key(page.notebook, [surroundings_key(self.environment), *phases, *home])

    def seconds(self, page: Page) -> float:
        """How long a page took the last time; 0 when that is not known."""
        return self.about.get(page.name, {}).get("seconds", 0)

    def are_right(self, page: Page) -> bool:
        """Whether a page's results are there, and nothing that they depend on has changed."""
        saved = Path(self.environment["CATSDOGS_MODELS"], PHASES.get(page.name, "")).exists()
        return saved and self.record(page) is not None and self.about.get(page.name, {}).get("key") == self.key(page)

    def record(self, page: Page) -> int | None:
        """Where jupyter-cache keeps what a page's code gave, if it does."""
        try:
            return self.cache.match_cache_notebook(page.notebook).pk
        except KeyError:
            return None

    def keep(self, page: Page, notebook: nbformat.NotebookNode, seconds: float) -> None:
        """Keep what the execution of a page gave."""
        bundle = CacheBundleIn(notebook, str(page.path), data={"execution_seconds": seconds})
        self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        self.about[page.name] = {"key": self.key(page), "seconds": seconds, "ended": time.time()}
        self.write()

    def write(self) -> None:
        """Put on the disk what is known of the results."""
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(self.about, indent=1), encoding="utf-8")
        temporary.replace(self.path)

    def forget_all_others(self) -> None:
        """Drop the results of pages, and of code, that the book no longer has."""
        present = {self.record(page) for page in self.pages.values()}
        for record in self.cache.list_cache_records():
            if record.pk not in present:
                self.cache.remove_cache(record.pk)
        self.about = {name: about for name, about in self.about.items() if name in self.pages}
        self.write()


def execute(output: Path, environment: dict[str, str], log, say: Callable[[str], None] = print,
            order: Callable[[list[Page]], list[Page]] | None = None) -> dict[str, str]:
    """Bring the results of every page up to date.

    Args:
        output: the build's folder.
        environment: the variables that pages run under; ``CATSDOGS_MODELS`` is where the phases' pages save.
        log: an open file that takes what nobody has to read.
        say: takes a line for each page that ended.
        order: puts the pages to be executed in order; the slowest first without it.

    Returns:
        what went wrong, by page; the results of the others are kept.
    """
    for waste in output.glob(f"{TEMPORARY}*"):  # of a build that was killed
        shutil.rmtree(waste, ignore_errors=True)
    Path(environment["CATSDOGS_MODELS"]).mkdir(parents=True, exist_ok=True)
    pages = read_pages(environment.get("CATSDOGS_QUICK") == "1")
    results, failures = Results(output, environment, pages), {}
    stale = [page for page in pages if not results.are_right(page)]
    stale = order(stale) if order else sorted(stale, key=results.seconds, reverse=True)
    waiting, start = {page.name: results.seconds(page) for page in stale}, time.perf_counter()
    for done, (page, ended, at_once) in enumerate(executions(stale, output, environment, log), start=1):
        del waiting[page.name]
        try:
            notebook, seconds = ended.result()
        except Failed as failure:
            failures[page.name], outcome = str(failure), "falhou"
        else:
            results.keep(page, notebook, seconds)
            outcome = f"{seconds:.0f} s"
        usual = (time.perf_counter() - start) / done
        left = sum(seconds / at_once or usual for seconds in waiting.values())
        then = f" · cerca de {duration(left)} até o fim" if waiting else ""
        say(f"[{done}/{len(stale)}] {page.name.removeprefix('book/')} ({outcome}){then}")
    results.forget_all_others()
    return failures


def executions(pages: list[Page], output: Path, environment: dict[str, str],
               log) -> Iterator[tuple[Page, Future, int]]:
    """Execute pages: the first phase, which fetches the photos; most of them side by side; those with times alone.

    Yields:
        each page as it ends, the (executed notebook, seconds) that it gave, and how many are executed at once.
    """
    started: dict[str, Future] = {}
    cores = os.cpu_count() or 1
    for step, most in enumerate((1, MOST_AT_ONCE, 1)):
        chosen = sorted((page for page in pages if step_of(page) == step), key=rank)
        at_once = max(1, min(cores, most, len(chosen)))
        threads = dict.fromkeys(THREADS, str(cores // at_once))
        with pool(at_once) as workers:
            running = {}
            for page in chosen:
                before = [started[name] for name in page.phases if name in started]
                started[page.name] = workers.submit(run, page, before, output, {**threads, **environment}, log)
                running[started[page.name]] = page
            for ended in as_completed(running):
                yield running[ended], ended, at_once


def step_of(page: Page) -> int:
    """0 for the first phase's page, 2 for those that show times, 1 for all others."""
    first, second = PHASES
    return 0 if page.name == first else 2 if page.has(SHOWS_TIMES) and page.name != second else 1


def rank(page: Page) -> int:
    """The second phase's page comes first, and those that wait for it come last."""
    return -1 if page.name in PHASES else len(page.phases)


@contextmanager
def pool(size: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that nobody waits for once the person at the keyboard has had enough."""
    workers = ThreadPoolExecutor(size)
    try:
        yield workers
        workers.shutdown()
    except BaseException:
        workers.shutdown(wait=False, cancel_futures=True)
        raise


def run(page: Page, before: list[Future], output: Path, environment: dict[str, str],
        log) -> tuple[nbformat.NotebookNode, float]:
    """Execute a page in a kernel of its own; the notebook, and its seconds.

    Args:
        before: executions that have to end first; they began earlier.

    Raises:
        Failed: with the cell and its error.
    """
    if any(each.exception() for each in before):
        raise Failed("precisa do que a página de uma das fases salva, e ela falhou")
    notebook, start, trained = copy.deepcopy(page.notebook), time.perf_counter(), environment["CATSDOGS_MODELS"]
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=output) as folder:
        # Times would become part of the cells, by which jupyter-cache knows a notebook.
        client = NotebookClient(notebook, timeout=SECONDS_A_CELL, record_timing=False,
                                resources={"metadata": {"path": str(page.path.parent)}})
        if page.name == WHOLE_GAME:
            environment = {**environment, "KERAS_HOME": fill_keras_home(output / "keras", environment, log)}
            client.resources["metadata"]["path"] = folder
        if page.name not in PHASES:
            environment = {**environment, "CATSDOGS_MODELS": folder}
            if page.phases:
                shutil.copytree(trained, folder, dirs_exist_ok=True)
        try:
            client.execute(env=environment, stdout=log, stderr=log)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            log.write(f"{page.name}:\n{error}\n")
            raise Failed(f"célula {last_begun(notebook)}: {in_one_line(error)}") from error
    return notebook, time.perf_counter() - start


def fill_keras_home(home: Path, environment: dict[str, str], log) -> str:
    """Put photos and weights where the whole game looks before it downloads; that folder.

    A quick build makes images of its own: with photos, this page takes minutes.

    Raises:
        Failed: they could not be put there; the log says why.
    """
    photos = environment.get("CATSDOGS_DATA") or next(map(str, downloads(environment)), None)
    command = [sys.executable, str(KERAS_HOME), str(home)]
    command += [photos] if photos and environment.get("CATSDOGS_QUICK") != "1" else []
    if subprocess.run(command, env=environment, cwd=ROOT, stdout=log, stderr=log).returncode:
        raise Failed("não consegui preparar a pasta do Keras")
    return str(home)


def last_begun(notebook: nbformat.NotebookNode) -> int:
    """The number, from 0, of the last cell that was executed at all."""
    return max((number for number, cell in enumerate(notebook.cells)
                if cell.get("execution_count") or cell.get("outputs")), default=0)


def in_one_line(error: Exception) -> str:
    """What stopped a cell."""
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}".splitlines()[0]
    if isinstance(error, CellTimeoutError):
        return f"passou de {duration(SECONDS_A_CELL)}"
    return "o processo que a executava morreu, o que costuma ser falta de memória"


def duration(seconds: float) -> str:
    """``40 s`` or ``3 min``."""
    return f"{10 * max(1, round(seconds / 10))} s" if seconds < 90 else f"{round(seconds / 60)} min"
