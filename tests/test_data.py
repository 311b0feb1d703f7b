"""Finding, verifying and splitting photos."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers import FULL, assert_sentence, body, closed, fake_photos, photo_pixels, tiny_photos, zipped
from PIL import Image

from catsdogs import data
from catsdogs.config import Config
from catsdogs.data import draw_photos, find_photos, index_folder, limit_photos, split_photos
from catsdogs.storage.bundle import save_bundle

CONFIG = Config(image_size=96)


def parts_by_digest(photos, config=CONFIG):
    split = split_photos(photos, config)
    return [{photos.digests[i] for i in part} for part in (split.train, split.validation, split.test)]


# The split

@pytest.mark.parametrize("seed", [0, 42])
def test_split_is_disjoint_by_content_covers_all_and_is_stratified(tmp_path, seed):
    photos = index_folder(tiny_photos(tmp_path / "d", count=20), "teste")
    config = replace(CONFIG, seed=seed)
    train, validation, test = parts_by_digest(photos, config)
    assert not train & validation and not train & test and not validation & test
    assert train | validation | test == set(photos.digests) and len(photos) == 40
    split = split_photos(photos, config)
    assert [np.bincount(photos.labels[part]).tolist() for part in (split.train, split.validation, split.test)] \
        == [[16, 16], [2, 2], [2, 2]]


def test_the_challenges_split_is_2400_300_300():
    photos = fake_photos(1500)
    split = split_photos(photos, Config())
    counts = [np.bincount(photos.labels[part]).tolist() for part in (split.train, split.validation, split.test)]
    assert counts == [[1200, 1200], [150, 150], [150, 150]]
    everything = np.concatenate([split.train, split.validation, split.test])
    assert np.array_equal(np.sort(everything), np.arange(3000))


def test_split_keeps_the_proportions_of_unequal_classes():
    photos = fake_photos(500)
    photos = photos.subset(np.sort(np.r_[np.flatnonzero(photos.labels == 0)[:100], np.flatnonzero(photos.labels == 1)]))
    split = split_photos(photos, Config())
    for part in (split.train, split.validation, split.test):
        assert photos.labels[part].mean() == pytest.approx(5 / 6, abs=0.01)


def test_split_depends_on_content_not_on_names_or_places(tmp_path):
    original = tiny_photos(tmp_path / "a", count=15)
    expected = parts_by_digest(index_folder(original, "teste"))
    moved = tmp_path / "b" / "deeper"
    for label in ("cats", "dogs"):
        for part in ("train", "validation"):
            (moved / part / label).mkdir(parents=True)
        for i, path in enumerate(sorted((original / label).iterdir())):
            shutil.copy(path, moved / ("train", "validation")[i % 2] / label / f"{97 * i % 31}-renamed.jpeg")
    assert parts_by_digest(index_folder(moved, "teste")) == expected
    assert parts_by_digest(find_photos(CONFIG, zipped(original, tmp_path / "fotos.zip"))) == expected


def test_another_seed_gives_another_split():
    photos = fake_photos(50)
    assert parts_by_digest(photos) == parts_by_digest(photos)
    assert parts_by_digest(photos)[2] != parts_by_digest(photos, replace(CONFIG, seed=43))[2]


def test_limit_keeps_the_first_of_each_class():
    photos = fake_photos(30)
    few = limit_photos(photos, 12)
    assert np.bincount(few.labels).tolist() == [12, 12]
    assert list(few.digests) == sorted(few.digests)
    for label in (0, 1):
        first = [photos.digests[i] for i in np.flatnonzero(photos.labels == label)[:12]]
        assert [digest for digest, own in zip(few.digests, few.labels, strict=True) if own == label] == first


# What is in the folder

def test_copies_are_left_out_with_the_name_of_the_original(tmp_path):
    folder = tiny_photos(tmp_path / "d")
    shutil.copy(folder / "cats" / "000.jpg", folder / "cats" / "copy.jpg")
    shutil.copy(folder / "cats" / "001.jpg", folder / "dogs" / "copy.jpg")
    photos = index_folder(folder, "teste")
    assert len(photos) == 20 == len(set(photos.digests))
    assert dict(photos.skipped) == {"cats/copy.jpg": "cópia idêntica de cats/000.jpg.",
                                    "dogs/copy.jpg": "cópia idêntica de cats/001.jpg, que está na outra classe."}


def test_unreadable_files_are_listed_with_their_reason(tmp_path):
    folder = tiny_photos(tmp_path / "d")
    (folder / "cats" / "empty.jpg").touch()
    (folder / "dogs" / "text.png").write_text("not a photo")
    whole = (folder / "dogs" / "000.jpg").read_bytes()
    (folder / "dogs" / "torn.jpg").write_bytes(whole[:-60])
    for _ in range(2):  # the second time from what was remembered
        photos = index_folder(folder, "teste")
        reasons = dict(photos.skipped)
        assert set(reasons) == {"cats/empty.jpg", "dogs/text.png", "dogs/torn.jpg"} and len(photos) == 20
        assert all(assert_sentence(reason) for reason in reasons.values())


def test_index_is_remembered_until_a_file_changes(tmp_path, monkeypatch):
    folder = tiny_photos(tmp_path / "d")
    before = index_folder(folder, "teste")
    with monkeypatch.context() as patch:
        patch.setattr(data, "decode_photo", lambda *_: pytest.fail("decoded again"))
        assert index_folder(folder, "teste").digests == before.digests
    Image.fromarray(photo_pixels(0, 999, 12, 10)).save(folder / "cats" / "000.jpg")
    assert index_folder(folder, "teste").digests != before.digests


def test_damaged_index_is_made_again(tmp_path, isolated):
    folder = tiny_photos(tmp_path / "d")
    before = index_folder(folder, "teste")
    remembered, = (isolated / "cache" / "index").iterdir()
    remembered.write_bytes(remembered.read_bytes()[:-40])
    assert index_folder(folder, "teste").digests == before.digests


def test_labels_and_paths_belong_together(tmp_path):
    photos = index_folder(tiny_photos(tmp_path / "d", names=("sul", "norte")), "teste")
    assert photos.class_names == ("norte", "sul")
    assert list(photos.digests) == sorted(photos.digests)
    for i, label in enumerate(photos.labels):
        assert photos.path(i).is_file() and photos.path(i).parent.name == photos.class_names[label]


# What a folder may hold besides photos

@pytest.mark.fault("Pastas", "links simbólicos em ciclo ou que não levam a nada, pipes, nomes estranhos",
                   "cada arquivo ruim é listado; os outros seguem")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_strange_files_are_listed_and_the_others_go_on(tmp_path):
    folder = tiny_photos(tmp_path / "d")
    (folder / "cats" / "loop.jpg").symlink_to("loop.jpg")
    (folder / "cats" / "dangling.jpg").symlink_to("nada.jpg")
    (folder / "dogs" / "again").symlink_to(folder)
    (folder / "dogs" / "folder.jpg").mkdir()
    os.mkfifo(folder / "dogs" / "pipe.jpg")
    (folder / "dogs" / "duas\nlinhas \x1b[2J.jpg").write_bytes(b"text")
    (folder / "dogs" / "\udcff.jpg").write_bytes(b"text")
    for _ in range(2):  # the second time from what was remembered
        photos = index_folder(folder, "teste")
        assert len(photos) == 20
        assert set(dict(photos.skipped)) == {"cats/loop.jpg", "cats/dangling.jpg", "dogs/pipe.jpg", "dogs/\udcff.jpg",
                                             "dogs/duas\nlinhas \x1b[2J.jpg"}
        assert all(assert_sentence(reason).isprintable() for _, reason in photos.skipped)


@pytest.mark.fault("Pastas", "pasta que contém a si mesma", "uma frase")
@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_folder_within_itself_ends(tmp_path, refused):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "d").symlink_to(tmp_path / "d")
    assert "duas subpastas" in refused(find_photos, CONFIG, tmp_path / "d")


@pytest.mark.fault("Pastas", "subpasta sem permissão de leitura", "uma frase; nenhuma foto some em silêncio")
@pytest.mark.parametrize("where", ["cats", "cats/more", "."])
@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_folder_that_may_not_be_read_is_told(open_folder, refused, where):
    folder = tiny_photos(open_folder / "d")
    (folder / "cats" / "more").mkdir()
    with closed(folder / where):
        assert "sem permissão" in refused(find_photos, CONFIG, folder)
    assert len(find_photos(CONFIG, folder)) == 20


@pytest.mark.fault("Pastas", "milhares de arquivos em uma pasta", "todos são conferidos")
def test_thousands_of_files_in_one_folder(tmp_path, record_property):
    """Mostly rubbish, so that it goes fast."""
    folder, count = tiny_photos(tmp_path / "d"), 20_000 if FULL else 3_000
    for number in range(count):
        (folder / "cats" / f"x{number}.jpg").write_bytes(b"x")
    photos = index_folder(folder, "teste")
    assert len(photos) == 20 and len(photos.skipped) == count
    record_property("trials", count)


@pytest.mark.fault("Pastas", "foto trocada sem mudar nome, tamanho ou data", "é conferida de novo")
def test_a_photo_swapped_without_a_trace_is_verified_again(tmp_path):
    """As when the clock was set back, or a program keeps the dates of what it copies."""
    folder = tiny_photos(tmp_path / "d", extensions=(".bmp",))
    before = index_folder(folder, "teste")
    victim = folder / "cats" / "000.bmp"
    times, content = victim.stat(), bytearray(victim.read_bytes())
    content[-5] ^= 0x10
    victim.write_bytes(content)
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert victim.stat().st_size == times.st_size and victim.stat().st_mtime_ns == times.st_mtime_ns
    assert len(set(index_folder(folder, "teste").digests) - set(before.digests)) == 1


@pytest.mark.fault("Relógio", "datas de 1970, do futuro, de antes de 1970", "a divisão é a mesma")
@pytest.mark.parametrize("seconds", [0, 4_000_000_000, -86_400])
def test_dates_do_not_matter(tmp_path, seconds):
    folder = tiny_photos(tmp_path / "d")
    expected = parts_by_digest(index_folder(folder, "teste"))
    for path in folder.rglob("*.jpg"):
        os.utime(path, (seconds, seconds))
    assert parts_by_digest(index_folder(folder, "teste")) == expected


@pytest.mark.fault("Cache", "um byte muda no índice das fotos", "as fotos são conferidas de novo")
def test_any_damaged_byte_of_the_index_is_noticed(tmp_path, isolated, monkeypatch, record_property):
    folder = tiny_photos(tmp_path / "d")
    before = index_folder(folder, "teste")
    remembered, = (isolated / "cache" / "index").iterdir()
    whole, verified = remembered.read_bytes(), []
    monkeypatch.setattr(data, "_verify", lambda files: verified.append(files) or json.loads(whole[:-32]))
    places = range(0, len(whole), 1 if FULL else 37)
    for place in places:
        remembered.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        assert index_folder(folder, "teste").digests == before.digests
        assert len(verified) == place // places.step + 1 and remembered.read_bytes() == whole
    record_property("trials", len(places))


# Layouts

@pytest.mark.fault("Pastas", "arranjo errado: uma classe, três, nenhuma", "uma frase")
@pytest.mark.parametrize(("layout", "words"), [
    ((), "duas subpastas"), (("cats",), "duas subpastas"), (("cats", "dogs", "birds"), "3 pasta"),
    (("train/cats", "train/dogs", "test/birds"), "3 pasta")])
def test_wrong_layout_gives_one_sentence(tmp_path, refused, layout, words):
    (tmp_path / "d").mkdir()
    tiny_photos(tmp_path / "d", names=layout)
    assert words in refused(find_photos, CONFIG, tmp_path / "d")


def test_photos_without_class_folders_give_one_sentence(tmp_path, refused):
    Image.new("RGB", (5, 5)).save(tmp_path / "a.png")
    assert "duas subpastas" in refused(find_photos, CONFIG, tmp_path)


def test_too_few_photos_give_one_sentence_with_the_counts(tmp_path, refused):
    folder = tiny_photos(tmp_path / "d")
    (folder / "dogs" / "003.jpg").write_bytes(b"")
    message = refused(find_photos, CONFIG, folder)
    assert "10 foto(s) legíveis em cats" in message and "9 em dogs" in message


@pytest.mark.parametrize("name", ["nada", "nada.zip", "texto.txt"])
def test_wrong_source_gives_one_sentence(tmp_path, refused, name):
    (tmp_path / "texto.txt").write_text("x")
    assert name in refused(find_photos, CONFIG, tmp_path / name)


def test_arbitrary_class_names(tmp_path):
    names = ("Ação & reação", "cães do sítio – 2ª vez")
    assert find_photos(CONFIG, tiny_photos(tmp_path / "minhas fotos", names)).class_names == names


def test_all_extensions_in_either_case(tmp_path):
    extensions = (".jpg", ".JPEG", ".png", ".webp", ".Bmp")
    photos = find_photos(CONFIG, tiny_photos(tmp_path / "d", extensions=extensions))
    assert len(photos) == 20 and {os.path.splitext(name)[1] for name in photos.names} == set(extensions)


@pytest.mark.parametrize("where", ["folder", "zip"])
def test_wrapping_folders_and_hidden_files_are_ignored(tmp_path, where):
    root = tmp_path / "d"
    tiny_photos(root / "export" / "photos" / "train")
    tiny_photos(root / "__MACOSX" / "export")
    (root / "export" / ".DS_Store").touch()
    (root / "export" / "photos" / "README.txt").touch()
    (root / "export" / "photos" / ".ipynb_checkpoints").mkdir()
    (root / "export" / "photos" / "train" / "cats" / "._000.jpg").write_bytes(b"\0\5\26\7")
    photos = find_photos(CONFIG, root if where == "folder" else zipped(root, tmp_path / "d.zip"))
    assert len(photos) == 20 and not photos.skipped and photos.class_names == ("cats", "dogs")


def test_hidden_file_beside_a_wrapping_folder_is_ignored(tmp_path):
    tiny_photos(tmp_path / "d" / "photos")
    (tmp_path / "d" / "._photos.jpg").write_bytes(b"\0\5\26\7")
    assert len(find_photos(CONFIG, tmp_path / "d")) == 20


def test_hidden_folders_inside_a_class_are_ignored(tmp_path):
    folder = tiny_photos(tmp_path / "d")
    (folder / "cats" / ".thumbnails").mkdir()
    Image.fromarray(photo_pixels(0, 500, 8, 8)).save(folder / "cats" / ".thumbnails" / "000.jpg")
    assert len(find_photos(CONFIG, folder)) == 20


def test_photos_in_nested_class_folders_are_found(tmp_path):
    folder = tiny_photos(tmp_path / "d")
    (folder / "cats" / "more" / "still").mkdir(parents=True)
    Image.fromarray(photo_pixels(0, 500, 12, 10)).save(folder / "cats" / "more" / "still" / "a.png")
    assert "cats/more/still/a.png" in find_photos(CONFIG, folder).names


# The order of sources

@pytest.fixture
def official(tmp_path, serve):
    """A local server of small "official" photos, as arguments for ``find_photos``; and the requests it got."""
    root = tiny_photos(tmp_path / "official" / "cats_and_dogs_filtered" / "train", names=("cats", "dogs"))
    content = zipped(root.parent.parent, tmp_path / "official.zip").read_bytes()
    url, requests = serve(body(content))
    return {"url": url, "expected_bytes": len(content)}, requests


def make_bundle(isolated):
    photos = fake_photos(20)
    save_bundle(isolated / "shipped" / "bundle.npz", photos, np.zeros((40, 1, 1, 2), np.float32),
                np.zeros((40, 4), np.float32), {"fingerprint": "f", "image_size": 96})
    return photos


def test_sources_in_order(tmp_path, isolated, official, monkeypatch):
    options, requests = official
    make_bundle(isolated)
    argument = tiny_photos(tmp_path / "argument", names=("a", "b"))
    monkeypatch.setenv("CATSDOGS_DATA", str(tiny_photos(tmp_path / "variable", names=("c", "d"))))
    photos = find_photos(CONFIG, argument, **options)
    assert photos.class_names == ("a", "b") and "argument" in photos.origin
    photos = find_photos(CONFIG, **options)
    assert photos.class_names == ("c", "d") and "variable" in photos.origin
    assert not requests

    monkeypatch.delenv("CATSDOGS_DATA")
    photos = find_photos(CONFIG, **options)
    assert photos.has_files and len(photos) == 20 and photos.origin == "zip oficial"
    assert find_photos(CONFIG, **options).origin == photos.origin  # else its training would not be known again
    assert len(requests) == 1


def test_a_folder_of_the_home_may_be_named_in_the_variable(tmp_path, monkeypatch):
    photos = tiny_photos(tmp_path / "fotos")
    named = find_photos(CONFIG, photos)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("CATSDOGS_DATA", "~/fotos")
    assert find_photos(CONFIG).origin == named.origin == "pasta fotos"


def test_offline_gives_the_bundle_and_says_so_in_one_line(isolated):
    expected = make_bundle(isolated)
    photos = find_photos(CONFIG)
    assert photos.digests == expected.digests and np.array_equal(photos.labels, expected.labels)
    assert photos.names == expected.names and photos.class_names == expected.class_names
    assert not photos.has_files and "\n" not in photos.origin
    assert "ativações que acompanham" in photos.origin and "sem internet" in photos.origin


def test_failing_download_gives_the_bundle_with_the_reason(isolated, serve, monkeypatch):
    make_bundle(isolated)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    url, _ = serve(body(b"", status=404))
    photos = find_photos(CONFIG, url=url)
    assert not photos.has_files and "\n" not in photos.origin and "respondeu 404" in photos.origin


def test_offline_without_bundle_the_error_passes(refused):
    assert "Sem acesso" in refused(find_photos, CONFIG)


def test_bundled_photos_cannot_be_opened(isolated, refused):
    make_bundle(isolated)
    assert "CATSDOGS_DATA" in refused(find_photos(CONFIG).path, 0)


@pytest.mark.fault("Cache", "o zip oficial guardado foi danificado", "é baixado de novo")
@pytest.mark.parametrize("damage", ["a photo", "the end", "everything"])
def test_a_damaged_official_zip_is_fetched_again(isolated, official, damage):
    options, requests = official
    before = find_photos(CONFIG, **options)
    archive, = (isolated / "cache" / "downloads").iterdir()
    content = bytearray(archive.read_bytes())
    at = {"a photo": slice(100, 120), "the end": slice(-30, None), "everything": slice(None)}[damage]
    content[at] = bytes(len(content[at]))
    archive.write_bytes(content)
    shutil.rmtree(before.folder.parent)
    assert find_photos(CONFIG, **options).digests == before.digests and len(requests) == 2


def test_photos_stay_when_somebody_deletes_the_zip(isolated, official):
    options, requests = official
    before = find_photos(CONFIG, **options)
    shutil.rmtree(isolated / "cache" / "downloads")
    assert find_photos(CONFIG, **options).digests == before.digests and len(requests) == 1


def test_zip_is_unpacked_once_and_again_when_its_content_changes(tmp_path, isolated):
    archive = zipped(tiny_photos(tmp_path / "d"), tmp_path / "fotos.zip")
    first = find_photos(CONFIG, archive)
    assert find_photos(CONFIG, archive).folder == first.folder
    zipped(tiny_photos(tmp_path / "other", count=11), archive)
    assert len(find_photos(CONFIG, archive)) == 22
    assert len(list((isolated / "cache" / "photos").iterdir())) == 2


def test_quick_config_keeps_few_photos(monkeypatch):
    monkeypatch.setenv("CATSDOGS_QUICK", "1")
    assert data.limit_photos(fake_photos(100), Config().photos_per_class).labels.size == 200
    from catsdogs.config import load_config
    assert data.limit_photos(fake_photos(100), load_config().photos_per_class).labels.size == 120


def test_drawn_photos_keep_the_classes_alike():
    photos = fake_photos(50)
    rows = split_photos(photos, Config()).train
    drawn = draw_photos(rows, photos.labels, 20, seed=1)
    assert len(set(drawn)) == 20 and set(drawn) <= set(rows) and list(drawn) == sorted(drawn)
    assert photos.labels[drawn].sum() == 10
    assert set(draw_photos(rows, photos.labels, 20, seed=2)) != set(drawn)
    np.testing.assert_array_equal(draw_photos(rows, photos.labels, 20, seed=1), drawn)
    np.testing.assert_array_equal(draw_photos(rows, photos.labels, 500, seed=1), rows)
