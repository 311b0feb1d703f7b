"""Where the weights come from, the cut, and what phase 2 may train."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import CONFIG
from keras.src.utils import file_utils

from catsdogs import backbone as module
from catsdogs.backbone import copy_of_base, cut, fingerprint, load_backbone, unfreeze
from catsdogs.quiet import keras

BN = keras.layers.BatchNormalization


def inner_layers(model):
    return [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]


def same_weights(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


# The cut

def test_the_challenges_cut_is_after_block_14(backbone):
    assert backbone.trunk.layers[-1].name == "block_14_add"
    assert len(inner_layers(backbone.tail)) == 20
    assert backbone.trunk.output_shape == (None, 3, 3, 160)


@pytest.mark.parametrize("unfrozen", [1, 4, 5, 20, 21, 57, 119, 152, 153])
def test_tail_has_enough_layers_and_the_halves_make_the_whole(backbone, unfrozen):
    trunk, tail = cut(backbone.base, unfrozen)
    assert len(inner_layers(tail)) >= unfrozen
    assert len(trunk.layers) + len(inner_layers(tail)) == len(backbone.base.layers)
    # No cut needs to go back by more than the longest stretch under one shortcut, 9 layers.
    assert len(inner_layers(tail)) <= unfrozen + 9
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 96, 96, 3)).astype(np.float32)
    whole = np.asarray(backbone.base(batch, training=False))
    assert whole.max() > 0.1
    np.testing.assert_allclose(np.asarray(tail(trunk(batch, training=False), training=False)), whole,
                               atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("unfrozen", [-1, 0, 154, 1000])
def test_impossible_cut_gives_one_sentence(backbone, refused, unfrozen):
    message = refused(cut, backbone.base, unfrozen)
    assert str(unfrozen) in message and "1 a 153" in message


def test_halves_share_the_layers_of_the_whole(backbone):
    assert all(layer is backbone.base.get_layer(layer.name)
               for half in (backbone.trunk, backbone.tail) for layer in inner_layers(half))


# Freezing

def test_loaded_backbone_is_frozen(backbone):
    assert not backbone.base.trainable_weights and not backbone.trunk.trainable_weights


def test_unfreeze_trains_everything_in_the_tail_but_batchnorm(new_backbone):
    unfreeze(new_backbone.tail)
    trainable = {id(weight) for weight in new_backbone.tail.trainable_weights}
    expected = {id(weight) for layer in new_backbone.tail.layers if not isinstance(layer, BN)
                for weight in layer.weights}
    assert trainable == expected and len(trainable) > 5
    assert not new_backbone.trunk.trainable_weights


def nested_model():
    """A frozen network with a BatchNorm, called with ``training=False`` inside another."""
    outside, inside = keras.Input((4,)), keras.Input((4,))
    nested = keras.Model(inside, BN()(keras.layers.Dense(4)(inside)))
    nested.trainable = False
    answer = keras.layers.Dense(2, activation="softmax")(nested(outside, training=False))
    return nested, keras.Model(outside, answer)


def statistics_after_fit(nested, model):
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    model.fit(rng.normal(3, 1, (64, 4)), rng.integers(0, 2, 64), verbose=0)
    norm = nested.layers[-1]
    return [norm.moving_mean.numpy().tolist(), norm.moving_variance.numpy().tolist()]


def test_trap_training_false_alone_does_not_hold_batchnorm_still():
    """keras-team/keras#20285: why ``unfreeze`` exists. Should Keras mend this, the test may go."""
    nested, model = nested_model()
    nested.trainable = True
    assert statistics_after_fit(nested, model) != [[0.0] * 4, [1.0] * 4]


def test_unfreeze_holds_batchnorm_still_where_training_false_does_not():
    nested, model = nested_model()
    unfreeze(nested)
    kernel = nested.layers[1].kernel.numpy()
    assert statistics_after_fit(nested, model) == [[0.0] * 4, [1.0] * 4]
    assert not np.array_equal(nested.layers[1].kernel.numpy(), kernel)


# The fingerprint

def test_fingerprint_sees_the_trunk_and_only_the_trunk(new_backbone, backbone):
    assert new_backbone.fingerprint == backbone.fingerprint == fingerprint(new_backbone.trunk)
    for layer in (new_backbone.tail.get_layer("Conv_1"), new_backbone.trunk.get_layer("block_3_expand_BN")):
        weights = layer.get_weights()
        weights[-1].flat[0] += 1e-3
        layer.set_weights(weights)
        changed = fingerprint(new_backbone.trunk) != backbone.fingerprint
        assert changed == (layer.name == "block_3_expand_BN")
    assert fingerprint(cut(backbone.base, 21)[0]) != backbone.fingerprint


