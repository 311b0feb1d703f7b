"""The check before training finds what was planted, says what to do, and is silent about clean photos."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers import CONFIG, assert_sentence, fake_photos, make_photos, photo_pixels
from PIL import Image, ImageEnhance

from catsdogs.classroom.check import CHECKS, Survey, check_photos, survey
from catsdogs.cli import main
from catsdogs.data import split_photos
from catsdogs.pipeline import prepare

COUNT = 24


@pytest.fixture
def folder(tmp_path):
    """24 photos of each class, of the classes' own names."""
    return make_photos(tmp_path / "fotos", names=("garfos", "colheres"), count=COUNT)


@pytest.fixture
def look(folder, weights_file):
    """Check the folder; the findings by status and name."""
    def run() -> dict:
        found = check_photos(survey(prepare(CONFIG, folder, weights_file)))
        for finding in found:
            if finding.text:
                assert_sentence(finding.text)
        return {(finding.status, finding.name): finding for finding in found}
    return run


def made_survey(labels, **changes) -> Survey:
    """A survey of photos without files and with nothing to find, of any number."""
    labels = np.asarray(labels, dtype=np.int32)
    rng = np.random.default_rng(0)
    photos = replace(fake_photos(len(labels) // 2 + 1).subset(np.arange(len(labels))), labels=labels)
    plain = {"photos": photos, "split": split_photos(photos, CONFIG), "image_size": 96,
             "hashes": rng.random((len(labels), 256)) < 0.5,
             "statistics": rng.uniform(200, 400, (len(labels), 5)),
             "features": rng.normal(size=(len(labels), 200)) + 0.3 * (2 * labels[:, None] - 1)}
    return Survey(**{**plain, **changes})


def statuses(found: Survey) -> dict:
    return {finding.name: finding.status for finding in check_photos(found)}


def test_many_balanced_varied_photos_have_nothing_to_put_right():
    assert statuses(made_survey(np.arange(400) % 2)) == dict.fromkeys(CHECKS, "ok")


def test_folder_of_small_striped_photos_is_told_to_be_small(look):
    found = look()
    assert ("aviso", "Quantidade") in found
    assert "4 fotos" not in found["aviso", "Quantidade"].text  # 48 photos leave 5 for the test
    assert "terá 5 fotos" in found["aviso", "Quantidade"].text
    assert not any(status == "erro" for status, _ in found)


@pytest.mark.parametrize(("labels", "name", "words"), [
    ([0] * 200 + [1] * 100, "Equilíbrio", ["sempre gato", "67%", "fotos de cachorro"]),
    ([0] * 15 + [1] * 15, "Quantidade", ["só 15 fotos"])])
def test_counts_lead_to_advice(labels, name, words):
    texts = " ".join(finding.text for finding in check_photos(made_survey(labels)) if finding.name == name)
    assert all(word in texts for word in words)


def test_small_test_part_states_what_a_perfect_score_would_mean():
    text = next(finding.text for finding in check_photos(made_survey(np.arange(40) % 2))
                if finding.name == "Quantidade")
    # Wilson's interval for no error in n photos begins at n / (n + 1.96²).
    assert f"apenas {round(100 * 4 / (4 + 1.96**2))}%" in text


def test_broken_files_are_listed_and_one_is_explained(folder, look):
    whole = (folder / "garfos" / "001.jpg").read_bytes()
    (folder / "garfos" / "001.jpg").write_bytes(whole[:len(whole) // 2])
    (folder / "garfos" / "002.jpg").write_bytes(b"no photo")
    found = look()
    assert found["aviso", "Arquivos"].files == ("garfos/001.jpg", "garfos/002.jpg")
    assert "001.jpg" in found["aviso", "Arquivos"].text
    assert ("ok", "Cópias idênticas") in found


def test_identical_copies_are_harmless_in_one_class_and_wrong_in_two(folder, look):
    shutil.copy(folder / "garfos" / "001.jpg", folder / "garfos" / "copia.jpg")
    found = look()
    assert found["aviso", "Cópias idênticas"].files == ("garfos/copia.jpg",)
    shutil.copy(folder / "garfos" / "002.jpg", folder / "colheres" / "copia.jpg")
    found = look()
    assert len(found["erro", "Cópias idênticas"].files) == 1
    assert "apague a outra" in found["erro", "Cópias idênticas"].text


def test_near_copies_in_two_parts_are_a_leak(folder, weights_file):
    Image.fromarray(np.kron(np.random.default_rng(5).integers(0, 255, (5, 6, 3), dtype=np.uint8),
                            np.ones((20, 20, 1), np.uint8))).save(folder / "garfos" / "cena.png")
    with Image.open(folder / "garfos" / "cena.png") as scene:
        for i in range(12):  # so many that no split keeps them together
            ImageEnhance.Brightness(scene).enhance(1 + i / 200).save(folder / "garfos" / f"cena-{i}.png")
    found = check_photos(survey(prepare(CONFIG, folder, weights_file)))
    leaks = [finding for finding in found if "é um vazamento" in finding.text]
    assert len(leaks) == 1 and leaks[0].status == "aviso"
    assert {f"garfos/cena-{i}.png" for i in range(12)} <= set(leaks[0].files)


def test_near_copies_with_two_labels_are_told():
    plain = made_survey(np.arange(400) % 2)
    hashes, features = plain.hashes.copy(), plain.features.copy()
    hashes[1], features[1] = hashes[0], features[0]
    texts = [finding.text for finding in check_photos(replace(plain, hashes=hashes, features=features))
             if finding.name == "Fotos quase iguais"]
    assert any("classes diferentes" in text for text in texts)


def test_a_hash_alone_makes_no_copy():
    plain = made_survey(np.arange(400) % 2)
    hashes = plain.hashes.copy()
    hashes[1] = hashes[0]
    assert statuses(replace(plain, hashes=hashes))["Fotos quase iguais"] == "ok"


def alike_scenes(folder, count, seed=0):
    """Pictures of one soft pattern with smooth noise of their own, as X-rays are of one another."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:128, :128] / 128
    pattern = 128 + 70 * np.sin(3 * rows + 1) * np.cos(4 * columns)
    for number in range(count):
        noise = Image.fromarray(rng.normal(0, 28, (8, 8)).astype(np.float32)).resize((128, 128), Image.BICUBIC)
        pixels = np.clip(pattern + np.asarray(noise), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / ("ab"[number % 2]) / f"{number}.png")


def test_photos_of_one_kind_of_scene_are_no_copies_but_a_copy_among_them_is(tmp_path, weights_file):
    for name in "ab":
        (tmp_path / name).mkdir()
    alike_scenes(tmp_path, 40)

    def look():
        found = check_photos(survey(prepare(CONFIG, tmp_path, weights_file)))
        return [finding for finding in found if finding.name == "Fotos quase iguais"]

    assert [finding.status for finding in look()] == ["ok"]
    with Image.open(tmp_path / "a" / "0.png") as scene:
        scene.resize((120, 120)).save(tmp_path / "b" / "copia.jpg", quality=85)
    told = " ".join(finding.text for finding in look())
    assert "1 par(es)" in told and "classes diferentes" in told


def test_where_most_photos_are_alike_nothing_is_told_of_copies():
    plain = made_survey(np.arange(60) % 2)
    hashes, features = plain.hashes.copy(), plain.features.copy()
    hashes[1:40:2], features[1:40:2] = hashes[0:40:2], features[0:40:2]
    finding, = [each for each in check_photos(replace(plain, hashes=hashes, features=features))
                if each.name == "Fotos quase iguais"]
    assert "não dá para dizer" in finding.text and len(finding.files) == 40


def test_small_photos_come_smallest_first():
    plain = made_survey(np.arange(400) % 2)
    sizes = plain.statistics.copy()
    sizes[7, 0], sizes[9, 1] = 40, 20
    finding = next(f for f in check_photos(replace(plain, statistics=sizes)) if f.name == "Tamanho")
    assert finding.files == plain.names([9, 7]) and "menos de 48 pixels" in finding.text


def test_photos_that_are_nearly_black_are_told_darkest_first():
    plain = made_survey(np.arange(40) % 2)
    statistics = plain.statistics.copy()
    statistics[[3, 8], 3] = 5, 2  # brightness
    finding = next(f for f in check_photos(replace(plain, statistics=statistics)) if f.name == "Escuras")
    assert finding.status == "aviso" and "12 bits" in assert_sentence(finding.text)
    assert finding.files == (plain.photos.names[8], plain.photos.names[3])


def test_wrong_labels_are_pointed_at():
    labels = np.arange(400) % 2
    plain = made_survey(labels)
    wrong = labels.copy()
    wrong[[10, 21]] = 1 - wrong[[10, 21]]
    photos = replace(plain.photos, labels=wrong.astype(np.int32))
    finding = next(f for f in check_photos(replace(plain, photos=photos)) if f.name == "Rótulos")
    assert set(finding.files) == set(plain.names([10, 21]))


def test_a_shortcut_is_named_with_its_size():
    labels = np.arange(400) % 2
    plain = made_survey(labels)
    bright = plain.statistics.copy()
    bright[:, 3] = 100 + 50 * labels + np.random.default_rng(1).uniform(0, 60, 400)
    shortcuts = [f for f in check_photos(replace(plain, statistics=bright)) if f.name == "Atalhos"]
    assert len(shortcuts) == 1 and "brilho médio" in shortcuts[0].text and shortcuts[0].status == "aviso"


@pytest.mark.slow
def test_command_prints_and_fails_only_on_errors(folder, weights_file, monkeypatch, capsys):
    monkeypatch.setenv("CATSDOGS_QUICK", "1")
    for i in range(7):
        Image.fromarray(photo_pixels(0, 900 + i)).resize((9, 9)).save(folder / "garfos" / f"mini-{i}.jpg")
    assert main(["check", str(folder), "--weights", str(weights_file)]) == 0
    out = capsys.readouterr().out
    assert "colheres, 24; garfos, 31" in out
    assert "garfos/mini-0.jpg" in out and "--json mostra todas" in out
    shutil.copy(folder / "garfos" / "002.jpg", folder / "colheres" / "copia.jpg")
    assert main(["check", str(folder), "--weights", str(weights_file), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["photos"] == {"colheres": 25, "garfos": 30}
    assert any(finding["status"] == "erro" and finding["files"] for finding in answer["findings"])


@pytest.mark.parametrize("make", [lambda f: None, lambda f: f.mkdir(), lambda f: make_photos(f, names=("um",)),
                                  lambda f: make_photos(f, count=3)],
                         ids=["no folder", "empty", "one class", "three photos"])
def test_what_cannot_be_checked_is_one_sentence(tmp_path, make, capsys):
    make(tmp_path / "x")
    assert main(["check", str(tmp_path / "x")]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert_sentence(error.removeprefix("catsdogs: "))
