"""A record is held against its checkpoints, and a changed one does not pass."""

import json
from pathlib import Path

import pytest
from helpers import make_photos

from catsdogs.cli import main
from catsdogs.config import PHASE1_CHECKPOINT, RECORD_FILE
from catsdogs.pipeline import evaluate_checkpoints
from catsdogs.study.verify import TOLERANCES, verify

MODELS = Path(__file__).resolve().parents[2] / "models"


@pytest.fixture
def source(photo_folder):
    """The small photos, as options."""
    return ["--data", str(photo_folder)]


@pytest.fixture
def as_cloned(isolated, repository_models):
    """What the repository ships, and the official photos, which are others than these checkpoints learned from."""
    make_photos(isolated / "cache" / "photos" / "official", count=12)


@pytest.mark.slow
@pytest.mark.skipif(not (MODELS / "bundle.npz").exists(), reason="models/ lacks bundle.npz")
def test_what_ships_is_verified_without_its_photos(as_cloned, capsys):
    assert main(["verify", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["holds"] and any(each["found"] != each["recorded"] for each in answer["metrics"])


@pytest.mark.slow
@pytest.mark.skipif(not (MODELS / "bundle.npz").exists(), reason="models/ lacks bundle.npz")
def test_what_ships_is_not_measured_on_other_photos(as_cloned, isolated, capsys):
    assert main(["verify", "--data", str(isolated / "cache" / "photos" / "official")]) == 1
    assert "outras fotos" in capsys.readouterr().err


@pytest.mark.slow
def test_photos_are_looked_for_when_the_checkpoints_are_not_those_that_ship(trained_here, photo_folder, monkeypatch):
    monkeypatch.setenv("CATSDOGS_DATA", str(photo_folder))
    assert main(["verify"]) == 0


def change_record(folder, change):
    path = folder / "models" / RECORD_FILE
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.slow
def test_a_fresh_record_holds_exactly(trained_here, source, capsys):
    assert main(["verify", *source]) == 0
    out = capsys.readouterr().out
    assert out.count(" confere") == 2 * 2 * len(TOLERANCES) + 1 and "O registro confere." in out
    assert all(abs(each.found - each.recorded) < 1e-6 for each in verify(trained_here.materials))


@pytest.mark.slow
def test_a_changed_metric_is_named(trained_here, isolated, source, capsys, monkeypatch):
    found = evaluate_checkpoints(trained_here.materials)
    monkeypatch.setattr("catsdogs.study.verify.evaluate_checkpoints", lambda materials: found)
    for metric, tolerance in TOLERANCES.items():
        right = trained_here.record["phase2"]["test"]
        change_record(isolated, lambda record, changed={**right, metric: right[metric] - 2 * tolerance}:
                      record["phase2"].update(test=changed))
        wrong = [each for each in verify(trained_here.materials) if not each.holds]
        assert [(each.phase, each.part, each.metric) for each in wrong] == [("phase2", "test", metric)]
    assert main(["verify", *source, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["holds"] is False and [each["metric"] for each in answer["metrics"] if not each["holds"]] == [metric]


@pytest.mark.slow
def test_checkpoints_of_another_training_do_not_pass(trained_here, isolated, source, capsys):
    other = (isolated / "models" / PHASE1_CHECKPOINT).read_bytes()
    (isolated / "models" / "mobilenetv2_finetuned.keras").write_bytes(other)
    assert main(["verify", *source]) == 1
    assert "não confere" in capsys.readouterr().out


@pytest.mark.parametrize(("content", "words"), [(None, "catsdogs train"), ("{", "danificado"), ("{}", "danificado"),
                                                ("[1]", "danificado")])
def test_a_missing_or_damaged_record_is_one_sentence(trained_here, isolated, refused, content, words):
    path = isolated / "models" / RECORD_FILE
    path.unlink() if content is None else path.write_text(content)
    assert words in refused(verify, trained_here.materials)
