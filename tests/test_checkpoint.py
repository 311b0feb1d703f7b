"""Whole models on disk."""

import zipfile

import numpy as np
import pytest
from helpers import assert_sentence, photo_pixels

from catsdogs.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT
from catsdogs.errors import CatsdogsError
from catsdogs.photo import read_photo
from catsdogs.quiet import keras


def small_model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


@pytest.mark.parametrize(("phase", "name"), [("phase1", PHASE1_CHECKPOINT), ("phase2", PHASE2_CHECKPOINT)])
def test_plain_keras_loads_it_and_gives_what_trunk_tail_and_head_gave(trained, phase, name):
    model = keras.saving.load_model(trained.models / name)
    recorded = trained.record[phase]["probabilities"]["test"]
    folder = trained.materials.photos.folder
    for photo, expected in recorded.items():
        answer = np.asarray(model(read_photo(folder / photo)[None].astype(np.float32), training=False))
        assert answer[0, 1] == pytest.approx(expected, abs=1e-4)


@pytest.fixture(scope="module")
def loaded(trained):
    return load_checkpoint(trained.models / PHASE2_CHECKPOINT)


@pytest.mark.parametrize("shape", [(3, 100, 112), (1, 31, 47), (2, 96, 96), (1, 240, 60)])
def test_any_photo_size_and_batch(loaded, shape):
    count, height, width = shape
    batch = np.stack([photo_pixels(i % 2, i, width, height) for i in range(count)]).astype(np.float32)
    answers = loaded[0].predict(batch, verbose=0)
    assert answers.shape == (count, 2)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    alone = loaded[0].predict(batch[-1:], verbose=0)
    np.testing.assert_allclose(alone[0], answers[-1], atol=1e-5)


def test_class_names_and_origin_are_carried(loaded, trained):
    assert loaded[1]["class_names"] == ["cats", "dogs"]
    assert loaded[1]["config"]["image_size"] == 96 and loaded[1]["key"] == trained.record["key"]


def test_class_names_with_accents_survive(tmp_path):
    save_checkpoint(small_model(), tmp_path / "a.keras", ("cães & cia", "gatos"), {"data": "São João"})
    assert read_metadata(tmp_path / "a.keras") == {"class_names": ["cães & cia", "gatos"], "data": "São João"}


@pytest.mark.parametrize("crash", [OSError(28, "disk full"), KeyboardInterrupt()], ids=["disk full", "Ctrl+C"])
@pytest.mark.parametrize("had_old", [True, False])
def test_crash_while_saving_leaves_the_old_file_intact(tmp_path, monkeypatch, crash, had_old):
    path = tmp_path / "models" / "a.keras"
    model = small_model()
    if had_old:
        save_checkpoint(model, path, ("a", "b"), {})
        old = path.read_bytes()

    def half_save(temporary):
        with open(temporary, "wb") as file:
            file.write(b"PK half")
        raise crash

    monkeypatch.setattr(model, "save", half_save)
    with pytest.raises(type(crash)):
        save_checkpoint(model, path, ("c", "d"), {})
    assert [entry.name for entry in path.parent.iterdir()] == (["a.keras"] if had_old else [])
    assert not had_old or path.read_bytes() == old


def test_saving_leaves_nothing_but_the_file(tmp_path):
    for names in (("a", "b"), ("c", "d")):
        save_checkpoint(small_model(), tmp_path / "a.keras", names, {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.keras"]
    assert read_metadata(tmp_path / "a.keras")["class_names"] == ["c", "d"]


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes(255 - byte for byte in content[middle:middle + 40]) + content[middle + 40:]


def without(member):
    def remove(content, path):
        path.write_bytes(content)
        with zipfile.ZipFile(path) as old:
            kept = {name: old.read(name) for name in old.namelist() if name != member}
        with zipfile.ZipFile(path, "w") as new:
            for name, data in kept.items():
                new.writestr(name, data)
    return remove


@pytest.mark.parametrize("damage", [
    lambda content, path: path.write_bytes(content[:-200]), lambda content, path: path.write_bytes(flipped(content)),
    lambda content, path: path.write_bytes(b""), lambda content, path: path.write_text("text"),
    lambda content, path: path.mkdir(), without("config.json"), without("model.weights.h5")],
    ids=["truncated", "flipped bytes", "empty", "text", "folder", "no config", "no weights"])
def test_damaged_file_gives_one_sentence(tmp_path, refused, damage):
    save_checkpoint(small_model(), tmp_path / "good.keras", ("a", "b"), {})
    damage((tmp_path / "good.keras").read_bytes(), tmp_path / "bad.keras")
    assert "bad.keras" in refused(load_checkpoint, tmp_path / "bad.keras")


def plain_model(path, size=8, units=2):
    """A model as plain Keras saves it."""
    photo = keras.Input((size, size, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(photo))
    model = keras.Model(photo, keras.layers.Dense(units, activation="softmax")(pooled))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(path)
    return model


@pytest.mark.parametrize("size", [8, None])
def test_a_plain_keras_model_takes_its_classes_from_the_file_beside_it(tmp_path, size):
    model = plain_model(tmp_path / "a.keras", size)
    (tmp_path / "classes.json").write_text('["maçã", "pera"]', encoding="utf-8")
    loaded, metadata = load_checkpoint(tmp_path / "a.keras")
    assert metadata == {"class_names": ["maçã", "pera"], "config": {"image_size": 8} if size else {}}
    photo = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(loaded(photo), model(photo))


@pytest.mark.parametrize("names", [None, "", "[]", '["a"]', '["a", "b", "c"]', "7", "{", "[1, 2]",
                                   pytest.param("[" * 100_000, id="deep")])
def test_a_plain_keras_model_without_two_class_names_gives_one_sentence(tmp_path, refused, names):
    plain_model(tmp_path / "a.keras")
    if names is not None:
        (tmp_path / "classes.json").write_text(names)
    assert "classes.json" in refused(load_checkpoint, tmp_path / "a.keras")


def test_a_plain_keras_model_for_images_that_are_not_square_gives_one_sentence(tmp_path, refused):
    photo = keras.Input((8, 6, 3))
    keras.Model(photo, keras.layers.Dense(2)(keras.layers.Flatten()(photo))).save(tmp_path / "a.keras")
    (tmp_path / "classes.json").write_text('["a", "b"]')
    assert "6 × 8" in refused(load_checkpoint, tmp_path / "a.keras")


def test_missing_file_gives_one_sentence(tmp_path, refused):
    assert "catsdogs train" in refused(load_checkpoint, tmp_path / "a.keras")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_description_of_any_compression_is_read_whole_or_gives_one_sentence(tmp_path, method):
    path = tmp_path / "bad.keras"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("catsdogs.json", '{"class_names": ["cães", "gatos"]}')
    whole, refused = path.read_bytes(), 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:])
        try:
            assert read_metadata(path)["class_names"] == ["cães", "gatos"], at
        except CatsdogsError as error:
            refused += "bad.keras" in assert_sentence(error)
    assert refused > len(whole) / 2
