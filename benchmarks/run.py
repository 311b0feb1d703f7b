"""``make bench``: the package's road and the plain Keras way, side by side on this machine.

Writes ``benchmarks/results.json``, the figures of the book's page on performance.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import nbformat
import psutil
from tqdm import tqdm

from catsdogs.config import Config, load_config
from catsdogs.data import Photos, bundled_photos, find_photos, split_photos
from catsdogs.errors import CatsdogsError
from catsdogs.files import read_json, write_json
from catsdogs.photo import sample_photo
from catsdogs.text import number, plain_table

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
GROWTH = (1_000, 10_000)


class Bench:
    """Runs jobs in processes of their own, in a folder that is gone at the end.

    Attributes:
        photos: the photos both ways work on; ``copies`` of them stand for larger sets.
        epochs: of each phase in the whole job.
    """

    def __init__(self, folder: Path, quick: bool):
        self.folder, self.quick = folder, quick
        self.epochs = 1 if quick else 10

    @cached_property
    def photos(self) -> Photos:
        """The photos at hand."""
        photos = find_photos(load_config())
        if not photos.has_files:
            raise CatsdogsError("Para esta medida são precisas as fotos: conecte-se à internet ou indique uma pasta "
                                "com CATSDOGS_DATA. Para medir só o livro e os testes, rode `make bench BENCH=\"--only "
                                "book tests\"`.")
        return photos

    @cached_property
    def machine(self) -> dict:
        """What this machine is and how fast it multiplies, with what every row says of its making."""
        return self.measured(_job("speed"), photos=False)

    @cached_property
    def clone(self) -> Path:
        """A fresh clone of the repository with its environment installed."""
        clone = self.folder / "clone"
        subprocess.run(["git", "clone", "--quiet", HERE.parent, clone], check=True)
        self.make(".venv/installed")
        return clone

    def make(self, target: str) -> float:
        """The seconds that ``make`` takes in the clone, on a machine that has no photos.

        Raises:
            CatsdogsError: it failed.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CATSDOGS_")}
        environment["CATSDOGS_CACHE"] = str(self.folder / "clone_cache")
        start = time.perf_counter()
        done = subprocess.run(["make", "-C", str(self.folder / "clone"), target], env=environment, text=True,
                              capture_output=True)
        if done.returncode:
            raise CatsdogsError(f"A medida parou: make {target} falhou. {(done.stdout + done.stderr)[-1000:]}")
        return time.perf_counter() - start

    def job(self, name: str, cache: str = "", **settings) -> dict:
        """What a job of ``jobs.py`` printed, its seconds and its peak memory."""
        return self.measured(_job(name, **settings), cache)

    def measured(self, command: list[str], cache: str = "", data: Path | None = None, photos: bool = True) -> dict:
        """Run a command; its last line of output if that is JSON, ``seconds_all`` and ``memory`` in bytes.

        Args:
            cache: a name; commands with the same name share a cache, the empty one stands for a fresh one.
            photos: whether it needs the photos.
        """
        cache_dir = self.folder / (cache or f"cache{time.time_ns()}")
        environment = {**os.environ, "CATSDOGS_CACHE": str(cache_dir), "CATSDOGS_MODELS": str(cache_dir / "models"),
                       **({"CATSDOGS_DATA": str(data or self.photos.folder)} if photos else {})}
        (cache_dir / "models").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as error:
            start = time.perf_counter()
            job = subprocess.Popen(command, env=environment, stdout=output, stderr=error)
            memory = _most_memory(job)
            seconds = time.perf_counter() - start
            output.seek(0)
            error.seek(0)
            printed, complaint = output.read().strip().splitlines(), error.read().strip().splitlines()
        if job.returncode:
            raise CatsdogsError(f"A medida parou: {complaint[-1] if complaint else 'sem explicação'}")
        if not cache:
            shutil.rmtree(cache_dir)
        line = printed[-1] if printed else ""
        return {**(json.loads(line) if line.startswith("{") else {}), "seconds_all": seconds, "memory": memory}

    def bound(self, trunk: float = 0, tail: float = 0, head: float = 0) -> float:
        """Seconds of so many passes through each part at the speed of a matrix product."""
        work = {"trunk": trunk, "tail": tail, "head": head}
        operations = sum(self.machine["work"][part] * passes for part, passes in work.items())
        return operations / self.machine["flops_per_second"]


