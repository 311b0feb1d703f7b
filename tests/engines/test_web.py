"""The model for the browser: the same answers as the checkpoints, and the same maps."""

import hashlib
import json

import numpy as np
import pytest
from helpers import CONFIG

from catsdogs.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from catsdogs.cli import main
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT
from catsdogs.engines import litert, web
from catsdogs.engines.web import export_one, export_web, web_model
from catsdogs.files import file_digest
from catsdogs.photo import read_photo, resize_photo
from catsdogs.quiet import keras
from catsdogs.study.explain import last_maps, signed_map
from catsdogs.training import find_head

PHASES = (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT)
COUNT = 12


@pytest.fixture(scope="module")
def models(trained):
    return [load_checkpoint(trained.models / name)[0] for name in PHASES]


@pytest.fixture(scope="module")
def expected(models, trained):
    """Probabilities (COUNT, 2, 2) and maps (COUNT, 2, s, s) by the package's own road."""
    photos = trained.materials.photos
    pixels = np.stack([read_photo(photos.path(i)) for i in range(COUNT)]).astype(np.float32)
    return (np.stack([model.predict(pixels, verbose=0) for model in models], axis=1),
            np.stack([signed_map(find_head(model), described(model, trained), 1) for model in models], axis=1))


def described(model, trained):
    """What a model's base says of the photos, (COUNT, s, s, channels)."""
    return last_maps(model, trained.materials.maps[:COUNT], CONFIG)


@pytest.fixture
def resized(trained):
    photos = trained.materials.photos
    return [resize_photo(read_photo(photos.path(i)), CONFIG.image_size)[None] for i in range(COUNT)]


@pytest.mark.slow
def test_one_model_gives_both_phases_answers_and_maps(models, expected, resized):
    model = web_model(models, CONFIG)
    answers = [model(photo, training=False) for photo in resized]
    for given, wanted in zip(zip(*answers, strict=True), expected, strict=True):
        np.testing.assert_allclose(np.concatenate(given), wanted, atol=1e-4 * max(1, np.abs(wanted).max()))
    assert np.abs(expected[0][:, 0] - expected[0][:, 1]).max() > 1e-3  # the phases differ


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CATSDOGS_MODELS", str(trained.models))
        return folder, export_web(folder)


@pytest.mark.slow
@pytest.mark.skipif(not litert.is_installed(), reason="ai-edge-litert is not installed")
def test_the_file_in_16_bits_agrees(exported, expected, resized, models, trained):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(exported[0] / web.MODEL_FILE))
    interpreter.allocate_tensors()
    given = {"probabilities": [], "heat": [], "maps": []}
    for photo in resized:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo)
        interpreter.invoke()
        for output in interpreter.get_output_details():
            shape = output["shape"]
            name = "probabilities" if len(shape) == 3 else "heat" if shape[1] == len(PHASES) else "maps"
            given[name].append(interpreter.get_tensor(output["index"]))
    probabilities, heat, maps = (np.concatenate(values) for values in given.values())
    # Random weights answer less surely than trained ones, and so feel the rounding more.
    assert np.abs(probabilities - expected[0]).max() < 0.03
    assert np.corrcoef(heat.ravel(), expected[1].ravel())[0, 1] > 0.99
    assert maps.shape[3] == 1280 and np.corrcoef(maps.ravel(), described(models[0], trained).ravel())[0, 1] > 0.999


@pytest.mark.slow
def test_description_is_of_this_file(exported, trained):
    folder, about = exported
    content = (folder / web.MODEL_FILE).read_bytes()
    assert json.loads((folder / web.ABOUT_FILE).read_text()) == about
    assert about["bytes"] == len(content) and about["sha256"] == hashlib.sha256(content).hexdigest()
    assert about["image_size"] == CONFIG.image_size and about["backbone"] == trained.record["backbone"]
    checkpoints = sum((trained.models / name).stat().st_size for name in PHASES)
    assert len(content) < checkpoints / 2  # one trunk instead of two, two bytes a weight instead of four


@pytest.mark.slow
def test_phases_of_different_trainings_are_refused(trained, isolated, tmp_path, refused):
    (isolated / "models").mkdir(parents=True)
    for name, change in zip(PHASES, ({}, {"key": "other"}), strict=True):
        model, metadata = load_checkpoint(trained.models / name)
        about = {**metadata, **change}
        save_checkpoint(model, isolated / "models" / name, about.pop("class_names"), about)
    assert read_metadata(isolated / "models" / PHASE2_CHECKPOINT)["key"] == "other"
    assert "treinos diferentes" in refused(export_web, tmp_path)


