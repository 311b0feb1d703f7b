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

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "book" / "results"
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


@pytest.mark.parametrize("path", [*(RESULTS / f"{name}.json" for name in EXPERIMENTS),
                                  ROOT / "benchmarks" / "results.json"], ids=lambda path: path.stem)
def test_every_row_says_what_made_it(path):
    for row in rows_of(path):
        assert row["backbone"] and row["data"] and row["photos"] > 0
        assert re.fullmatch("[0-9a-f]{64}", row["trunk"])
        assert set(Config().as_dict()) <= set(row["config"]) and row["config"]["seed"] >= 0
        told = {name for name, version in row["versions"].items() if version}
        # Keras's backend: TensorFlow, or JAX on a machine that is named, too.
        assert {"python", "platform", "keras", "numpy"} <= told and ("tensorflow" in told or {"jax", "gpu"} <= told)


def test_measures_of_a_machine_say_which_and_when():
    for row in rows_of(ROOT / "benchmarks" / "results.json"):
        assert row["device"] and re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])


def test_the_shipped_record_says_what_made_it():
    record = json.loads((ROOT / "models" / RECORD_FILE).read_text(encoding="utf-8"))
    assert all(record[name] for name in ("key", "config", "backbone", "data", "trunk", "date", "versions", "sizes"))
