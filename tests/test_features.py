"""The cached activations: right, reused, and healing."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers import CONFIG, FULL

from catsdogs import features
from catsdogs.backbone import cut, fingerprint
from catsdogs.checkpoint import load_checkpoint
from catsdogs.engines import litert
from catsdogs.features import (
    activations,
    cache_key,
    outputs,
    photo_activations,
    pooled_features,
    preprocess,
    trunk_runner,
)
from catsdogs.photo import read_photo, resize_photo
from catsdogs.pipeline import probabilities
from catsdogs.quiet import keras, tf
from catsdogs.storage import cache
from catsdogs.training import activations_to_probabilities

SHAPE = (48, 3, 3, 160)


def pixels_of(photos, count=None):
    return np.stack([resize_photo(read_photo(photos.path(i)), 96) for i in range(count or len(photos))])


def assert_close(one, other):
    """Equal to 1e-4 of the largest value; float32 sums in another order give no better."""
    np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max(), rtol=0)


def test_preprocess_is_mobilenets_own():
    pixels = np.linspace(0, 255, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    expected = keras.applications.mobilenet_v2.preprocess_input(pixels.copy())
    np.testing.assert_allclose(preprocess(pixels), expected, atol=1e-6)


# The numbers

def test_stored_activations_equal_plain_keras(studied, backbone):
    expected = np.asarray(backbone.trunk(preprocess(pixels_of(studied.photos)), training=False))
    assert studied.maps.shape == SHAPE and studied.maps.dtype == np.float32 and expected.std() > 0.1
    assert_close(studied.maps, expected)


@pytest.mark.skipif(not litert.is_installed(), reason="ai-edge-litert is not installed")
@pytest.mark.parametrize("count", [1, 3, 8])
def test_litert_and_keras_agree_on_any_batch(studied, backbone, monkeypatch, count):
    batch = preprocess(pixels_of(studied.photos, count))
    monkeypatch.setenv("CATSDOGS_CACHE", str(studied.cache))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    by_litert = trunk_runner(backbone)(batch)
    monkeypatch.setattr(litert, "is_installed", lambda: False)
    by_keras = trunk_runner(backbone)(batch)
    assert by_litert.shape == by_keras.shape == (count, *SHAPE[1:])
    assert_close(by_litert, by_keras)


def test_outputs_of_any_model_come_in_the_photos_order(studied, isolated):
    pixels = keras.Input((96, 96, 3))
    model = keras.Model(pixels, keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(4, 3, strides=2)(pixels)))
    expected = np.asarray(model(preprocess(pixels_of(studied.photos)), training=False))
    assert_close(outputs(studied.photos, model), expected)
    assert len(np.unique(expected[:, 0])) == 48
    assert not (isolated / "cache").exists()  # nothing is kept


def test_photos_at_hand_take_the_same_road(studied, backbone, monkeypatch):
    monkeypatch.setenv("CATSDOGS_CACHE", str(studied.cache))
    pixels = [read_photo(studied.photos.path(i)) for i in range(11)]
    assert_close(photo_activations(pixels, backbone, CONFIG), studied.maps[:11])


@pytest.mark.parametrize("name", ["mobilenetv2_feature_extractor.keras", "mobilenetv2_finetuned.keras"])
def test_cached_road_equals_plain_forward(trained, name):
    model, _ = load_checkpoint(trained.models / name)
    photos = trained.materials.photos
    raw = np.stack([read_photo(photos.path(i)) for i in range(20)]).astype(np.float32)
    plain = np.asarray(model(raw, training=False))
    cached = activations_to_probabilities(model, CONFIG).predict(trained.materials.maps[:20], verbose=0)
    assert np.ptp(plain[:, 1]) > 0.05  # the answers differ from photo to photo
    np.testing.assert_allclose(cached, plain, atol=1e-4)
    np.testing.assert_allclose(probabilities(model, trained.materials)[:20], cached, atol=1e-6)


def test_pooled_features_are_the_mean_over_positions(studied, backbone):
    pooled = pooled_features(backbone.tail, studied.maps)
    expected = np.asarray(backbone.tail(studied.maps, training=False)).mean(axis=(1, 2))
    assert pooled.shape == (48, 1280) and pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, expected, atol=1e-5)
    assert pooled.min() >= 0 and 0.01 < pooled.max() <= 6


# The cache

@pytest.fixture
def extract(studied, backbone, monkeypatch):
    """Extract with a quick stand-in for the trunk, in chunks of 8; gives (activations, photos processed)."""
    monkeypatch.setattr(cache, "CHUNK", 8)

    def run(stop_after=None, photos=studied.photos):
        processed = []

        def fake_trunk(batch):
            if stop_after is not None and len(processed) >= stop_after:
                raise KeyboardInterrupt
            processed.extend(batch)
            return np.repeat(batch[:, ::40, ::40, :1], SHAPE[3], axis=3)

        monkeypatch.setattr(features, "trunk_runner", lambda backbone: fake_trunk)
        try:
            return activations(photos, backbone, CONFIG), len(processed)
        except KeyboardInterrupt:
            return None, len(processed)

    return run


@pytest.fixture
def stored(isolated):
    """The data file and the journal of the only cache there is."""
    def find():
        folder, = (isolated / "cache" / "activations").iterdir()
        return folder / "activations.f32", folder / "chunks.jsonl"
    return find


def test_second_time_nothing_is_computed_or_decoded(extract, studied, backbone, monkeypatch):
    first, processed = extract()
    assert processed == 48 and not first.flags.writeable
    expected = preprocess(pixels_of(studied.photos))[:, ::40, ::40, 0]
    np.testing.assert_array_equal(first[..., 17], expected)
    monkeypatch.setattr(features, "trunk_runner", lambda backbone: pytest.fail("the trunk ran again"))
    monkeypatch.setattr(features, "decode_photo", lambda *_: pytest.fail("a photo was decoded again"))
    assert np.array_equal(activations(studied.photos, backbone, CONFIG), first)


def test_interrupted_extraction_goes_on_where_it_stopped(extract):
    assert extract(stop_after=24) == (None, 24)
    resumed, processed = extract()
    assert processed == 24
    assert not (resumed == 0).all(axis=(1, 2, 3)).any()  # an unwritten row is all zeros
    assert extract()[1] == 0


@pytest.mark.fault("Cache", "um byte muda nas ativações", "só o pedaço em que está é refeito")
def test_any_damaged_byte_is_noticed(extract, stored, record_property):
    before = extract()[0].copy()
    data, _ = stored()
    chance = np.random.default_rng(0)
    places = chance.integers(data.stat().st_size, size=200 if FULL else 10)
    for place in places:
        with open(data, "r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1 << int(chance.integers(8))]))
        after, processed = extract()
        assert processed == 8 and np.array_equal(after, before)
    record_property("trials", len(places))


@pytest.mark.fault("Cache", "um byte muda no diário das ativações", "o pedaço de que ele fala é refeito")
def test_any_damaged_byte_of_the_journal_is_noticed(extract, stored, record_property):
    before = extract()[0].copy()
    _, journal = stored()
    whole = journal.read_bytes()
    places = range(0, len(whole), 1 if FULL else 17)
    for place in places:
        journal.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        after, processed = extract()
        assert processed <= 16 and np.array_equal(after, before), place
    record_property("trials", len(places))


@pytest.mark.fault("Pastas", "foto muda entre a conferência e a extração", "uma frase; nada errado vai para o cache")
def test_a_photo_that_changed_after_it_was_verified_is_noticed(extract, studied, tmp_path, refused):
    folder = shutil.copytree(studied.photos.folder, tmp_path / "photos")
    photos = replace(studied.photos, folder=folder)
    shutil.copy(photos.path(3), photos.path(20))
    assert photos.path(20).name in refused(extract, photos=photos)
    shutil.copy(studied.photos.path(20), photos.path(20))
    resumed, processed = extract(photos=photos)
    assert processed < 48 and np.array_equal(resumed, extract()[0])


def test_damaged_byte_is_noticed_and_only_its_chunk_is_recomputed(extract, stored):
    before = extract()[0].copy()
    data, _ = stored()
    content = bytearray(data.read_bytes())
    content[20 * 3 * 3 * 160 * 4 + 2] ^= 0x40  # in photo 20
    data.write_bytes(content)
    after, processed = extract()
    assert processed == 8 and np.array_equal(after, before)


def test_torn_last_journal_line_costs_one_chunk(extract, stored):
    before = extract()[0].copy()
    _, journal = stored()
    journal.write_text(journal.read_text()[:-4])
    after, processed = extract()
    assert processed == 8 and np.array_equal(after, before)
    assert extract()[1] == 0


@pytest.mark.parametrize("rubbish", ["\n[1, 2", "\nnull", "\n{}", "\n[[], {}, 3]", '\n["a", "b", "c"]', "\n\x00"])
def test_rubbish_in_the_journal_is_passed_over(extract, stored, rubbish):
    extract()
    _, journal = stored()
    with open(journal, "a") as file:
        file.write(rubbish)
    assert extract()[1] == 0


@pytest.mark.parametrize(("damage", "again"), [("truncated", 8), ("longer", 0), ("missing", 48),
                                               ("journal missing", 48)])
def test_what_unfit_files_lack_is_made_again(extract, stored, damage, again):
    before = extract()[0].copy()
    data, journal = stored()
    if damage == "truncated":
        data.write_bytes(data.read_bytes()[:-100])
    elif damage == "longer":
        data.write_bytes(data.read_bytes() + b"\0" * 4)
    else:
        (data if damage == "missing" else journal).unlink()
    after, processed = extract()
    assert processed == again and np.array_equal(after, before)


def test_other_photos_have_a_cache_of_their_own(extract, studied, isolated):
    extract()
    fewer, processed = extract(photos=studied.photos.subset(np.arange(10)))
    assert processed == 10 and fewer.shape == (10, *SHAPE[1:])
    assert len(list((isolated / "cache" / "activations").iterdir())) == 2
    assert extract()[1] == 0


def test_cache_key_changes_with_whatever_changes_the_activations(studied, new_backbone):
    photos = studied.photos
    digests = (*photos.digests[:-1], "f" * 64)
    trunk, tail = cut(new_backbone.base, 40)
    keys = [
        cache_key(photos, new_backbone, CONFIG),
        cache_key(photos, new_backbone, replace(CONFIG, image_size=128)),
        cache_key(replace(photos, digests=digests), new_backbone, CONFIG),
        cache_key(photos.subset(np.arange(47)), new_backbone, CONFIG),
        cache_key(photos, replace(new_backbone, trunk=trunk, tail=tail, fingerprint=fingerprint(trunk)), CONFIG),
    ]
    layer = new_backbone.trunk.get_layer("block_1_expand")
    layer.set_weights([layer.get_weights()[0] * np.float32(1.001)])
    keys.append(cache_key(photos, replace(new_backbone, fingerprint=fingerprint(new_backbone.trunk)), CONFIG))
    assert len(set(keys)) == len(keys)


def test_cache_key_does_not_change_with_names_or_training(studied, backbone):
    photos = studied.photos
    renamed = replace(photos, names=tuple(reversed(photos.names)), origin="outro lugar")
    other = replace(CONFIG, seed=1, head_epochs=9, batch_size=7)
    assert cache_key(renamed, backbone, other) == cache_key(photos, backbone, CONFIG)
