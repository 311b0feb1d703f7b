"""What changes from one machine to another: the same training again, under one change at a time.

Writes ``book/results/reproducibility.json``, the table of the book's page on reproducibility. Each training is
done by ``repeat.py`` in a process of its own, with nothing cached, and held against the first one.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catsdogs.config import Config, cache_dir
from catsdogs.data import Photos, find_photos
from catsdogs.errors import CatsdogsError
from catsdogs.files import read_json, write_json
from catsdogs.text import number, plain_table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "book" / "results" / "reproducibility.json"
TRAIN_PHOTOS = 300
METRICS = ("accuracy", "auc", "loss")
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
PROBE = """
import json, platform
from importlib.metadata import version
print(json.dumps([platform.python_version(), version("tensorflow")]))
"""


@dataclass(frozen=True)
class Variant:
    """One change to the reference.

    Attributes:
        title: the change, in Portuguese.
        environment: variables set for the process.
        settings: of ``repeat.repeat``.
        elsewhere: run from another copy of the repository, on another copy of the photos.
        python: the interpreter, of an environment with catsdogs's needs.
    """

    title: str
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str | int] = field(default_factory=dict)
    elsewhere: bool = False
    python: str = sys.executable


def thread_variant(title: str, threads: int) -> Variant:
    """As on a machine with this many processors: LiteRT and the reading of photos go by their number."""
    return Variant(title, dict.fromkeys(THREADS, str(threads)), {"threads": threads})


def vector_features() -> str:
    """The instruction sets beyond its baseline that NumPy uses here, as ``NPY_DISABLE_CPU_FEATURES`` wants them."""
    core = (getattr(np, "_core", None) or np.core)._multiarray_umath
    return " ".join(name for name in core.__cpu_dispatch__ if core.__cpu_features__[name])


def variants(interpreters: list[str]) -> dict[str, Variant]:
    """The reference first, then one change each.

    XNNPACK, which computes for LiteRT, has no switch for its instruction sets: ``plain_litert`` does without it.
    """
    found = {
        "reference": Variant("referência"),
        "elsewhere": Variant("o mesmo comando, em outra cópia do repositório e das fotos", elsewhere=True),
        "one_thread": thread_variant("uma thread", 1),
        "four_threads": thread_variant("quatro threads", 4),
        "sse41": Variant("TensorFlow com instruções até SSE4.1", {"ONEDNN_MAX_CPU_ISA": "SSE41"}),
        "onednn_on": Variant("TensorFlow com as operações da oneDNN", {"TF_ENABLE_ONEDNN_OPTS": "1"}),
        "onednn_off": Variant("TensorFlow sem as operações da oneDNN", {"TF_ENABLE_ONEDNN_OPTS": "0"}),
        "scalar_pixels": Variant("fotos sem instruções vetoriais (NumPy e libjpeg)",
                                 {"NPY_DISABLE_CPU_FEATURES": vector_features(), "JSIMD_FORCENONE": "1"}),
        "keras": Variant("Keras no lugar do LiteRT na extração, como com GPU", settings={"engine": "keras"}),
        "plain_litert": Variant("LiteRT sem XNNPACK na extração", settings={"engine": "plain-litert"}),
        "bundle": Variant("as ativações de 8 bits do repositório no lugar das fotos", settings={"source": "bundle"}),
        "other_seed": Variant("outra semente no treino, com a mesma divisão", settings={"training_seed": 43}),
    }
    for interpreter in interpreters:
        python, tensorflow = json.loads(subprocess.check_output([interpreter, "-c", PROBE], text=True))
        name = f"python_{python}_tensorflow_{tensorflow}".replace(".", "_")
        found[name] = Variant(f"Python {python}, TensorFlow {tensorflow}", python=interpreter)
    return found


class Trainings:
    """Does the trainings, or takes those that ``folder`` holds already.

    Attributes:
        photos: those of every training, indexed once.
        train_photos: how many of them it learns from.
    """

    def __init__(self, folder: Path, train_photos: int):
        self.folder, self.train_photos, self.photos = folder, train_photos, find_photos(Config())
        if not self.photos.has_files:
            raise CatsdogsError("Para medir são precisas as fotos: conecte-se à internet ou indique uma pasta "
                                "com CATSDOGS_DATA.")

    def run(self, name: str, variant: Variant) -> dict:
        """What ``repeat.py`` left: the values of ``run.json`` and the arrays of ``run.npz``."""
        folder = self.folder / f"{name}-{self.train_photos}"
        if not (folder / "run.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._train(folder, variant)
        with np.load(folder / "run.npz") as arrays:
            return {**read_json(folder / "run.json"), **arrays}

    def _train(self, folder: Path, variant: Variant) -> None:
        settings = {"train_photos": self.train_photos, **variant.settings}
        with tempfile.TemporaryDirectory() as machine:
            checkout = self._checkout()
            if variant.elsewhere:
                checkout = shutil.copytree(checkout, Path(machine) / "outra pasta")
            photos = _copy_photos(self.photos, Path(machine)) if variant.elsewhere else self.photos.folder
            command = [variant.python, checkout / "benchmarks" / "repeat.py", folder]
            command += [f"{key}={value}" for key, value in settings.items()]
            if not variant.elsewhere:  # which photos can be read was found once, for all
                shutil.copytree(cache_dir() / "index", Path(machine) / "cache" / "index")
            environment = {**os.environ, **variant.environment, "PYTHONPATH": str(checkout),
                           "CATSDOGS_DATA": str(photos), "CATSDOGS_CACHE": f"{machine}/cache",
                           "CATSDOGS_MODELS": f"{machine}/models", "KERAS_HOME": f"{machine}/keras"}
            done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.stderr.write(done.stderr)
            raise CatsdogsError(f"O treino da variante “{variant.title}” parou: o motivo está acima.")

    def _checkout(self) -> Path:
        """A copy of what a training runs, so that an edit meanwhile does not come between two of them."""
        checkout = self.folder / "checkout"
        if not checkout.exists():
            for part in ("catsdogs", "models", "benchmarks"):
                shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
        return checkout


def _copy_photos(photos: Photos, folder: Path) -> Path:
    """The photos at another place, written in the opposite order and with other times."""
    for number_, name in enumerate(reversed(photos.names)):
        copy = folder / "outras fotos" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photos.folder / name, copy)
        os.utime(copy, (number_, number_))
    return folder / "outras fotos"


BUNDLE_DATA = "ativações que acompanham o repositório"
KEPT = ("date", "versions", "processor", "cpu_flags", "config", "backbone", "trunk", "sizes", "split", "metrics")


def row(name: str, variant: Variant, run: dict, reference: dict, data: str) -> dict:
    """One line of the results: what made it, and how far it is from the reference.

    ``activations_difference`` is the largest one over the largest activation of the reference; differences of
    probabilities and metrics are absolute, the largest of both parts; ``shipped_difference`` is that of the metrics
    of the shipped checkpoints from the shipped record.
    """
    phases = ("phase1", "phase2")
    change, size = np.abs(run["maps"] - reference["maps"]).max(), np.abs(reference["maps"]).max()
    return {
        "name": name, "title": variant.title, "environment": variant.environment, "settings": variant.settings,
        **{key: run[key] for key in KEPT}, "data": BUNDLE_DATA if "source" in variant.settings else data,
        "photos": len(run["maps"]), "device": f"{os.cpu_count()} núcleos {platform.machine()}",
        "split_identical": run["split"] == reference["split"],
        "activations_identical": run["activations"] == reference["activations"],
        "activations_difference": float(change / size),
        "weights_identical": {phase: run["weights"][phase] == reference["weights"][phase] for phase in phases},
        "answers": len(run["labels"]),
        **answer_differences(run["probabilities"], reference["probabilities"]),
        "metric_difference": {metric: largest(run["metrics"], metric, reference["metrics"]) for metric in METRICS},
        "shipped_difference": {metric: largest(run["shipped"], metric) for metric in METRICS},
    }


def answer_differences(found: np.ndarray, usual: np.ndarray) -> dict[str, dict]:
    """By phase, the largest difference of a probability and how many answers changed; both float32 (2, n, 2)."""
    return {"probability_difference": by_phase(np.abs(found - usual).max(axis=(1, 2))),
            "answers_changed": by_phase((found.argmax(axis=-1) != usual.argmax(axis=-1)).sum(axis=1))}


def by_phase(values: np.ndarray) -> dict[str, float | int]:
    """The two phases' values as plain numbers."""
    return dict(zip(("phase1", "phase2"), values.tolist(), strict=True))


