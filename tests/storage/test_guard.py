"""Files from strangers: what could run code or reach other files is refused before Keras sees it."""

import io
import json
import pickle
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import CONFIG, FULL

from catsdogs.backbone import load_backbone
from catsdogs.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from catsdogs.config import PHASE2_CHECKPOINT
from catsdogs.errors import CatsdogsError
from catsdogs.predict import Classifier
from catsdogs.quiet import keras
from catsdogs.storage import guard

h5py = pytest.importorskip("h5py")
REFUSED = "uma frase; nada do arquivo é executado"
CHANGES = 2000 if FULL else 60


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The members of a small harmless checkpoint: name → content."""
    photo = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Resizing(8, 8)(photo))
    path = tmp_path_factory.mktemp("guard") / "good.keras"
    save_checkpoint(keras.Model(photo, keras.layers.Dense(2)(pooled)), path, ("a", "b"), {"config": {"image_size": 8}})
    load_checkpoint(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def bad(tmp_path):
    """Write the members as ``bad.keras``; gives its path."""
    def write(members):
        with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return tmp_path / "bad.keras"
    return write


def with_layer(good, change):
    """The members with the last layer's configuration changed."""
    config = json.loads(good["config.json"])
    change(config["config"]["layers"][-1])
    return {**good, "config.json": json.dumps(config)}


def a_lambda(mark):
    """A layer whose configuration holds marshalled code that makes the file ``mark``."""
    layer = keras.layers.Lambda(eval(f"lambda x: __import__('pathlib').Path({str(mark)!r}).touch() or x"))
    return {key: value for key, value in keras.saving.serialize_keras_object(layer).items()
            if key in ("module", "class_name", "config", "registered_name")}


# Configurations in the manner of published attacks on Keras: each would act while the model is built.
ATTACKS = {
    "a Lambda layer": lambda layer, mark: layer.update(a_lambda(mark)),
    "a function of the operating system": lambda layer, mark: layer["config"].update(
        activation={"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}),
    "a class of another module": lambda layer, mark: layer.update(
        module="subprocess", class_name="Popen", registered_name=None, config={"args": ["touch", str(mark)]}),
    "an allowed name of another module": lambda layer, mark: layer.update(module="antigravity"),
    "a function that fetches files": lambda layer, mark: layer["config"].update(
        activation={"module": "keras.utils", "class_name": "function", "config": "get_file",
                    "registered_name": "get_file"}),
    "the switch of the safe mode": lambda layer, mark: layer["config"].update(
        kernel_initializer={"module": "keras.config", "class_name": "function",
                            "config": "enable_unsafe_deserialization",
                            "registered_name": "enable_unsafe_deserialization"}),
    "a layer that loads a SavedModel": lambda layer, mark: layer.update(
        module="keras.layers", class_name="TFSMLayer", config={"filepath": str(mark.parent)}),
    "a layer that unpickles": lambda layer, mark: layer.update(
        module="keras.layers", class_name="TorchModuleWrapper", config={"module": "gASV"}),
    "a layer that reads a file": lambda layer, mark: layer.update(
        module="keras.layers", class_name="StringLookup", config={"vocabulary": "/etc/passwd"}),
    "a name registered by a program": lambda layer, mark: layer.update(registered_name="package>Dense"),
    "a name that is no text": lambda layer, mark: layer.update(class_name=["Dense"]),
    "marshalled code": lambda layer, mark: layer["config"].update(
        activation={"class_name": "__lambda__", "config": {"value": "4wAAAAA="}}),
}


@pytest.mark.fault("Arquivos hostis", "checkpoint que executaria código, importaria módulos ou leria arquivos", REFUSED)
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("road", [load_checkpoint, Classifier])
def test_a_hostile_configuration_is_refused_before_keras_sees_it(good, bad, tmp_path, refused, monkeypatch, attack,
                                                                 road):
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("Keras saw the file"))
    path = bad(with_layer(good, lambda layer: ATTACKS[attack](layer, tmp_path / "mark")))
    assert "código de outra pessoa" in refused(road, path)
    assert not (tmp_path / "mark").exists()


def test_the_attack_with_a_lambda_would_work_without_safe_mode(good, bad, tmp_path):
    """Or else the tests above would prove nothing."""
    path = bad(with_layer(good, lambda layer: ATTACKS["a Lambda layer"](layer, tmp_path / "mark")))
    with pytest.raises(Exception):  # noqa: B017
        keras.saving.load_model(path, safe_mode=True)
    assert not (tmp_path / "mark").exists()
    keras.saving.load_model(path, safe_mode=False)
    assert (tmp_path / "mark").exists()


def hdf5(write) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file)
    return content.getvalue()


def cycle(file):
    file.create_group("a")["again"] = file["/"]
    file["a/link"] = h5py.SoftLink("/etc")