def _job(name: str, **settings) -> list[str]:
    """The command that does a job of ``jobs.py``."""
    return [sys.executable, str(HERE / "jobs.py"), name, *[f"{key}={value}" for key, value in settings.items()]]


def _most_memory(job: subprocess.Popen) -> int:
    """Wait for a process to end; the most bytes of its own that it held, without what the disk cache lends."""
    most, process = 0, psutil.Process(job.pid)
    while job.poll() is None:
        try:
            info = process.memory_info()
            most = max(most, info.rss - getattr(info, "shared", 0))
        except psutil.Error:
            break
        time.sleep(0.05)
    job.wait()
    return most


def row(bench: Bench, name: str, unit: str, ours: float, plain: float | None = None, bound: float | None = None,
        accuracy: tuple[float | None, float | None] = (None, None), config: dict | None = None,
        photos_of: Photos | None = None, **details) -> dict:
    """One line of ``results.json``: what was found, and what made it.

    ``ratio`` says how many times better ours is; ``config`` is the challenge's and ``photos_of`` those at hand when
    not given.
    """
    photos = photos_of or bench.photos
    higher_is_better = unit.endswith("/s")
    ratio = None if plain is None else ours / plain if higher_is_better else plain / ours
    return {"name": name, "unit": unit, "ours": ours, "plain": plain, "ratio": ratio, "bound": bound,
            "device": bench.machine["device"], "accuracy_ours": accuracy[0], "accuracy_plain": accuracy[1],
            "details": details, "config": config or bench.machine["config"], "data": photos.origin,
            "photos": len(photos),
            **{name: bench.machine[name] for name in ("backbone", "trunk", "versions", "date")}}


def whole_job(bench: Bench) -> list[dict]:
    """Photos to checkpoints: cold, with the activations in the cache, and with nothing to do."""
    epochs, split = bench.epochs, split_photos(bench.photos, Config())
    cold = bench.job("ours_whole", "whole", epochs=epochs)
    warm = bench.job("ours_whole", "whole", epochs=epochs)
    plain = bench.job("plain_whole", epochs=epochs)
    train, validation = len(split.train), len(split.validation)
    learning = epochs * (3 * train + validation)  # a backward pass costs about two forward ones
    after = bench.bound(tail=len(bench.photos) + learning, head=learning)
    accuracy = cold["accuracy"], plain["accuracy"]
    rows = [row(bench, name, "s", ours["seconds_all"], plain["seconds_all"], bound, accuracy,
                cold["config"], epochs=epochs, photos=len(bench.photos))
            for name, ours, bound in (("whole_job_cold", cold, after + bench.bound(trunk=len(bench.photos))),
                                      ("whole_job_warm", warm, after))]
    rows.append(row(bench, "whole_job_memory", "MB", cold["memory"] / 1e6, plain["memory"] / 1e6,
                    config=cold["config"]))
    ours = bench.job("ours_epochs", "whole")
    a_pass = 3 * train + validation
    for phase, part in (("phase1_epoch", "head"), ("phase2_epoch", "tail")):
        rows.append(row(bench, phase, "s", ours[phase], plain[phase], bench.bound(**{part: a_pass}),
                        config=ours["config"]))
    forward = ours["phase2_forward"] * (1 + validation / train)
    backward = ours["phase2_epoch"] - forward
    rows.append(row(bench, "phase2_backward_by_forward", "×", backward / forward, config=ours["config"]))
    return rows


