"""The book's photos for the browser: the right ones, as phase 1 sees them."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from catsdogs.backbone import load_backbone
from catsdogs.config import BUNDLE_FILE, Config
from catsdogs.data import bundled_photos, split_photos
from catsdogs.engines.web_photos import ABOUT_FILE, LEVELS_FILE, export_photos, quantised
from catsdogs.features import activations, pooled_features

MODELS = Path(__file__).resolve().parent.parent.parent / "models"
needs_bundle = pytest.mark.skipif(not (MODELS / BUNDLE_FILE).exists(), reason=f"models/ lacks {BUNDLE_FILE}")


def test_levels_are_half_a_step_off_at_most():
    rng = np.random.default_rng(1)
    features = rng.uniform(0, 6, (50, 8)).astype(np.float32) * np.array([1, 0.01, 0, 1, 1, 1, 1, 1], np.float32)
    levels, scales = quantised(features)
    assert levels.dtype == np.uint8 and levels.shape == features.shape and scales.shape == (8,)
    assert (np.abs(levels * scales - features) <= 0.51 * scales + 1e-6).all()
    assert levels.max() == 255 and (levels[:, 2] == 0).all()
    assert json.loads(json.dumps(scales.tolist())) == scales.tolist() and len(str(scales[0])) <= 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("photos")


@pytest.fixture
def exported(folder, repository_models, monkeypatch):
    """What is exported, once, under settings that must not matter."""
    if not (folder / ABOUT_FILE).exists():
        monkeypatch.setenv("CATSDOGS_QUICK", "1")
        monkeypatch.setenv("CATSDOGS_WEIGHTS", str(folder / "none.h5"))
        export_photos(folder)
    return json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))


@needs_bundle
@pytest.mark.slow
def test_the_test_part_is_the_challenges_and_nothing_trains_on_it(exported, folder):
    photos, content = bundled_photos(), (folder / LEVELS_FILE).read_bytes()
    split = split_photos(photos, Config())
    levels = np.frombuffer(gzip.decompress(content), np.uint8).reshape(1000, 1280)
    features = levels * np.array(exported["scales"])
    assert (exported["train"], exported["test"]) == (700, 300)
    assert exported["labels"][700:] == photos.labels[split.test].tolist()
    assert sum(exported["labels"][:700]) == 350 and sum(exported["labels"][700:]) == 150
    backbone = load_backbone(Config(), shipped=True)
    expected = pooled_features(backbone.tail, activations(photos.subset(split.test), backbone, Config()))
    assert np.abs(features[700:] - expected).max() < 0.02
    assert len(np.unique(levels, axis=0)) == 1000  # no photo is there twice


@needs_bundle
@pytest.mark.slow
def test_the_files_say_what_they_are_and_stay_below_a_megabyte(exported, folder):
    content = (folder / LEVELS_FILE).read_bytes()
    assert exported["bytes"] == len(content) and exported["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) + (folder / ABOUT_FILE).stat().st_size < 1e6
    assert exported["file"] == LEVELS_FILE and exported["classes"] == ["gato", "cachorro"]
    assert "ImageNet" in exported["backbone"] and "Cats vs Dogs" in exported["data"]


@needs_bundle
@pytest.mark.slow
def test_the_same_bytes_every_time(exported, folder, tmp_path):
    export_photos(tmp_path)
    for name in (LEVELS_FILE, ABOUT_FILE):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_without_the_bundle_it_says_what_to_do(tmp_path, refused):
    assert "git restore models" in refused(export_photos, tmp_path)
