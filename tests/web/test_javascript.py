"""The book's scripts without a browser: their own tests, under Node, and their arithmetic beside Python's."""

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import missing
from sklearn.metrics import confusion_matrix, roc_curve

from catsdogs.evaluation import accuracy_interval
from catsdogs.photo import resize_photo

ROOT = Path(__file__).resolve().parent.parent.parent
STATIC = ROOT / "book" / "_static"
CONFUSION, KERNELS = STATIC / "interativo" / "confusion.js", STATIC / "interativo" / "kernels.js"
BROWSER = ROOT / "catsdogs" / "engines" / "browser"
MODULES = sorted([*STATIC.rglob("*.js"), *BROWSER.glob("*.js"), *Path(__file__).parent.glob("*.js")])


def node(*arguments, given=None):
    """What Node prints."""
    program = shutil.which("node")
    if program is None:
        missing("Node.js is not installed")
    done = subprocess.run([program, *arguments], input=json.dumps(given), capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def by_javascript(path, expression, given):
    """The value of an expression over what a module exports, and ``given``."""
    script = f"""import * as ours from "{path.as_uri()}";
        import {{ readFileSync }} from "node:fs";
        const given = JSON.parse(readFileSync(0, "utf8"));
        console.log(JSON.stringify({expression}));"""
    return json.loads(node("--input-type=module", "--eval", script, given=given))


def test_the_scripts_own_tests_pass():
    files = sorted(Path(__file__).parent.glob("*.test.js"))
    told = node("--test", "--test-reporter=tap", *map(str, files))
    assert int(re.search(r"^# pass (\d+)$", told, re.MULTILINE)[1]) >= sum(
        path.read_text(encoding="utf-8").count('\ntest("') for path in files) > 10


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_grows_too_large(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200 and max(map(len, lines)) <= 120


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent in (BROWSER, STATIC / "treino")],
                         ids=lambda path: path.name)
def test_what_is_imported_is_found_by_the_worker_s_loader(path):
    """It looks for ``from``; only the loader itself, and a page's first script, ask for modules by ``import()``."""
    code = path.read_text(encoding="utf-8")
    assert not re.search(r"^import\s*[\"']", code, re.MULTILINE)
    assert path.name in ("worker.js", "start.js") or not re.search(r"\bimport\([^)]", code)


@functools.cache
def answers():
    """Probabilities and labels, some of the former alike."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 300)
    return np.clip(rng.normal(0.25 + 0.5 * labels, 0.25), 0, 1).round(2), labels


def test_a_threshold_counts_as_scikit_learn_does():
    probabilities, labels = answers()
    thresholds = [round(step / 100, 2) for step in range(101)]
    given = {"probabilities": probabilities.tolist(), "labels": labels.tolist(), "thresholds": thresholds}
    counted = by_javascript(CONFUSION, "given.thresholds.map((threshold) => "
                            "ours.confusion(given.probabilities, given.labels, threshold))", given)
    assert counted == [confusion_matrix(labels, probabilities >= threshold).tolist() for threshold in thresholds]


def test_the_curve_is_scikit_learn_s():
    probabilities, labels = answers()
    drawn = by_javascript(CONFUSION, "ours.curve(given[0], given[1])", [probabilities.tolist(), labels.tolist()])
    expected = roc_curve(labels, probabilities, drop_intermediate=False)[:2]
    assert np.allclose(drawn, np.transpose(expected))


def test_a_filter_is_numpy_s():
    rng = np.random.default_rng(4)
    pixels, kernel = rng.integers(0, 256, (20, 30)).astype(float), rng.normal(size=9).round(2)
    bytes_ = by_javascript(KERNELS, "Array.from(ours.convolve(given[0], 30, 20, given[1]))",
                           [pixels.ravel().tolist(), kernel.tolist()])
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3))
    expected = (windows * kernel.reshape(3, 3)).sum(axis=(2, 3)).clip(0, 255)
    shown = np.reshape(bytes_, (18, 28, 4))
    assert np.abs(shown[..., 0] - expected).max() <= 0.5 + 1e-9
    assert 0 < (expected == 0).sum() < expected.size


def test_a_photo_is_resized_as_in_the_package():
    rng = np.random.default_rng(5)
    photo = rng.integers(0, 256, (37, 61, 3), np.uint8)
    rgba = np.dstack([photo, np.full((37, 61), 255, np.uint8)])
    given = by_javascript(BROWSER / "pixels.js", "Array.from(ours.resize(given, 61, 37, 16))", rgba.ravel().tolist())
    assert np.abs(np.reshape(given, (16, 16, 3)) - resize_photo(photo, 16)).max() < 1e-3


def test_the_interval_is_the_packages():
    for right, all_ in ((0, 5), (4, 5), (5, 5), (290, 300)):
        low, high = by_javascript(STATIC / "treino" / "words.js", "ours.interval(...given)", [right, all_])
        assert (low, high) == pytest.approx(accuracy_interval(all_ - right, all_), abs=1e-3)