WEIGHTS = {
    "a link to another file": lambda file: file.update(a=h5py.ExternalLink("/etc/passwd", "/")),
    "a link within": lambda file: file.update(a=h5py.SoftLink("/b")),
    "numbers in another file": lambda file: file.create_dataset(
        "a", (4,), "u1", external=[("/etc/passwd", 0, 4)]),
    "a view of another file": lambda file: file.create_virtual_dataset("a", virtual_layout()),
    "more numbers than fit": lambda file: file.create_dataset("a", (10**12,), "f4", chunks=(1024,)),
    "sums of numbers that do not fit": lambda file: [file.create_dataset(str(i), (10**8,), "f4", chunks=(1024,))
                                                     for i in range(9)],
    "references": lambda file: file.create_dataset("a", data=file.create_group("b").ref, dtype=h5py.ref_dtype),
    "groups in a circle": cycle,
}


def virtual_layout():
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "a", (4,))
    return layout


@pytest.mark.fault("Arquivos hostis", "pesos que apontam para outros arquivos, ou que não cabem na memória", REFUSED)
@pytest.mark.parametrize("attack", WEIGHTS)
def test_hostile_weights_are_refused(good, bad, tmp_path, refused, attack):
    content = hdf5(WEIGHTS[attack])
    with pytest.raises(guard.RefusedFile):
        guard.check_weights(io.BytesIO(content))
    assert "código de outra pessoa" in refused(load_checkpoint, bad({**good, guard.WEIGHTS_MEMBER: content}))
    (tmp_path / "bad.weights.h5").write_bytes(content)
    assert "MobileNetV2" in refused(load_backbone, CONFIG, tmp_path / "bad.weights.h5")


TWO_IN_ONE = ("Arquivos hostis", "dois arquivos em um: HDF5 e zip, um inocente e o outro não", REFUSED)


@pytest.mark.fault(*TWO_IN_ONE)
@pytest.mark.parametrize("name", ["a.keras", "a.weights.json", "a.zip", "a.H5", "a"])
def test_weights_by_a_name_that_keras_does_not_open_as_hdf5_are_refused(tmp_path, refused, monkeypatch, name):
    """What ``check_weights`` reads is harmless; behind it is a zip with what Keras would read."""
    monkeypatch.setattr("catsdogs.backbone.new_base", lambda *_: pytest.fail("Keras saw the file"))
    path, inner = tmp_path / name, io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(guard.WEIGHTS_MEMBER, hdf5(WEIGHTS["numbers in another file"]))
    path.write_bytes(hdf5(lambda file: file.create_dataset("a", (4,), "u1")) + inner.getvalue())
    guard.check_weights(path)
    with zipfile.ZipFile(path) as archive, pytest.raises(guard.RefusedFile):
        guard.check_weights(io.BytesIO(archive.read(guard.WEIGHTS_MEMBER)))
    assert ".h5" in refused(load_backbone, CONFIG, path)


@pytest.mark.fault(*TWO_IN_ONE)
@pytest.mark.parametrize("name", ["bad.h5", "bad.hdf5"])
@pytest.mark.parametrize("road", [load_checkpoint, Classifier])
def test_a_checkpoint_by_a_name_that_keras_opens_as_hdf5_is_refused(good, bad, tmp_path, refused, monkeypatch, name,
                                                                    road):
    """The zip behind it is harmless, the HDF5 file in front has a Lambda layer."""
    path, photo = tmp_path / name, keras.Input((3,))
    keras.Model(photo, keras.layers.Lambda(lambda numbers: numbers)(photo)).save(tmp_path / "front.h5")
    path.write_bytes((tmp_path / "front.h5").read_bytes() + bad(good).read_bytes())
    guard.check_checkpoint(path)
    with h5py.File(path) as file:
        assert "Lambda" in file.attrs["model_config"]
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("Keras saw the file"))
    assert ".keras" in refused(road, path)


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.fault("Arquivos hostis", "pickle no lugar de pesos, de checkpoint ou de ativações", REFUSED)
@pytest.mark.parametrize("name", ["a.h5", "a.weights.h5", "a.keras", "a.npy", "a.npz", "a.pkl", "a.ckpt"])
def test_a_pickle_is_never_opened(tmp_path, refused, name):
    (tmp_path / name).write_bytes(pickle.dumps(Touch(str(tmp_path / "mark"))))
    refused(load_backbone, CONFIG, tmp_path / name)
    refused(load_checkpoint, tmp_path / name)
    assert not (tmp_path / "mark").exists()


@pytest.mark.fault("Arquivos hostis", "pickle no lugar de pesos, de checkpoint ou de ativações", REFUSED)
def test_a_pickle_inside_the_bundle_is_never_opened(tmp_path, isolated, refused):
    from catsdogs.storage.bundle import load_bundle_index

    (isolated / "shipped").mkdir(parents=True)
    names = np.array([Touch(str(tmp_path / "mark"))], dtype=object)
    np.savez(isolated / "shipped" / "bundle.npz", names=names, labels=names, digests=names, class_names=names)
    assert "bundle.npz está danificado" in refused(load_bundle_index)
    assert not (tmp_path / "mark").exists()