def largest(metrics: dict, metric: str, others: dict | None = None) -> float:
    """A metric's largest difference from that of ``others`` (from 0 when None), over phases and parts."""
    return max(abs(values[metric] - (others[phase][part][metric] if others else 0))
               for phase, parts in metrics.items() for part, values in parts.items())


def main() -> int:
    """Do the trainings and write the results after each one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", nargs="+", default=[], metavar="INTERPRETADOR",
                        help="outros ambientes com o pacote instalado, para medir outras versões")
    parser.add_argument("--train-photos", type=int, default=TRAIN_PHOTOS, help="fotos de treino de cada fase")
    parser.add_argument("--folder", type=Path, metavar="PASTA",
                        help="guarda ali o que cada treino deu; o que já está lá não se refaz")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as temporary:
            rows = measure(Trainings(options.folder or Path(temporary), options.train_photos),
                           variants(options.python))
    except CatsdogsError as error:
        print(f"reproducibility.py: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    return 0


def measure(trainings: Trainings, wanted: dict[str, Variant]) -> list[dict]:
    """The rows of the variants, in order, written as they come."""
    rows, reference = [], trainings.run("reference", wanted["reference"])
    for name, variant in tqdm(wanted.items(), unit="treino"):
        rows.append(row(name, variant, trainings.run(name, variant), reference, trainings.photos.origin))
        write_json(RESULTS, rows)
    return rows


def table(rows: list[dict]) -> str:
    """The rows for a terminal."""
    header = ["variante", "divisão", "ativações", "pesos", "probabilidades", "respostas", "medidas guardadas"]
    same = {True: "iguais", False: "outros"}
    return plain_table(header, [[
        line["title"], "igual" if line["split_identical"] else "outra",
        "iguais" if line["activations_identical"] else f"{line['activations_difference']:.1e}",
        same[all(line["weights_identical"].values())], number(max(line["probability_difference"].values()), 6),
        str(max(line["answers_changed"].values())), number(line["shipped_difference"]["loss"], 6)] for line in rows])


if __name__ == "__main__":
    sys.exit(main())