def second_run(bench: Bench) -> list[dict]:
    """``catsdogs train`` when nothing has changed since the last one."""
    command = [sys.executable, "-m", "catsdogs", "train", "--epochs", "1", "--fine-tune-epochs", "1"]
    bench.measured(command, "second")
    config = {**bench.machine["config"], "head_epochs": 1, "fine_tune_epochs": 1}
    return [row(bench, "second_run", "s", bench.measured(command, "second")["seconds_all"], config=config)]


def extraction(bench: Bench) -> list[dict]:
    """The trunk's activations of all photos, and where the time goes."""
    ours, plain = bench.job("ours_extraction"), bench.job("plain_extraction")
    steps = {name: value for name, value in ours.items() if name.endswith("_ms")}
    rates = [job["photos"] / job["seconds"] for job in (ours, plain)]
    return [row(bench, "extraction", "fotos/s", *rates, 1 / bench.bound(trunk=1), photos=ours["photos"], **steps)]


def prediction(bench: Bench) -> list[dict]:
    """One photo with a new process, and a folder."""
    photo, count = sample_photo(), 100 if bench.quick else 500
    folder = bench.folder / "to_predict"
    folder.mkdir()
    for i in range(count):
        os.symlink(bench.photos.path(i % len(bench.photos)), folder / f"{i}.jpg")
    ours = [sys.executable, "-m", "catsdogs", "predict"]
    first = bench.measured([*ours, str(photo)], "predict")["seconds_all"]
    one, all_of_them = (bench.measured([*ours, str(path)], "predict")["seconds_all"] for path in (photo, folder))
    plain_one, plain_all = (bench.job("plain_predict", photo=path)["seconds_all"] for path in (photo, folder))
    whole = {"trunk": 1, "tail": 1, "head": 1}
    return [row(bench, "predict_one", "s", one, plain_one, bench.bound(**whole), first_time=first),
            row(bench, "predict_folder", "ms/foto", 1000 * (all_of_them - one) / (count - 1),
                1000 * (plain_all - plain_one) / (count - 1), 1000 * bench.bound(**whole), photos=count)]


def start_up(bench: Bench) -> list[dict]:
    """Importing the package, and asking for help."""
    return [row(bench, name, "s", min(bench.measured([sys.executable, *words], "start")["seconds_all"]
                                      for _ in range(3)))
            for name, words in (("import_catsdogs", ["-c", "import catsdogs"]), ("help", ["-m", "catsdogs", "--help"]))]


def growth(bench: Bench) -> list[dict]:
    """Extraction of more and more photos: time, memory and disk."""
    rows = []
    for count in GROWTH[:1] if bench.quick else GROWTH:
        data = bench.folder / f"photos{count}"
        _repeat(bench, data, count)
        name = f"growth{count}"
        job = bench.measured([sys.executable, str(HERE / "jobs.py"), "ours_growth"], name, data)
        disk = sum(path.stat().st_size for path in (bench.folder / name).rglob("*") if path.is_file())
        rows.append(row(bench, f"extraction_of_{count}", "s", job["seconds_all"], photos=count,
                        memory=job["memory"] / 1e6, disk=disk / 1e6))
        shutil.rmtree(bench.folder / name)
        shutil.rmtree(data)
    return rows


def _repeat(bench: Bench, folder: Path, count: int) -> None:
    """The photos again and again until there are ``count``, each with a few bytes of its own after the image."""
    names, labels = bench.photos.class_names, bench.photos.labels
    for name in names:
        (folder / name).mkdir(parents=True)
    for i in range(count):
        number = i % len(bench.photos)
        copy = folder / names[labels[number]] / f"{i}.jpg"
        # Equal bytes would be left out as repeated photos.
        copy.write_bytes(bench.photos.path(number).read_bytes() + str(i).encode())


