"""Benchmarks: the recorded rows make sense, and the plain way is the same training. Nothing is timed here."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import CONFIG

from catsdogs.backbone import new_base
from catsdogs.quiet import keras
from catsdogs.training import assemble, build_head

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
ROWS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
KEYS = ["name", "unit", "ours", "plain", "ratio", "bound", "device", "accuracy_ours", "accuracy_plain", "details",
        "config", "data", "photos", "backbone", "trunk", "versions", "date"]


def module(name):
    specification = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def run():
    pytest.importorskip("psutil", reason="psutil, which only measuring needs, is not installed")
    return module("run")


@pytest.fixture(scope="module")
def jobs():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield module("jobs")
    sys.modules.pop("plain", None)


@pytest.mark.parametrize("line", ROWS, ids=lambda line: line["name"])
def test_recorded_rows_are_complete_and_agree_with_themselves(line):
    assert list(line) == KEYS and line["ours"] > 0 and line["device"]
    if line["plain"] is not None:
        better = line["ours"] / line["plain"] if line["unit"].endswith("/s") else line["plain"] / line["ours"]
        assert line["ratio"] == pytest.approx(better)
    if line["bound"] is not None:  # nothing is faster than the operations it takes
        faster = line["ours"] > line["bound"] if line["unit"].endswith("/s") else line["ours"] < line["bound"]
        assert not faster


def test_the_whole_job_is_as_accurate_as_the_plain_way():
    cold = next(line for line in ROWS if line["name"] == "whole_job_cold")
    photos = cold["details"]["photos"]
    assert cold["details"]["epochs"] == 10 and photos == 3000
    assert cold["accuracy_ours"] >= cold["accuracy_plain"] - 3 / (photos / 10)


def test_every_recorded_row_is_one_that_the_command_makes(run):
    source = (FOLDER / "run.py").read_text(encoding="utf-8")
    made = {line["name"] for line in ROWS} - {f"extraction_of_{count}" for count in run.GROWTH}
    assert all(f'"{name}"' in source for name in made)


def test_operations_of_mobilenetv2_are_those_of_its_paper(jobs):
    """300 million multiply-adds with its classifier of 1,000 classes (Sandler et al., 2018, table 4)."""
    classifier = 2 * 1280 * 1000
    assert jobs.operations(new_base(224)) + classifier == pytest.approx(2 * 300e6, rel=0.01)


@pytest.mark.slow
def test_the_plain_way_starts_from_the_same_model_and_pixels(jobs, trained, monkeypatch):
    photos, split = trained.materials.photos, trained.materials.split
    monkeypatch.setattr(sys.modules["plain"], "load_backbone", lambda config: trained.materials.backbone)
    plain = jobs.PlainRun(CONFIG, photos, split)
    keras.utils.set_random_seed(CONFIG.seed)
    ours = assemble(trained.materials.backbone.base, build_head(CONFIG), CONFIG)
    pixels, labels = next(iter(plain.dataset(split.test)))
    assert labels.numpy().tolist() == photos.labels[split.test].tolist()
    assert np.allclose(plain.model.predict(pixels, verbose=0), ours.predict(pixels, verbose=0), atol=1e-5)
