"""A head that was trained in a browser becomes a whole model with the same answers."""

import base64
import json

import numpy as np
import pytest

from catsdogs.backbone import load_backbone
from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import Config
from catsdogs.engines.browser_head import model_of_head

pytestmark = pytest.mark.usefixtures("repository_models")
RNG = np.random.default_rng(6)
WEIGHTS = [RNG.normal(size=(1280, 16)), RNG.normal(size=16), RNG.normal(size=(16, 2)), RNG.normal(size=2)]


def head_file(folder, **changes):
    """A file as the page writes it."""
    weights = [{"shape": list(each.shape), "float32": base64.b64encode(each.astype("<f4").tobytes()).decode()}
               for each in WEIGHTS]
    path = folder / "cabeca.json"
    path.write_text(json.dumps({"names": ["caneca", "garrafa"], "dropout": 0.3, "weights": weights, **changes}))
    return path


@pytest.mark.slow
def test_the_model_answers_as_the_head_does_on_the_base_s_features(tmp_path):
    pixels = RNG.integers(0, 256, (2, 50, 60, 3)).astype("float32")
    model = model_of_head(head_file(tmp_path), tmp_path / "new" / "minhas.keras")
    saved, about = load_checkpoint(tmp_path / "new" / "minhas.keras")
    assert about["class_names"] == ["caneca", "garrafa"]
    features = model.get_layer("gap").output
    import keras

    given = keras.Model(model.input, features).predict(pixels, verbose=0)
    hidden = np.maximum(given @ WEIGHTS[0] + WEIGHTS[1], 0)
    scores = hidden @ WEIGHTS[2] + WEIGHTS[3]
    expected = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    assert np.abs(saved.predict(pixels, verbose=0) - expected).max() < 1e-3
    for ours, theirs in zip(load_backbone(Config()).base.get_weights(), model.layers[3].get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"names": ["a", "b"], "dropout": 0.3, "weights": []}'])
def test_another_file_is_refused_in_a_sentence(tmp_path, refused, content):
    (tmp_path / "cabeca.json").write_text(content)
    assert "Treine aqui" in refused(model_of_head, tmp_path / "cabeca.json", tmp_path / "x.keras")


def test_a_file_that_is_not_there_is_told(tmp_path, refused):
    assert "Não encontrei" in refused(model_of_head, tmp_path / "nada.json", tmp_path / "x.keras")
    assert not (tmp_path / "x.keras").exists()
