"""Training on several devices and in 16 bits: the same results, and nothing of it in what is saved."""

import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import CONFIG, new_process
from trial_runs import train_on_two_devices

from catsdogs import devices
from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT
from catsdogs.devices import Hardware, device_names
from catsdogs.files import read_json
from catsdogs.pipeline import prepare, probabilities, train, train_phase2
from catsdogs.quiet import keras, tf
from catsdogs.training import build_head

# No dropout: its units are drawn otherwise on several devices and in 16 bits.
SAME = replace(CONFIG, test_fraction=0.125, validation_fraction=0.125, dropout=0.0, batch_size=6, head_epochs=2)


@pytest.fixture(scope="module")
def one_and_two(tmp_path_factory, photo_folder, weights_file, studied):
    """The folders of checkpoints of one run on a single device and on two, and the materials."""
    folders = SimpleNamespace(one=tmp_path_factory.mktemp("one"), two=tmp_path_factory.mktemp("two"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CATSDOGS_CACHE", str(studied.cache))
        patch.setenv("CATSDOGS_MODELS", str(folders.one))
        folders.materials = prepare(SAME, photo_folder, weights_file)
        train(folders.materials, say=lambda line: None)
    process = new_process(train_on_two_devices, SAME, photo_folder, weights_file, studied.cache, folders.two)
    process.join()
    assert process.exitcode == 0
    return folders


@pytest.mark.slow
@pytest.mark.skipif(tuple(map(int, keras.__version__.split(".")[:2])) < (3, 12),
                    reason="older Keras reports the measures of one device's share")
@pytest.mark.parametrize("phase", ["phase1", "phase2"])
def test_history_is_that_of_one_device(one_and_two, phase):
    one, two = (read_json(folder / "run.json")[phase] for folder in (one_and_two.one, one_and_two.two))
    assert one["best_epoch"] == two["best_epoch"]
    for measure, values in one["history"].items():
        np.testing.assert_allclose(two["history"][measure], values, rtol=1e-4, atol=1e-5, err_msg=measure)


@pytest.mark.slow
@pytest.mark.parametrize("name", [PHASE1_CHECKPOINT, PHASE2_CHECKPOINT])
def test_checkpoints_of_several_devices_load_here_and_are_those_of_one(one_and_two, name):
    one, two = (load_checkpoint(folder / name)[0] for folder in (one_and_two.one, one_and_two.two))
    for ours, theirs in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-5, err_msg=ours.path)
    answers = [probabilities(model, one_and_two.materials) for model in (one, two)]
    np.testing.assert_allclose(*answers, atol=1e-4)


@pytest.fixture(scope="module")
def in_16_bits(one_and_two, tmp_path_factory):
    """The folder of a phase 2 in 16 bits, from the phase 1 of a single device."""
    folder = tmp_path_factory.mktemp("in_16_bits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CATSDOGS_MODELS", str(folder))
        train_phase2(load_checkpoint(one_and_two.one / PHASE1_CHECKPOINT)[0], one_and_two.materials,
                     hardware=Hardware(mixed_precision=True))
    return folder


@pytest.mark.slow
def test_training_in_16_bits_gives_about_the_same_answers(one_and_two, in_16_bits):
    files = (one_and_two.one / PHASE1_CHECKPOINT, one_and_two.one / PHASE2_CHECKPOINT, in_16_bits / PHASE2_CHECKPOINT)
    before, expected, given = (probabilities(load_checkpoint(file)[0], one_and_two.materials) for file in files)
    difference = np.abs(given - expected).max()
    assert 0 < difference < 0.02 < np.abs(given - before).max() / 5


@pytest.mark.slow
def test_checkpoint_of_a_training_in_16_bits_is_in_32(in_16_bits):
    with zipfile.ZipFile(in_16_bits / PHASE2_CHECKPOINT) as archive:
        config = archive.read("config.json").decode()
    assert "float32" in config and "float16" not in config
    model, _ = load_checkpoint(in_16_bits / PHASE2_CHECKPOINT)
    assert {weight.dtype for weight in model.weights} == {"float32"}


@pytest.mark.parametrize(("kind", "policy"), [("CPU", "bfloat16"), ("GPU", "float16")])
def test_16_bits_are_for_the_sums_only(monkeypatch, kind, policy):
    monkeypatch.setattr(devices, "_kind", lambda: kind)
    head = build_head(CONFIG)
    learner = Hardware(mixed_precision=True).learner(head)
    learner.compile("adam", "sparse_categorical_crossentropy")
    assert [layer.compute_dtype for layer in learner.layers] == [policy, policy, "float32"]
    assert {weight.dtype for weight in learner.weights} == {"float32"}
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(head.get_weights(), learner.get_weights(),
                                                                    strict=True))
    # The gradients of float16 would vanish without it.
    assert isinstance(learner.optimizer, keras.optimizers.LossScaleOptimizer) == (policy == "float16")
    assert {layer.compute_dtype for layer in head.layers} == {"float32"}


def test_one_device_in_32_bits_trains_the_model_itself():
    head = build_head(CONFIG)
    assert Hardware().learner(head) is head


@pytest.mark.parametrize("count", [0, 99])
def test_impossible_numbers_of_devices_are_refused(refused, count):
    assert f"{count} aparelhos" in refused(Hardware, count)


def test_refusal_says_how_many_devices_there_are(refused, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU"])
    monkeypatch.setattr(tf.config, "list_logical_devices",
                        lambda kind: [SimpleNamespace(name=f"/device:{kind}:{i}") for i in range(4)])
    assert Hardware(4).devices == 4
    assert "só 4 (GPU)" in refused(Hardware, 5)


@pytest.mark.parametrize(("photos", "batch"), [(100, 32), (4, 33), (34, 33)])
def test_steps_that_cannot_be_shared_are_refused(refused, monkeypatch, photos, batch):
    monkeypatch.setattr(devices, "_names", lambda: ("a", "b", "c"))
    assert "múltiplo de 3" in refused(Hardware(3).check_shares, photos, batch)


@pytest.mark.parametrize(("photos", "batch"), [(99, 33), (3, 32), (103, 33)])
def test_steps_that_can_be_shared_are_not_refused(monkeypatch, photos, batch):
    monkeypatch.setattr(devices, "_names", lambda: ("a", "b", "c"))
    Hardware(3).check_shares(photos, batch)


def test_devices_have_names(monkeypatch):
    assert "CPU" in device_names()
    monkeypatch.setattr(devices.tf.config, "list_physical_devices", lambda: [
        SimpleNamespace(device_type="CPU"), SimpleNamespace(device_type="GPU")])
    monkeypatch.setattr(devices.tf.config.experimental, "get_device_details", lambda device: (
        {"device_name": "Tesla T4"} if device.device_type == "GPU" else {}))
    assert device_names() == ["CPU", "GPU Tesla T4"]