def book(bench: Bench) -> list[dict]:
    """``make book`` in a fresh clone without photos: cold, with nothing changed, with one cell of one page changed."""
    page = bench.clone / "book" / "pratica" / "dados.ipynb"
    cold, unchanged = bench.make("book"), bench.make("book")
    _edit(page, "markdown", "\n\nMais uma frase.")
    sentence = bench.make("book")
    _edit(page, "code", "\n# mais um comentário")
    cell = bench.make("book")
    with open(bench.clone / "catsdogs" / "classroom" / "grading.py", "a", encoding="utf-8") as module:
        module.write("# one more comment\n")
    return [book_row(bench, "book_cold", cold), book_row(bench, "book_unchanged", unchanged),
            book_row(bench, "book_one_page", cell, sentence=sentence, module_of_no_page=bench.make("book"))]


def _edit(page: Path, kind: str, more: str) -> None:
    """Add something to the last cell of a kind of a notebook."""
    notebook = nbformat.read(page, as_version=4)
    [cell for cell in notebook.cells if cell.cell_type == kind][-1].source += more
    nbformat.write(notebook, page)


def tests(bench: Bench) -> list[dict]:
    """``make test`` in a fresh clone without photos, and ``make check``."""
    cold = bench.clone and bench.make("test")
    return [book_row(bench, "tests", cold, site_unchanged=bench.make("test"), check=bench.make("check"))]


def page(bench: Bench) -> list[dict]:
    """The page Treine aqui in Chromium, of a book in a fresh clone."""
    site = bench.clone / "_build" / "html"
    if not site.exists():
        bench.make("book")
    if not (site / "_static" / "treino" / "tfjs").exists():
        raise CatsdogsError("A página Treine aqui precisa do npm: instale o Node.js e meça de novo.")
    found = bench.measured([sys.executable, str(HERE / "browser.py"), str(site)], photos=False)
    bundle = bundled_photos()
    return [row(bench, "page_photos", "fotos/s", found["photos_a_second"], photos_of=bundle),
            row(bench, "page_training", "s", found["training"], photos_of=bundle, first=found["first_training"]),
            row(bench, "page_large_photo", "s", found["large_photo"], photos_of=bundle),
            row(bench, "page_stall", "ms", found["stall"], photos_of=bundle),
            row(bench, "page_code", "KB", found["code"], photos_of=bundle)]


def book_row(bench: Bench, name: str, seconds: float, **details) -> dict:
    """A row about the repository itself, which needs no photos."""
    return row(bench, name, "s", seconds, photos_of=bundled_photos(), **details)


BENCHMARKS: dict[str, Callable[[Bench], list[dict]]] = {
    work.__name__: work
    for work in (start_up, prediction, extraction, second_run, whole_job, growth, book, tests, page)}


def main() -> int:
    """Run the benchmarks asked for, writing the results after each one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), help="só estas medidas")
    parser.add_argument("--quick", action="store_true", help="uma época, poucas fotos; mostra e não grava")
    options = parser.parse_args()
    rows = {} if options.quick or not RESULTS.exists() else {line["name"]: line for line in read_json(RESULTS)}
    try:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), options.quick)
            for name in tqdm(options.only, unit="medida"):
                tqdm.write(f"Medindo {name}…", file=sys.stderr)
                rows |= {line["name"]: line for line in BENCHMARKS[name](bench)}
                if not options.quick:
                    write_json(RESULTS, list(rows.values()))
    except CatsdogsError as error:
        print(f"make bench: {error}", file=sys.stderr)
        return 1
    print(table(rows.values()))
    return 0


def table(rows) -> str:
    """The rows for a terminal."""
    def cell(value: float | None) -> str:
        return "" if value is None else number(value, 3)

    keys = ("ours", "plain", "ratio", "bound", "accuracy_ours", "accuracy_plain")
    header = ["medida", "unidade", "catsdogs", "Keras simples", "razão", "limite", "acurácia", "acurácia, simples"]
    return plain_table(header, [[line["name"], line["unit"], *[cell(line[key]) for key in keys]] for line in rows])


if __name__ == "__main__":
    sys.exit(main())