@pytest.mark.slow
def test_command(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(litert, "convert", lambda model, float16: b"x" * 2_500_000)
    monkeypatch.setenv("CATSDOGS_MODELS", str(trained.models))
    assert main(["export", "--web", str(tmp_path / "new" / "folder")]) == 0
    assert capsys.readouterr().out.startswith("modelo.tflite (2,5 MB)")
    assert (tmp_path / "new" / "folder" / web.MODEL_FILE).stat().st_size == 2_500_000


def test_command_without_checkpoints_says_what_to_do(tmp_path, capsys):
    assert main(["export", "--web", str(tmp_path)]) == 1
    assert "catsdogs train" in capsys.readouterr().err


# One checkpoint alone

def plain(base, path, head, scaled=True):
    """A model that plain Keras saved, with its classes beside it: ``base`` and the layers of ``head`` after it."""
    photo = keras.Input((CONFIG.image_size, CONFIG.image_size, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(photo) if scaled else photo
    x = base(x, training=False)
    for layer in head:
        x = layer(x)
    keras.Model(photo, x).save(path)
    (path.parent / "classes.json").write_text('["onça", "gato"]', encoding="utf-8")
    return path


def head_of(pooling=keras.layers.GlobalAveragePooling2D, hidden="relu", last="softmax", units=2):
    keras.utils.set_random_seed(3)
    return [pooling(), keras.layers.Dense(8, activation=hidden), keras.layers.Dropout(0.3),
            keras.layers.Dense(units, activation=last)]


@pytest.fixture
def converted(monkeypatch):
    """The models that were to be converted, which takes seconds."""
    models = []
    monkeypatch.setattr(litert, "convert", lambda model, float16: models.append(model) or b"converted")
    return models


@pytest.mark.slow
def test_one_checkpoint_is_a_model_of_its_own(trained, expected, resized, converted, tmp_path):
    path = trained.models / PHASE2_CHECKPOINT
    about = export_one(path, tmp_path)
    assert json.loads((tmp_path / web.ABOUT_FILE).read_text()) == about
    assert about["models"] == ["Modelo"] and about["checkpoint"] == file_digest(path)
    answers = [converted[0](photo, training=False) for photo in resized]
    for given, wanted in zip(zip(*answers, strict=True), expected, strict=True):
        np.testing.assert_allclose(np.concatenate(given)[:, 0], wanted[:, 1], atol=1e-4 * max(1, np.abs(wanted).max()))


@pytest.mark.slow
def test_a_model_that_plain_keras_saved_does_as_well(backbone, converted, tmp_path, resized):
    path = plain(backbone.base, tmp_path / "meu.keras", head_of())
    assert export_one(path, tmp_path / "page")["classes"] == ["onça", "gato"]
    theirs = keras.saving.load_model(path)
    for photo in resized[:3]:
        np.testing.assert_allclose(converted[0](photo, training=False)[0][0], theirs(photo, training=False), atol=1e-4)


UNLIKE = {
    "sigmoid": ({"last": "sigmoid"}, True), "three classes": ({"units": 3}, True),
    "no ReLU": ({"hidden": "linear"}, True),
    "maps in a row": ({"pooling": keras.layers.Flatten}, True), "pixels unscaled": ({}, False),
    "largest of each map": ({"pooling": keras.layers.GlobalMaxPooling2D}, True),
}


@pytest.mark.slow
@pytest.mark.parametrize(("options", "scaled"), UNLIKE.values(), ids=UNLIKE)
def test_a_model_of_another_structure_is_refused(backbone, converted, tmp_path, refused, options, scaled):
    path = plain(backbone.base, tmp_path / "meu.keras", head_of(**options), scaled)
    told = refused(export_one, path, tmp_path / "page")
    assert told.startswith("meu.keras não tem a estrutura do desafio") and not (tmp_path / "page").exists()
    assert converted == []


def test_a_model_without_the_base_is_refused(small_file, tmp_path, refused):
    assert "não tem a estrutura do desafio" in refused(export_one, small_file, tmp_path / "page")