@pytest.mark.fault("Arquivos hostis", "checkpoint que cresce sem fim, ou com dois membros de um nome", REFUSED)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("limit", ["MAX_CHECKPOINT_BYTES", "MAX_CHECKPOINT_TEXT_BYTES", "two names"])
def test_a_checkpoint_that_grows_is_refused(good, bad, tmp_path, refused, monkeypatch, limit):
    path = bad(good)
    if limit == "two names":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("config.json", "{}")
    else:
        monkeypatch.setattr(guard, limit, 400)
    assert "bad.keras" in refused(read_metadata, path) and "bad.keras" in refused(Classifier, path)


@pytest.mark.parametrize("metadata", [
    "{", "[]", "null", "7", '{"class_names": ["a"]}', '{"class_names": ["a", 1]}', "[" * 100_000,
    '{"class_names": ["a", "b"], "config": {"image_size": 1e9}}', '{"class_names": ["a", "b"], "config": {"x": 1}}',
    '{"class_names": ["a", "b"], "config": {"image_size": "224"}}', '{"class_names": ["a", "b"], "config": [1]}',
    '{"class_names": ["a", "b"], "config": {"image_size": -1}}'], ids=lambda text: text[:50])
def test_senseless_metadata_is_one_sentence(good, bad, refused, metadata):
    path = bad({**good, "catsdogs.json": metadata})
    assert "não foi feito por este projeto" in refused(Classifier, path)


@pytest.mark.fault("Arquivos hostis", "configuração de modelo com qualquer parte trocada", "abre, ou uma frase")
def test_any_change_of_the_configuration_opens_or_is_refused(good, bad, refused, record_property):
    chance = random.Random(3)
    opened = 0
    for _ in range(CHANGES):
        config = json.loads(good["config.json"])
        change_somewhere(config, chance)
        path = bad({**good, "config.json": json.dumps(config)})
        try:
            load_checkpoint(path)
            opened += 1
        except CatsdogsError as error:
            assert "bad.keras" in str(error)
    assert 0 < opened < CHANGES
    record_property("trials", CHANGES)


@pytest.mark.fault("Arquivos hostis", "checkpoint com um byte mudado, em qualquer lugar, em qualquer compressão",
                   "abre, ou uma frase")
def test_a_checkpoint_with_one_byte_changed_opens_or_is_refused(good, tmp_path, record_property):
    path, chance, opened, places = tmp_path / "bad.keras", random.Random(5), 0, []
    methods = [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(good.items()):
            archive.writestr(name, content, methods[number % len(methods)])
            places.append(archive.fp.tell())
    whole, places = path.read_bytes(), [0, *places]
    for trial in range(CHANGES):  # each member as often as any other, and the directory at the end
        section = trial % len(places)
        at = chance.randrange(places[section], (*places, len(whole))[section + 1])
        path.write_bytes(whole[:at] + bytes([whole[at] ^ chance.randrange(1, 256)]) + whole[at + 1:])
        try:
            load_checkpoint(path)
            opened += 1
        except CatsdogsError as error:
            assert "bad.keras" in str(error), at
        except Exception as error:
            raise AssertionError(f"byte {at}: {error!r}") from error
    assert 0 < opened < CHANGES
    record_property("trials", CHANGES)


def change_somewhere(value, chance):
    """Replace one part of a configuration, however deep, by something senseless."""
    key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if isinstance(value[key], (dict, list)) and value[key] and chance.random() < 0.85:
        change_somewhere(value[key], chance)
    else:
        value[key] = chance.choice([None, -1, 0, 7, 1.5, "", "x", [], {}, True, [None], "relu"])


# Rules of flake8-bandit: code run from text, unpickling, shells, unverified HTTPS, guessable temporary files, archives.
BANDIT = "S102,S103,S202,S301,S302,S306,S307,S501,S506,S602,S604,S605,S608,S609,S701"


def test_the_package_runs_no_text_and_unpickles_nothing():
    pytest.importorskip("ruff", reason="ruff is not installed")
    package = Path(guard.__file__).resolve().parents[1]
    modules = sorted(package.rglob("*.py"))
    assert package / "photo.py" in modules
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", BANDIT, "--exclude",
               "*.ipynb", str(package)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    for path in modules:  # numpy's switch is no rule of theirs
        text = path.read_text(encoding="utf-8")
        assert text.count("np.load(") == text.count("allow_pickle=False)"), path.name


def test_the_shipped_kinds_of_model_pass(trained):
    guard.check_checkpoint(trained.models / PHASE2_CHECKPOINT)


def test_every_allowed_name_is_a_class_that_keras_has():
    for module, names in guard.ALLOWED.items():
        if module and ".src." not in module:
            place = keras
            for part in module.split(".")[1:]:
                place = getattr(place, part)
            assert all(isinstance(getattr(place, name), type) for name in names), module
