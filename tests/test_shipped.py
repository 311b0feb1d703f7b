"""What models/ ships: whole, and of one piece."""

import json
from pathlib import Path

import numpy as np
import pytest

from catsdogs.backbone import cut, find_base, fingerprint, load_backbone
from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, Config
from catsdogs.data import bundled_photos, split_photos
from catsdogs.features import pooled_features
from catsdogs.quiet import keras
from catsdogs.storage.bundle import load_bundle_about, load_bundle_activations
from catsdogs.study.audit import close_pairs, out_of_fold_probabilities, suspicious_labels
from catsdogs.training import activations_to_probabilities

MODELS = Path(__file__).resolve().parent.parent / "models"
CHECKPOINTS = {"phase1": PHASE1_CHECKPOINT, "phase2": PHASE2_CHECKPOINT}
MISSING = [name for name in ("bundle.npz", "run.json", *CHECKPOINTS.values()) if not (MODELS / name).exists()]
pytestmark = [pytest.mark.usefixtures("repository_models"),
              pytest.mark.skipif(bool(MISSING), reason=f"models/ lacks {', '.join(MISSING)}")]


@pytest.fixture(scope="module")
def record():
    return json.loads((MODELS / "run.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models():
    return {phase: load_checkpoint(MODELS / name) for phase, name in CHECKPOINTS.items()}


@pytest.fixture
def photos(repository_models):
    return bundled_photos()


def test_all_parts_come_from_one_run(models, record):
    assert {metadata["key"] for _, metadata in models.values()} == {record["key"]}
    assert load_bundle_about()["key"] == record["key"] and Config(**record["config"]) == Config()


def test_what_the_page_reads_off_phase_2s_curve(record):
    """What *Fase 2* says of the training that comes with the repository."""
    history, before = record["phase2"]["history"], record["phase1"]["validation"]["loss"]
    assert history["loss"] == sorted(history["loss"], reverse=True)
    assert (round(before, 3), round(min(history["val_loss"]), 3), record["phase2"]["best_epoch"]) == (0.040, 0.044, 1)
    assert history["val_loss"][1:] == sorted(history["val_loss"][1:])


@pytest.mark.parametrize("phase", CHECKPOINTS)
def test_checkpoints_have_the_bundles_trunk(models, phase):
    about = load_bundle_about()
    trunk, _ = cut(find_base(models[phase][0]), Config().unfrozen_layers)
    assert fingerprint(trunk) == about["fingerprint"]


@pytest.mark.slow
def test_shipped_backbone_fits_the_bundle_every_time_it_is_loaded():
    for _ in range(2):
        assert load_backbone(Config(), shipped=True).fingerprint == load_bundle_about()["fingerprint"]


def test_phase_2_tuned_the_convolutions_of_the_tail_and_no_batchnorm(models):
    tails = [cut(find_base(model), Config().unfrozen_layers)[1] for model, _ in models.values()]
    for one, two in zip(*(tail.layers[1:] for tail in tails), strict=True):
        same = all(np.array_equal(a, b) for a, b in zip(one.get_weights(), two.get_weights(), strict=True))
        tuned = bool(one.weights) and not isinstance(one, keras.layers.BatchNormalization)
        assert same != tuned, one.name


@pytest.mark.parametrize("phase", CHECKPOINTS)
def test_bundle_road_and_photo_road_agree_on_the_test_photos(models, record, photos, phase):
    model, _ = models[phase]
    rows = split_photos(photos, Config()).test
    names = [photos.names[i] for i in rows]
    recorded = record[phase]["probabilities"]["test"]
    assert len(rows) == 300 and set(names) == set(recorded)
    maps = load_bundle_activations(tuple(photos.digests[i] for i in rows), 224, load_bundle_about()["fingerprint"])
    second = activations_to_probabilities(model, Config()).predict(maps, verbose=0)[:, 1]
    accuracy = np.mean((second > 0.5) == photos.labels[rows])
    assert accuracy == pytest.approx(record[phase]["test"]["accuracy"], abs=0.01)
    # Quantising moves single answers a little, and hardly any of them by much.
    assert np.mean(np.abs(second - [recorded[name] for name in names])) < 0.01


@pytest.mark.slow
def test_what_the_page_tells_of_copies_and_labels(models, photos):
    """What *Auditoria* says, in sentences that a person wrote, of the photos behind the bundle."""
    maps = load_bundle_activations(photos.digests, 224, load_bundle_about()["fingerprint"])
    features = pooled_features(cut(find_base(models["phase1"][0]), Config().unfrozen_layers)[1], maps)
    stems = [Path(name).stem for name in photos.names]
    found = {(stems[pair.first], stems[pair.second]): pair.distance for pair in close_pairs(features, "cosine", 0.16)}
    assert found == {("dog.74", "dog.180"): pytest.approx(0.01, abs=0.005),
                     ("cat.739", "cat.965"): pytest.approx(0.15, abs=0.005)}
    suspects = suspicious_labels(out_of_fold_probabilities(features, photos.labels), photos.labels)
    assert {stems[row] for row in suspects} == {"cat.724", "cat.44"}
    train = {stems[row] for row in split_photos(photos, Config()).train}
    assert {"dog.74", "dog.180", "cat.724", "cat.44"} <= train
