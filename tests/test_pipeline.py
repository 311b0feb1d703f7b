"""The whole road on the small set."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import CONFIG
from PIL import Image

from catsdogs import pipeline
from catsdogs.backbone import find_base, fingerprint
from catsdogs.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, RECORD_FILE, Config
from catsdogs.data import split_photos
from catsdogs.evaluation import score
from catsdogs.pipeline import evaluate_checkpoints, phase1_model, phase2_model, probabilities, run_key, train

CHECKPOINTS = {"phase1": PHASE1_CHECKPOINT, "phase2": PHASE2_CHECKPOINT}
FIGURES = {"confmat_phase1.png", "confmat_phase2.png", "curves_freeze.png", "curves_ft.png"}


def other_split(materials):
    config = replace(materials.config, seed=5)
    return replace(materials, config=config, split=split_photos(materials.photos, config))


def test_train_writes_checkpoints_record_and_figures_and_nothing_else(trained):
    written = {path.relative_to(trained.models).as_posix() for path in trained.models.rglob("*") if path.is_file()}
    assert written == {*CHECKPOINTS.values(), "run.json", *(f"images/{name}" for name in FIGURES)}
    for name in FIGURES:
        assert min(Image.open(trained.models / "images" / name).size) > 300


def test_record_on_disk_is_the_one_returned(trained):
    assert json.loads((trained.models / "run.json").read_text(encoding="utf-8")) == trained.record


def test_record_holds_everything_worth_keeping(trained):
    record, materials = trained.record, trained.materials
    assert Config(**record["config"]) == CONFIG and record["versions"]["keras"] and record["versions"]["python"]
    assert record["backbone"] == materials.backbone.origin and record["data"] == materials.photos.origin
    assert record["sizes"] == {"train": 38, "validation": 5, "test": 5} and record["class_names"] == ["cats", "dogs"]
    assert record["trunk"] == materials.backbone.fingerprint
    for phase in CHECKPOINTS:
        assert {len(values) for values in record[phase]["history"].values()} \
            == {len(record[phase]["history"]["val_loss"])}
        assert 0 <= record[phase]["best_epoch"] < len(record[phase]["history"]["loss"])


@pytest.mark.parametrize("phase", CHECKPOINTS)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_recorded_metrics_follow_from_the_recorded_probabilities(trained, phase, part):
    given = trained.record[phase]["probabilities"][part]
    photos = trained.materials.photos
    rows = getattr(trained.materials.split, part)
    assert set(given) == {photos.names[i] for i in rows}
    second = np.array([given[photos.names[i]] for i in rows])
    expected = score(np.stack([1 - second, second], 1), photos.labels[rows], photos.class_names)
    recorded = trained.record[phase][part]
    assert recorded["confusion"] == expected.confusion
    for metric in ("accuracy", "auc", "errors", "photos"):
        assert recorded[metric] == pytest.approx(getattr(expected, metric))
    assert recorded["loss"] == pytest.approx(expected.loss, abs=1e-4)


def test_recorded_validation_loss_is_that_of_the_kept_epoch(trained):
    for phase in CHECKPOINTS:
        part = trained.record[phase]
        assert part["validation"]["loss"] == pytest.approx(part["history"]["val_loss"][part["best_epoch"]], rel=1e-3)


def test_phase_1_checkpoint_holds_the_untouched_base_and_phase_2_a_tuned_tail(trained, backbone):
    bases = [find_base(load_checkpoint(trained.models / name)[0]) for name in CHECKPOINTS.values()]
    original = backbone.base.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(bases[0].get_weights(), original, strict=True))
    changed = [layer.name for layer in bases[1].layers if layer.weights and any(
        not np.array_equal(a, b) for a, b in zip(layer.get_weights(), bases[0].get_layer(layer.name).get_weights(),
                                                 strict=True))]
    assert changed == ["block_15_expand", "block_15_depthwise", "block_15_project", "block_16_expand",
                       "block_16_depthwise", "block_16_project", "Conv_1"]


def test_progress_is_told_one_line_a_step(trained):
    assert len(trained.lines) >= 3 and not any("\n" in line for line in trained.lines)
    assert trained.lines[0].startswith("Fase 1") and trained.lines[1].startswith("Fase 2")


def test_checkpoints_say_where_they_come_from(trained):
    for name in CHECKPOINTS.values():
        metadata = read_metadata(trained.models / name)
        assert metadata["key"] == run_key(trained.materials) and metadata["class_names"] == ["cats", "dogs"]
        assert Config(**metadata["config"]) == CONFIG


def test_matching_checkpoints_are_used_again(trained_here, monkeypatch):
    for name in ("train_phase1", "train_phase2"):
        monkeypatch.setattr(pipeline, name, lambda *_, **__: pytest.fail("trained again"))
    models = phase1_model(trained_here.materials), phase2_model(trained_here.materials)
    names = [trained_here.materials.photos.names[i] for i in trained_here.materials.split.test]
    for phase, model in zip(CHECKPOINTS, models, strict=True):
        answers = probabilities(model, trained_here.materials, trained_here.materials.split.test)[:, 1]
        given = trained_here.record[phase]["probabilities"]["test"]
        np.testing.assert_allclose(answers, [given[name] for name in names], atol=1e-5)


def test_a_run_that_is_recorded_is_not_done_again(trained_here, monkeypatch):
    lines = []
    monkeypatch.setattr(pipeline, "train_phase1", lambda *_: pytest.fail("it was trained again"))
    assert train(trained_here.materials, say=lines.append) == trained_here.record
    assert len(lines) == 1 and "Nada mudou" in lines[0]


def test_a_run_that_was_cut_short_before_its_figures_gets_them(trained_here, isolated):
    images = isolated / "models" / "images"
    drawn = {path.name: path.read_bytes() for path in images.iterdir()}
    (images / "curves_ft.png").unlink()
    (images / "confmat_phase2.png").write_bytes(drawn["confmat_phase1.png"])  # of the training before
    train(trained_here.materials, say=lambda line: None)
    assert {path.name: path.read_bytes() for path in images.iterdir()} == drawn


@pytest.mark.parametrize("content", ["[1]", "null", "{"])
def test_a_damaged_record_means_training_again(trained_here, isolated, content):
    (isolated / "models" / RECORD_FILE).write_text(content, encoding="utf-8")
    assert pipeline.recorded_run(trained_here.materials) is None


@pytest.mark.slow
@pytest.mark.parametrize("lost", [PHASE2_CHECKPOINT, RECORD_FILE])
def test_a_training_cut_short_after_phase_1_goes_on_from_there(trained_here, isolated, monkeypatch, lost):
    (isolated / "models" / lost).unlink()
    monkeypatch.setattr(pipeline, "train_phase1", lambda *_: pytest.fail("phase 1 again"))
    lines = []
    record = train(trained_here.materials, say=lines.append)
    assert {**record, "date": None} == {**trained_here.record, "date": None}
    assert "já treinada" in lines[0]


@pytest.mark.parametrize("damage", ["another run's", "torn", "without its history"])
def test_a_phase_1_that_does_not_belong_is_trained_again(trained_here, isolated, damage):
    path, materials = isolated / "models" / PHASE1_CHECKPOINT, trained_here.materials
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        about = pipeline.about(other_split(materials) if damage == "another run's" else materials)
        save_checkpoint(load_checkpoint(path)[0], path, ("cats", "dogs"), {**about, "versions": pipeline.versions()})
    assert pipeline.trained_before(PHASE1_CHECKPOINT, materials) is None


@pytest.mark.parametrize("change", ["again", "settings", "versions", "lost checkpoint",
                                    "checkpoint of another run"])
def test_anything_that_changed_means_training_again(trained_here, isolated, monkeypatch, change):
    class Trained(Exception):
        pass

    def fail(*_):
        raise Trained

    materials, path = trained_here.materials, isolated / "models" / PHASE2_CHECKPOINT
    monkeypatch.setattr(pipeline, "train_phase1", fail)
    monkeypatch.setattr(pipeline, "train_phase2", fail)
    if change == "settings":
        materials = replace(materials, config=replace(CONFIG, dropout=0.5))
    elif change == "versions":
        monkeypatch.setattr(pipeline, "versions", lambda: {"keras": "0"})
    elif change == "lost checkpoint":
        path.unlink()
    elif change == "checkpoint of another run":
        save_checkpoint(load_checkpoint(path)[0], path, ("cats", "dogs"), pipeline.about(other_split(materials)))
    with pytest.raises(Trained):
        train(materials, say=lambda line: None, again=change == "again")


@pytest.mark.parametrize("case", ["other split", "other trunk", "missing"])
def test_foreign_or_missing_checkpoints_mean_training_again(trained_here, isolated, monkeypatch, case):
    materials, trained_again = trained_here.materials, []
    if case == "other split":
        materials = other_split(materials)
    elif case == "other trunk":
        materials = replace(materials, backbone=replace(materials.backbone, fingerprint="f" * 64))
    else:
        for name in CHECKPOINTS.values():
            (isolated / "models" / name).unlink()
    monkeypatch.setattr(pipeline, "train_phase1", lambda given: trained_again.append((1, given)))
    monkeypatch.setattr(pipeline, "train_phase2", lambda model, given: trained_again.append((2, given)))
    monkeypatch.setattr(pipeline, "load_checkpoint", lambda path: (path.name, {}))
    assert phase1_model(materials) == CHECKPOINTS["phase1"] and phase2_model(materials) == CHECKPOINTS["phase2"]
    assert trained_again == [(1, materials), (1, materials), (2, materials)]


@pytest.mark.slow
def test_phase_2_goes_on_from_the_saved_phase_1(trained_here, isolated, monkeypatch):
    (isolated / "models" / PHASE2_CHECKPOINT).unlink()
    monkeypatch.setattr(pipeline, "train_phase1", lambda *_: pytest.fail("phase 1 trained again"))
    model = phase2_model(trained_here.materials)
    expected, _ = load_checkpoint(trained_here.models / PHASE2_CHECKPOINT)
    for one, two in zip(model.get_weights(), expected.get_weights(), strict=True):
        assert np.array_equal(one, two)
    assert (isolated / "models" / PHASE2_CHECKPOINT).exists()


def test_training_leaves_the_backbone_as_it_was(trained, backbone):
    """Or else a second run from the same materials would call "frozen" what phase 2 has already tuned."""
    assert trained.base == fingerprint(backbone.base)


def test_evaluation_repeats_the_record(trained_here):
    result = evaluate_checkpoints(trained_here.materials)
    for phase in CHECKPOINTS:
        for part in ("validation", "test"):
            expected = trained_here.record[phase][part]
            assert result[phase][part]["confusion"] == expected["confusion"]
            assert result[phase][part]["loss"] == pytest.approx(expected["loss"], rel=1e-4)


def test_evaluation_refuses_checkpoints_that_may_have_seen_the_test_photos(trained_here, refused):
    assert "outra divisão" in refused(evaluate_checkpoints, other_split(trained_here.materials))


def test_evaluation_without_checkpoints_gives_one_sentence(trained, refused):
    assert "catsdogs train" in refused(evaluate_checkpoints, trained.materials)


def test_key_follows_the_training_photos_and_the_trunk_only(trained):
    materials = trained.materials
    key = run_key(materials)
    epochs = replace(materials, config=replace(CONFIG, head_epochs=1, dropout=0.5))
    assert run_key(epochs) == key and run_key(other_split(materials)) != key
    assert run_key(replace(materials, backbone=replace(materials.backbone, fingerprint="f"))) != key
    assert run_key(replace(materials, config=replace(CONFIG, image_size=128))) != key


def test_figures_of_one_record_are_the_same_bytes(trained, isolated):
    pipeline.save_figures(trained.record, isolated / "models" / "images")
    for name in FIGURES:
        assert (isolated / "models" / "images" / name).read_bytes() == (trained.models / "images" / name).read_bytes()
