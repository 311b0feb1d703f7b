"""Answers for new photos."""

import shutil
import zipfile

import numpy as np
import pytest
from helpers import assert_sentence, photo_pixels, tiny_photos, whole_photos
from PIL import Image

from catsdogs import predict
from catsdogs.checkpoint import load_checkpoint, save_checkpoint
from catsdogs.config import PHASE2_CHECKPOINT
from catsdogs.engines import litert
from catsdogs.photo import read_photo, resize_photo
from catsdogs.predict import Classifier, photos_in
from catsdogs.quiet import keras

needs_litert = pytest.mark.skipif(not litert.is_installed(), reason="ai-edge-litert is not installed")
PREPARING = "Preparando o modelo para as próximas vezes…"


@pytest.fixture(scope="module")
def classifier(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CATSDOGS_CACHE", str(trained.cache))
        return Classifier(trained.models / PHASE2_CHECKPOINT)


def same_answers(answers, expected):
    return [answer.path for answer in answers] == [answer.path for answer in expected] and all(
        answer.probabilities == pytest.approx(other.probabilities, abs=1e-4)
        for answer, other in zip(answers, expected, strict=True))


def test_answers_are_those_of_the_run(classifier, trained):
    folder = trained.materials.photos.folder
    for name, expected in trained.record["phase2"]["probabilities"]["test"].items():
        answer = classifier.predict(folder / name)
        assert answer.probabilities["dogs"] == pytest.approx(expected, abs=1e-4)
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert answer.class_name == ("dogs" if expected > 0.5 else "cats")
        assert answer.probability == pytest.approx(max(expected, 1 - expected), abs=1e-4) and not answer.error


def test_answers_equal_kerass_for_photos_of_any_size(classifier, trained, tmp_path):
    model, _ = load_checkpoint(trained.models / PHASE2_CHECKPOINT)
    for seed, size in enumerate([(112, 100), (96, 96), (31, 47), (300, 180), (5, 200)]):
        Image.fromarray(photo_pixels(seed % 2, seed, *size)).save(tmp_path / f"{seed}.png")
        pixels = read_photo(tmp_path / f"{seed}.png")[None].astype(np.float32)
        answer = classifier.predict(tmp_path / f"{seed}.png")
        np.testing.assert_allclose(list(answer.probabilities.values()), np.asarray(model(pixels))[0], atol=1e-4)


def test_many_photos_get_the_answers_of_each_in_order(classifier, photo_folder, tmp_path, monkeypatch):
    (tmp_path / "bad.jpg").write_text("text")
    photos = [*sorted((photo_folder / "cats").iterdir())[:3], tmp_path / "bad.jpg",
              *sorted((photo_folder / "dogs").iterdir())[:3]]
    monkeypatch.setattr(predict, "CHUNK", 3)
    assert list(classifier.predict_all(photos)) == [classifier.predict(photo) for photo in photos]


def test_photos_are_read_as_they_are_needed(classifier, photo_folder, monkeypatch):
    read = []
    monkeypatch.setattr(predict, "CHUNK", 3)
    monkeypatch.setattr(predict, "read_photo", lambda path: read.append(path) or read_photo(path))
    answers = classifier.predict_all(sorted((photo_folder / "cats").iterdir()))
    next(answers)
    answers.close()
    assert 1 <= len(read) <= 3


def test_two_classifiers_read_each_photo_once(classifier, small_file, photo_folder, monkeypatch):
    read, photos = [], sorted((photo_folder / "cats").iterdir())[:3]
    expected = [[one, other] for one, other in zip(classifier.predict_all(photos),
                                                   Classifier(small_file).predict_all(photos), strict=True)]
    monkeypatch.setattr(predict, "read_photo", lambda path: read.append(path) or read_photo(path))
    assert list(predict.predict_side_by_side([classifier, Classifier(small_file)], photos)) == expected
    assert sorted(read) == photos


# The export

@needs_litert
def test_model_is_prepared_once_per_file(small_file, photo_folder, isolated, tmp_path):
    lines, photos = [], photos_in([photo_folder / "dogs"])
    first = list(Classifier(small_file, lines.append).predict_all(photos))
    assert lines == [PREPARING]
    again = list(Classifier(shutil.copy(small_file, tmp_path / "copy.keras"), pytest.fail).predict_all(photos))
    assert again == first and len(list((isolated / "cache" / "checkpoints").iterdir())) == 1
    save_checkpoint(load_checkpoint(small_file)[0], tmp_path / "other.keras", ("a", "b"), {"config": {"image_size": 8}})
    assert Classifier(tmp_path / "other.keras", lines.append).class_names == ("a", "b")
    assert lines == [PREPARING] * 2


@needs_litert
def test_damaged_export_is_made_again(small_file, photo_folder, isolated):
    photos = photos_in([photo_folder / "dogs"])
    first = list(Classifier(small_file).predict_all(photos))
    export, = (isolated / "cache" / "checkpoints").iterdir()
    content = bytearray(export.read_bytes())
    content[len(content) // 2] ^= 0xff
    export.write_bytes(content)
    assert list(Classifier(small_file).predict_all(photos)) == first
    assert export.read_bytes() != content


def test_without_litert_keras_gives_the_same_answers(small_file, photo_folder, isolated, monkeypatch):
    photos = photos_in([photo_folder / "dogs"])
    expected = list(Classifier(small_file).predict_all(photos))
    shutil.rmtree(isolated / "cache", ignore_errors=True)
    monkeypatch.setattr(litert, "is_installed", lambda: False)
    assert same_answers(list(Classifier(small_file, pytest.fail).predict_all(photos)), expected)
    assert np.ptp([answer.probabilities["dogs"] for answer in expected]) > 0.01
    assert not (isolated / "cache").exists()


def test_damaged_checkpoint_gives_one_sentence_even_with_an_export(small_file, tmp_path, refused):
    path = shutil.copy(small_file, tmp_path / "a.keras")
    Classifier(path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("model.weights.h5").header_offset
    path.write_bytes(content[:at + 200] + bytes(255 - byte for byte in content[at + 200:at + 240]) + content[at + 240:])
    assert "a.keras está danificado" in refused(Classifier, path)


# Files

def test_unreadable_file_does_not_stop_the_others(classifier, photo_folder, tmp_path):
    (tmp_path / "bad.jpg").write_text("text")
    good = photo_folder / "cats" / "000.jpg"
    answers = [classifier.predict(path) for path in (good, tmp_path / "bad.jpg", tmp_path / "missing.jpg", good)]
    assert [bool(answer.error) for answer in answers] == [False, True, True, False]
    assert "bad.jpg" in answers[1].error and answers[0].probabilities == answers[3].probabilities
    assert [answer.path.name for answer in answers] == ["000.jpg", "bad.jpg", "missing.jpg", "000.jpg"]


def test_photo_stored_lying_down_gives_the_answer_of_the_upright_one(classifier, tmp_path):
    upright = Image.fromarray(photo_pixels(0, 77, 130, 90))
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "stored.png", exif=exif)
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.png")
    same, other = classifier.predict(tmp_path / "stored.png"), classifier.predict(tmp_path / "lying.png")
    expected = classifier.predict(tmp_path / "upright.png")
    assert same.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
    assert other.probabilities != pytest.approx(expected.probabilities, abs=1e-6)


def test_odd_photos_get_an_answer(classifier, tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(tmp_path / "gray.bmp")
    answers = [classifier.predict(path) for path in (tmp_path / "dot.png", tmp_path / "gray.bmp")]
    assert [answer.error for answer in answers] == ["", ""]


def test_a_photo_that_is_nearly_black_is_answered_with_a_note(classifier, tmp_path):
    """As 12 bits in a file of 16 are: from 0 to 15 of 255. A dark photo in which something is seen is none."""
    levels = np.random.default_rng(0).integers(0, 4096, (100, 112)).astype(np.uint16)
    for name, bits in (("raio-x", levels), ("noite", levels * 4)):
        Image.fromarray(bits).save(tmp_path / f"{name}.png")
    black, night = classifier.predict_all([tmp_path / "raio-x.png", tmp_path / "noite.png"])
    assert black.probabilities and "raio-x.png é quase toda preta" in assert_sentence(black.note)
    assert night.probabilities and not night.note


def test_folders_stand_for_the_photos_in_them(photo_folder, tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", "._a.png"):
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    single = photo_folder / "cats" / "003.jpg"
    assert [path.name for path in photos_in([single, tmp_path, "missing.jpg"])] \
        == ["003.jpg", "a.png", "b.JPG", "missing.jpg"]


@pytest.mark.parametrize(("path", "words"), [
    ("", "Não há fotos"), ("*.jpg", "combina"), ("https://example.org/gato.jpg", "baixe"),
    ("classes", "as pastas cats/, dogs/")])
def test_what_holds_no_photos_gives_one_sentence(tmp_path, refused, monkeypatch, path, words):
    tiny_photos(tmp_path / "classes" / "classes")
    monkeypatch.chdir(tmp_path / "classes")
    (tmp_path / "classes" / "empty").mkdir()
    assert words in refused(photos_in, [path or tmp_path / "classes" / "empty"])


def test_patterns_that_the_shell_left_stand_for_their_files(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.png", "[x].jpg"):
        (tmp_path / name).touch()
    found = photos_in([f"{tmp_path}/?.jpg", tmp_path / "[x].jpg"])
    assert [path.name for path in found] == ["a.jpg", "b.jpg", "[x].jpg"]


def test_photos_of_a_folder_are_known_by_their_content(tmp_path):
    whole = whole_photos()
    (tmp_path / "a.jfif").write_bytes(whole["gray jpeg"])
    (tmp_path / "sem nome").write_bytes(whole["webp"])
    (tmp_path / "celular.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(16))
    (tmp_path / "notas.dat").write_bytes(b"text")
    assert [path.name for path in photos_in([tmp_path])] == ["a.jfif", "celular.heic", "sem nome"]


def test_missing_checkpoint_gives_one_sentence(tmp_path, refused):
    assert "catsdogs train" in refused(Classifier, tmp_path / "a.keras")


def test_a_plain_keras_model_answers_with_the_classes_beside_it(photo_folder, isolated, tmp_path):
    photo = keras.Input((8, 8, 3))
    answer = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(photo))
    keras.Model(photo, answer).save(tmp_path / "a.keras")
    (tmp_path / "classes.json").write_text('["maçã", "pera"]', encoding="utf-8")
    path = next(photo_folder.rglob("*.jpg"))
    given = Classifier(tmp_path / "a.keras").predict(path)
    expected = keras.saving.load_model(tmp_path / "a.keras")(resize_photo(read_photo(path), 8)[None]).numpy()[0]
    assert list(given.probabilities) == ["maçã", "pera"]
    assert list(given.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-3)


@pytest.mark.parametrize("units", [1, 3])
def test_a_model_of_other_than_two_answers_is_one_sentence(photo_folder, isolated, tmp_path, refused, units):
    photo = keras.Input((8, 8, 3))
    keras.Model(photo, keras.layers.Dense(units)(keras.layers.Flatten()(photo))).save(tmp_path / "a.keras")
    (tmp_path / "classes.json").write_text('["a", "b"]')
    told = refused(Classifier(tmp_path / "a.keras").predict, next(photo_folder.rglob("*.jpg")))
    assert f"dá {units} resposta" in told
