"""Answers for new photos."""

import numpy as np
import pytest
from helpers import photo_pixels
from PIL import Image

from catsdogs.config import PHASE2_CHECKPOINT
from catsdogs.predict import Classifier, photos_in


@pytest.fixture(scope="module")
def classifier(trained):
    return Classifier(trained.models / PHASE2_CHECKPOINT)


def test_answers_are_those_of_the_run(classifier, trained):
    folder = trained.materials.photos.folder
    for name, expected in trained.record["phase2"]["probabilities"]["test"].items():
        answer = classifier.predict(folder / name)
        assert answer.probabilities["dogs"] == pytest.approx(expected, abs=1e-4)
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert answer.class_name == ("dogs" if expected > 0.5 else "cats")
        assert answer.probability == pytest.approx(max(expected, 1 - expected), abs=1e-4) and not answer.error


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


def test_folders_stand_for_the_photos_in_them(photo_folder, tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", "._a.png"):
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    single = photo_folder / "cats" / "003.jpg"
    assert [path.name for path in photos_in([single, tmp_path, "missing.jpg"])] \
        == ["003.jpg", "a.png", "b.JPG", "missing.jpg"]


def test_folder_without_photos_gives_one_sentence(tmp_path, refused):
    assert str(tmp_path) in refused(photos_in, [tmp_path])


def test_missing_checkpoint_gives_one_sentence(tmp_path, refused):
    assert "catsdogs train" in refused(Classifier, tmp_path / "a.keras")