# Where the weights come from

def test_same_weights_give_the_same_fingerprint_however_many_models_came_before(weights_file):
    assert load_backbone(CONFIG, weights_file).fingerprint == load_backbone(CONFIG, weights_file).fingerprint


def test_argument_goes_before_variable(weights_file, backbone, tmp_path, refused, monkeypatch):
    monkeypatch.setenv("CATSDOGS_WEIGHTS", str(tmp_path / "nada.h5"))
    assert "nada.h5" in refused(load_backbone, CONFIG)
    loaded = load_backbone(CONFIG, weights_file)
    assert loaded.fingerprint == backbone.fingerprint and "random.weights.h5" in loaded.origin
    monkeypatch.setenv("CATSDOGS_WEIGHTS", str(weights_file))
    assert load_backbone(CONFIG).fingerprint == backbone.fingerprint


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_unsuitable_weights_give_one_sentence(tmp_path, refused):
    (tmp_path / "texto.weights.h5").write_text("not weights")
    assert "texto.weights.h5" in refused(load_backbone, CONFIG, tmp_path / "texto.weights.h5")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(tmp_path / "other.weights.h5")
    assert "MobileNetV2" in refused(load_backbone, CONFIG, tmp_path / "other.weights.h5")


def test_too_small_image_size_gives_one_sentence_about_the_size(weights_file, refused):
    message = refused(load_backbone, replace(CONFIG, image_size=16), weights_file)
    assert "32" in message and weights_file.name not in message


def test_the_repositorys_base_serves_unless_another_is_named(shipped, backbone, weights_file, monkeypatch, tmp_path):
    loaded = load_backbone(CONFIG)
    assert same_weights(loaded.base, backbone.base) and loaded.origin == shipped.record["backbone"]
    monkeypatch.setenv("CATSDOGS_WEIGHTS", str(weights_file))
    assert weights_file.name in load_backbone(CONFIG).origin
    monkeypatch.setenv("CATSDOGS_WEIGHTS", str(tmp_path / "nada.h5"))
    assert load_backbone(CONFIG, shipped=True).fingerprint == backbone.fingerprint


# As Keras Applications calls the weights for 224 px (mobilenet_v2.py).
KERAS_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


@pytest.fixture
def downloaded(isolated, backbone):
    """The file that ``weights="imagenet"`` downloads, with this network in it."""
    path = isolated / "keras" / "models" / KERAS_FILE
    path.parent.mkdir(parents=True)
    backbone.base.save(path)
    return path


@pytest.mark.parametrize("size", [96, 128, 224])
def test_the_package_alone_takes_keras_weights_for_224_at_any_size(downloaded, backbone, monkeypatch, size):
    """Keras has files of its own for 96, 128, 160 and 192 px, and they are other networks."""
    monkeypatch.setattr(file_utils, "get_file", found_or_refused)
    loaded = load_backbone(replace(CONFIG, image_size=size))
    assert same_weights(loaded.base, backbone.base) and "ImageNet" in loaded.origin
    assert loaded.base.input_shape[1] == size


def found_or_refused(name, *_, cache_subdir, **__):
    """What Keras's own ``get_file`` does for a file that is there; another one would be downloaded."""
    path = Path(os.environ["KERAS_HOME"], cache_subdir, name)
    assert path.exists(), f"{name} would be downloaded"
    return str(path)


@pytest.mark.fault("Download", "sem o repositório, os pesos que o Keras baixaria não vêm ou vêm cortados", "uma frase")
@pytest.mark.parametrize("trouble", ["no network", "torn"])
def test_without_keras_weights_there_is_one_sentence(downloaded, refused, monkeypatch, trouble):
    if trouble == "torn":
        monkeypatch.setattr(file_utils, "get_file", found_or_refused)
        downloaded.write_bytes(downloaded.read_bytes()[:-1000])
    assert "CATSDOGS_WEIGHTS" in refused(load_backbone, CONFIG)


def test_no_memory_for_the_network_is_not_blamed_on_the_weights(monkeypatch):
    def full(**_):
        raise MemoryError

    monkeypatch.setattr(module.keras.applications, "MobileNetV2", full)
    with pytest.raises(MemoryError):
        load_backbone(CONFIG)


def test_a_copy_has_the_weights_and_nothing_else_in_common(backbone):
    copy = copy_of_base(backbone.base)
    assert fingerprint(copy) == fingerprint(backbone.base) and not copy.trainable_weights
    before = backbone.base.get_weights()[0].copy()
    copy.layers[1].set_weights([np.zeros_like(weight) for weight in copy.layers[1].get_weights()])
    np.testing.assert_array_equal(backbone.base.get_weights()[0], before)
