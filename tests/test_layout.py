"""Folders as people have them: what is a class, what is a part, and what is left out and told."""

import unicodedata

import pytest
from helpers import CONFIG, tiny_photos, whole_photos, zipped

from catsdogs.data import find_photos
from catsdogs.layout import looks_like_part

HEIC = b"\0\0\0\x18ftypheic" + bytes(16)


def folders(root, *names, count=10):
    """Photos in each folder, all different."""
    for name in names:
        tiny_photos(root / name, names=(".",), count=count)
    for number, path in enumerate(sorted(root.rglob("*.jpg"))):
        with path.open("ab") as file:
            file.write(str(number).encode())
    return root


@pytest.mark.parametrize("names", [
    ("training_set/cats", "training_set/dogs", "test_set/cats", "test_set/dogs"),
    ("a/x", "a/y", "b/x", "b/y"), ("fold 1/x", "fold 1/y", "fold 2/x", "fold 2/y", "fold 3/x", "fold 3/y"),
    ("train/x", "train/y", "val/x", "val/y"), ("Train/Cats", "Train/dogs", "Test/cats", "Test/Dogs"),
    ("treino/gatos", "treino/cães", "validação/gatos", "validação/" + unicodedata.normalize("NFD", "cães"))])
def test_parts_with_the_same_classes_are_pooled_whatever_they_are_called(tmp_path, names):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "run.txt").touch()
    photos = find_photos(CONFIG, folders(tmp_path, *names))
    inner = {unicodedata.normalize("NFC", name.split("/")[1]).casefold() for name in names}
    assert {name.casefold() for name in photos.class_names} == inner
    assert len(photos) == 10 * len(names)


@pytest.mark.parametrize("names", [("cats/train", "cats/test", "dogs/train", "dogs/test"),
                                   ("cats/persa", "cats/siamês", "dogs/boxer"), ("cats", "dogs/small", "dogs/large")])
def test_folders_inside_the_classes_are_no_classes(tmp_path, names):
    assert find_photos(CONFIG, folders(tmp_path, *names)).class_names == ("cats", "dogs")


def test_photos_beside_the_parts_are_left_out_and_told(tmp_path):
    folders(tmp_path, "training_set/cats", "training_set/dogs", "test_set/cats", "test_set/dogs")
    folders(tmp_path, "single_prediction", count=2)
    photos = find_photos(CONFIG, tmp_path)
    assert photos.class_names == ("cats", "dogs")
    assert [name for name, _ in photos.skipped] == ["single_prediction/000.jpg", "single_prediction/001.jpg"]


@pytest.mark.parametrize("names", [("train", "test1"), ("train", "outra"), ("gatos", "validação")])
def test_a_part_is_not_learned_as_a_class(tmp_path, refused, names):
    told = refused(find_photos, CONFIG, folders(tmp_path, *names))
    assert all(f"{name}/ (10 fotos)" in told for name in names) and "duas subpastas" in told


@pytest.mark.parametrize("wrapped", [True, False])
def test_loose_photos_are_counted_and_their_names_looked_at(tmp_path, refused, wrapped):
    folder = tmp_path / "train" if wrapped else tmp_path
    tiny_photos(tmp_path / "aside")
    folder.mkdir(exist_ok=True)
    for name in ("cats", "dogs"):
        for path in sorted((tmp_path / "aside" / name).iterdir()):
            path.rename(folder / f"{name[:3]}.{path.name}")
        (tmp_path / "aside" / name).rmdir()
    (tmp_path / "aside").rmdir()
    told = refused(find_photos, CONFIG, tmp_path)
    assert "20 fotos soltas em" in told and "cat (10)" in told and "dog (10)" in told and "crie as pastas" in told
    assert not wrapped or "soltas em train/" in told


def test_the_same_name_in_other_letters_is_one_class(tmp_path, refused):
    names = ["Cats", "cats", "cães", unicodedata.normalize("NFD", "cães")]
    photos = find_photos(CONFIG, folders(tmp_path / "two", *names))
    assert [name.casefold() for name in photos.class_names] == ["cats", "cães"] and len(photos) == 40
    assert "1 pasta" in refused(find_photos, CONFIG, folders(tmp_path / "one", *names[:2]))


def test_what_is_a_photo_inside_counts_and_what_is_not_is_told(tmp_path):
    folder, whole = tiny_photos(tmp_path / "d"), whole_photos()
    for number, (name, kind) in enumerate({"x.jfif": "gray jpeg", "y.JPE": "cmyk jpeg", "z.gif": "gif", "w": "webp",
                                           "v.dat": "bmp"}.items()):
        (folder / "cats" / name).write_bytes(whole[kind] + bytes([number]))
    for name, content in {"nota.txt": b"text", "a.heic": HEIC, "b.jpg": HEIC, "c.zip": b"PK", "Thumbs.db": b"x",
                          "desktop.ini": b"x", ".DS_Store": b"x", "sem": b"BM, diz a nota"}.items():
        (folder / "dogs" / name).write_bytes(content)
    photos = find_photos(CONFIG, folder)
    assert len(photos) == 25
    told = dict(photos.skipped)
    assert set(told) == {"dogs/nota.txt", "dogs/a.heic", "dogs/b.jpg", "dogs/c.zip", "dogs/sem"}
    assert ".txt" in told["dogs/nota.txt"] and ".zip" in told["dogs/c.zip"]
    assert all("HEIC" in told[name] and "JPEG" in told[name] for name in ("dogs/a.heic", "dogs/b.jpg"))


def test_a_folder_of_phone_photos_says_so(tmp_path, refused):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "foto.heic").write_bytes(HEIC)
    assert "HEIC" in refused(find_photos, CONFIG, tmp_path)


def test_errors_name_what_the_user_named(tmp_path, refused, monkeypatch):
    folder = folders(tmp_path / "fotos", "a", "b", "c")
    assert "fotos.zip" in refused(find_photos, CONFIG, zipped(folder, tmp_path / "fotos.zip"))
    monkeypatch.chdir(folder)
    assert str(folder) in refused(find_photos, CONFIG, ".")
    tiny_photos(folder / "c" / "more")
    (tmp_path / "atalho").symlink_to(folder / "c" / "more", target_is_directory=True)
    assert find_photos(CONFIG, folder / "c" / "more").origin == "pasta more"
    assert find_photos(CONFIG, tmp_path / "atalho").origin == "pasta atalho"


@pytest.mark.parametrize(("name", "part"), [
    ("train", True), ("Training_Set", True), ("test1", True), ("validação", True), ("val", True), ("dev", True),
    ("test images", True), ("treinadores", False), ("testudo", False), ("validos", False), ("cats", False)])
def test_names_of_parts(tmp_path, name, part):
    assert looks_like_part(tmp_path / name) is part
