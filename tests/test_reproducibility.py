"""The same command gives the same bits in any folder, and every result says what made it."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import make_photos
from kept import kept

from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, RECORD_FILE, Config
from catsdogs.study.experiments import EXPERIMENTS
from catsdogs.study.verify import TOLERANCES

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "book" / "results"
MEASURED = json.loads((RESULTS / "reproducibility.json").read_text(encoding="utf-8"))
MACHINES = json.loads((RESULTS / "machines.json").read_text(encoding="utf-8"))
# `catsdogs train`, by the package in the folder that is named first.
COMMAND = ("-c", "import sys, catsdogs.cli; assert catsdogs.__file__.startswith(sys.argv.pop(1)); "
           "sys.exit(catsdogs.cli.main(sys.argv[1:]))")
OPTIONS = ("train", "--image-size", "96", "--epochs", "2", "--fine-tune-epochs", "1", "--unfrozen-layers", "3")
# Of what a checkpoint holds; Keras adds the date, and the layers with numbers that are addresses in memory.
MEMBERS = ("model.weights.h5", "catsdogs.json")


def copy_package(machine):
    shutil.copytree(ROOT / "catsdogs", machine / "clone" / "catsdogs", ignore=shutil.ignore_patterns("__pycache__"))


def copy_photos(photos, folder):
    """Photos with nothing in common with the original's but their content."""
    for number, photo in enumerate(sorted(photos.rglob("*.jpg"), reverse=True)):
        copy = folder / photo.relative_to(photos)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, copy)
        os.utime(copy, (number, number))
    return folder


def train_there(machine, photos, weights):
    """``catsdogs train`` in a process that sees nothing outside ``machine`` but photos and weights."""
    environment = {**os.environ, "PYTHONPATH": str(machine / "clone"), "HOME": str(machine),
                   "KERAS_HOME": str(machine / "keras"), "CATSDOGS_CACHE": str(machine / "cache"),
                   "CATSDOGS_MODELS": str(machine / "models")}
    command = [sys.executable, *COMMAND, str(machine), *OPTIONS, "--data", str(photos), "--weights", str(weights)]
    done = subprocess.run(command, cwd=machine, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="module")
def machines(tmp_path_factory, weights_file):
    """Two folders, each with what the same command left from its own copies of package and photos.

    The first may be of an earlier run: to train there again would tell no more.
    """
    def usual(machine):
        copy_package(machine)
        train_there(machine, make_photos(machine / "fotos"), weights_file)  # in the order of their names

    other = tmp_path_factory.mktemp("machines") / "um lugar" / "outra"
    copy_package(other)
    first = kept("usual", usual)
    train_there(other, copy_photos(first / "fotos", other / "outro disco" / "fotos"), weights_file)
    return first, other


def same(machines, read):
    """Whether reading each machine gives one and the same value, and not an empty one."""
    values = [read(machine) for machine in machines]
    return bool(values[0]) and values[0] == values[1]


