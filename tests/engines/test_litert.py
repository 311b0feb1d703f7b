"""Models as LiteRT files: right, kept, and healing."""

import importlib.util

import numpy as np
import pytest

from catsdogs.engines import litert
from catsdogs.engines.litert import convert
from catsdogs.files import DIGEST_SIZE
from catsdogs.quiet import keras

needs_litert = pytest.mark.skipif(not litert.is_installed(), reason="ai-edge-litert is not installed")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((5, 4)), keras.layers.Dense(3, activation="relu"), keras.layers.Flatten()])


@pytest.fixture(scope="module")
def content(model):
    return convert(model)


@pytest.fixture
def conversions(content, monkeypatch):
    """The models converted so far; converting gives the one small model without doing it again."""
    done = []
    monkeypatch.setattr(litert, "convert", lambda model: done.append(model) or content)
    return done


@needs_litert
@pytest.mark.parametrize("count", [1, 2, 4])
def test_converted_model_equals_keras_up_to_its_batch(model, content, count):
    rows = np.random.default_rng(0).normal(size=(4, 5, 4)).astype(np.float32)
    run = litert.make_runner(content, batch=4)
    run(rows[::-1])  # what an earlier call left must not shine through
    given = run(rows[:count])
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, np.asarray(model(rows[:count])), atol=1e-5)


def test_converting_writes_nothing_to_the_screen(model, capfd):
    convert(model)
    assert capfd.readouterr() == ("", "")


def test_second_time_the_model_is_not_even_loaded(content, conversions, tmp_path):
    path = tmp_path / "cache" / "a.tflite"
    assert litert.exported(path, lambda: "model") == content and conversions == ["model"]
    assert litert.exported(path, lambda: pytest.fail("loaded again")) == content
    assert [file.name for file in path.parent.iterdir()] == ["a.tflite"]


@pytest.mark.fault("Cache", "modelo convertido danificado ou cortado", "é convertido de novo")
@pytest.mark.parametrize("damage", [
    lambda kept: b"", lambda kept: b"text", lambda kept: kept[:-1], lambda kept: kept[:len(kept) // 2],
    lambda kept: kept[:100] + bytes([kept[100] ^ 1]) + kept[101:], lambda kept: kept[:-DIGEST_SIZE]],
    ids=["empty", "text", "last byte", "half", "flipped bit", "no digest"])
def test_damaged_file_is_made_again(content, conversions, tmp_path, damage):
    path = tmp_path / "a.tflite"
    litert.exported(path, lambda: "model")
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert litert.exported(path, lambda: "model") == content and len(conversions) == 2
    assert path.read_bytes() == whole


def test_without_a_place_to_keep_it_the_model_is_given_all_the_same(content, conversions, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert litert.exported(tmp_path / "cache" / "a.tflite", lambda: "model") == content


def test_missing_package_is_noticed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not litert.is_installed()