def below(folder):
    """Bytes of every file below ``folder``, by its path there."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def members(machine, name):
    with zipfile.ZipFile(machine / "models" / name) as archive:
        return [archive.read(member) for member in MEMBERS]


@pytest.mark.long
@pytest.mark.fault("Reprodução", "treinar em outra pasta, com as fotos copiadas em outra ordem e com outras datas",
                   "mesmos bits: divisão, ativações, pesos, figuras e registro")
def test_the_same_command_gives_the_same_bits_in_another_folder(machines):
    assert same(machines, lambda machine: below(machine / "cache" / "activations"))
    for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT):
        assert same(machines, lambda machine, name=name: members(machine, name))
    assert same(machines, lambda machine: below(machine / "models" / "images"))
    records = [json.loads((machine / "models" / RECORD_FILE).read_text(encoding="utf-8")) for machine in machines]
    for record in records:
        assert record.pop("date") and record["phase2"]["probabilities"]["test"]
    assert records[0] == records[1]


# What the results say of themselves.

def rows_of(path):
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert rows
    return rows


@pytest.mark.parametrize("path", [*[RESULTS / f"{name}.json" for name in (*EXPERIMENTS, "reproducibility")],
                                  ROOT / "benchmarks" / "results.json"], ids=lambda path: path.stem)
def test_every_row_says_what_made_it(path):
    for row in rows_of(path):
        assert row["backbone"] and row["data"] and row["photos"] > 0
        assert re.fullmatch("[0-9a-f]{64}", row["trunk"])
        assert set(Config().as_dict()) <= set(row["config"]) and row["config"]["seed"] >= 0
        assert {"python", "platform", "tensorflow", "keras", "numpy"} <= {
            name for name, version in row["versions"].items() if version}


@pytest.mark.parametrize("path", [RESULTS / "reproducibility.json", ROOT / "benchmarks" / "results.json"],
                         ids=lambda path: path.stem)
def test_measures_of_a_machine_say_which_and_when(path):
    for row in rows_of(path):
        assert row["device"] and re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])


def test_the_shipped_record_says_what_made_it():
    record = json.loads((ROOT / "models" / RECORD_FILE).read_text(encoding="utf-8"))
    assert all(record[name] for name in ("key", "config", "backbone", "data", "trunk", "date", "versions", "sizes"))


# What was measured.

def by_name(name):
    return next(row for row in MEASURED if row["name"] == name)


def test_the_measures_hold_what_the_page_says():
    assert MEASURED[0]["name"] == "reference" and all(row["split_identical"] for row in MEASURED)
    for name in ("reference", "elsewhere"):
        row = by_name(name)
        assert row["activations_identical"] and all(row["weights_identical"].values())
        assert not any({**row["probability_difference"], **row["metric_difference"]}.values())
    for row in MEASURED:
        assert all(row["shipped_difference"][metric] <= TOLERANCES[metric] for metric in TOLERANCES), row["name"]
        assert row["processor"] and row["cpu_flags"] and row["sizes"] == MEASURED[0]["sizes"]


def test_the_measures_reach_both_ends_of_the_versions():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest = re.search(r'"tensorflow>=([\d.]+)"', project)[1], re.search(r'requires-python = ">=([\d.]+)"', project)[1]
    measured = {(row["versions"]["tensorflow"], row["versions"]["python"]) for row in MEASURED}
    assert any(tensorflow.startswith(oldest[0]) and python.startswith(oldest[1]) for tensorflow, python in measured)
    assert len(measured) >= 3


def test_answers_of_another_machine_say_what_made_them():
    for row in MACHINES:
        assert row["processor"] and row["cpu_flags"] and re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])
        assert row["backbone"] and row["data"] and re.fullmatch("[0-9a-f]{64}", row["trunk"])
        assert row["photos"] == MEASURED[0]["sizes"]["test"]
        assert row["config"] == Config().as_dict()
        assert bool(row["gpu"]) == row["name"].partition("-")[2].startswith("gpu")
        engine = {"litert": "ai-edge-litert"}.get(row["name"], row["name"].partition("-")[0])
        assert {"python", "platform", "numpy", engine} <= set(row["versions"])
        assert row["reference"]["processor"] != row["processor"] and row["reference"]["versions"]["tensorflow"]


def test_answers_of_another_machine_hold_what_the_page_says():
    rows = {row["name"]: row for row in MACHINES}
    assert any("avx512f" in row["cpu_flags"] for row in MACHINES) and any(row["gpu"] for row in MACHINES)
    assert rows["litert"]["activations_difference"] == 0
    assert all(row["metric_difference"][metric] <= TOLERANCES[metric] for row in MACHINES for metric in TOLERANCES)


@pytest.mark.parametrize("name", ["reproducibility", "machines"])
def test_the_measures_name_no_folder_of_a_machine(name):
    text = (RESULTS / f"{name}.json").read_text(encoding="utf-8")
    assert not re.search(r'"[^"]*(?:/tmp|/home|/root|/work|/Users|[A-Z]:\\\\)[^"]*"', text)
