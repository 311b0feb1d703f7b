"""The command line."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import assert_sentence, tiny_photos

from catsdogs import pipeline
from catsdogs.cli import main
from catsdogs.config import (
    BETTER_CHECKPOINT,
    BETTER_RECORD_FILE,
    PHASE1_CHECKPOINT,
    PHASE2_CHECKPOINT,
    BetterConfig,
    Config,
)
from catsdogs.engines import litert
from catsdogs.photo import sample_photo
from catsdogs.predict import Classifier
from catsdogs.study.experiments import EXPERIMENTS, Experiment, grid

ENGLISH = re.compile(r"\b(usage|error|required|invalid|argument|arguments|choose|unrecognized|expected|ignored|options|"
                     r"positional|show|help message|exit|ambiguous|unknown|default)\b:?")
TINY = ["--image-size", "96", "--epochs", "1", "--fine-tune-epochs", "1", "--unfrozen-layers", "3"]


@pytest.fixture
def source(photo_folder, weights_file, studied, monkeypatch):
    """The small set and its weights as options, with the shared cache."""
    monkeypatch.setenv("CATSDOGS_CACHE", str(studied.cache))
    return ["--data", str(photo_folder), "--weights", str(weights_file)]


def error_sentence(capsys):
    line, = capsys.readouterr().err.strip().splitlines()
    return assert_sentence(line.removeprefix("catsdogs: "))


# Right usage

def test_train_passes_its_options_on_and_reports(source, trained, capsys, monkeypatch):
    given = []
    monkeypatch.setattr(pipeline, "train", lambda materials, **_: given.append(materials.config) or trained.record)
    options = ["--seed", "3", "--batch-size", "8", "--unfrozen-layers", "20"]
    assert main(["train", *source, *TINY, *options]) == 0
    out = capsys.readouterr().out
    assert "Teste, fase 2" in out and "gato" in out and "Acurácia" in out
    assert given == [Config(image_size=96, head_epochs=1, fine_tune_epochs=1, seed=3, batch_size=8)]


@pytest.mark.slow
def test_train_json_is_all_that_standard_output_holds(source, isolated, capfd):
    assert main(["train", *source, *TINY, "--json"]) == 0
    captured = capfd.readouterr()
    assert {PHASE1_CHECKPOINT, PHASE2_CHECKPOINT} <= {path.name for path in (isolated / "models").iterdir()}
    assert json.loads(captured.out) == json.loads((isolated / "models" / "run.json").read_text(encoding="utf-8"))
    assert "Fotos: pasta photos." in captured.err and "Fase 2" in captured.err


@pytest.mark.slow
def test_train_with_the_better_recipe(source, isolated, capfd):
    """It writes files of its own, which predict can use, and leaves the challenge's alone."""
    assert main(["train", *source, *TINY, "--recipe", "melhor"]) == 0
    out = capfd.readouterr().out
    assert "Teste, receita melhor" in out and "fase 1" not in out
    assert {path.name for path in (isolated / "models").iterdir()} == {BETTER_CHECKPOINT, BETTER_RECORD_FILE}
    record = json.loads((isolated / "models" / BETTER_RECORD_FILE).read_text(encoding="utf-8"))
    assert BetterConfig(**record["config"]) == BetterConfig(image_size=96, head_epochs=1, fine_tune_epochs=1,
                                                             unfrozen_layers=3)
    assert record["date"]
    photo = Path(source[1]) / "cats" / "000.jpg"
    assert main(["predict", str(photo), "--checkpoint", str(isolated / "models" / BETTER_CHECKPOINT)]) == 0
    assert "%" in capfd.readouterr().out


def test_an_experiment_shows_its_factors(source, isolated, capsys, monkeypatch):
    row = {"phase": 2, "test_accuracy": 0.5, "test_auc": 0.75, "test_loss": 0.25}
    small = Experiment("Pergunta?", lambda materials, config: [row], grid(dropout=[0.0, 0.5], seed=[3]))
    monkeypatch.setitem(EXPERIMENTS, "small", small)
    assert main(["experiment", "small", *source]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["dropout", "phase", "divisão"]
    assert [line.split() for line in lines] == [[dropout, "2", "3", "0,5000", "0,7500", "0,2500"]
                                                for dropout in ("0.0", "0.5")]
    assert (isolated / "models" / "results" / "small.json").exists()


def test_all_experiments_go_on_where_they_stopped(source, isolated, capsys, monkeypatch):
    done = []

    def measure(materials, config, which):
        if len(done) == 2:
            done.append("stopped")
            raise KeyboardInterrupt
        done.append((which, config.seed))
        return [{"test_accuracy": 0.5}]

    for name in list(EXPERIMENTS):
        monkeypatch.delitem(EXPERIMENTS, name)
    for which in ("one", "two"):
        monkeypatch.setitem(EXPERIMENTS, which, Experiment("?", measure, grid(which=[which], seed=[0, 1])))
    assert main(["experiment", "todos", *source, "--json"]) == 130
    assert main(["experiment", "todos", *source, "--json"]) == 0
    assert done == [("one", 0), ("one", 1), "stopped", ("two", 0), ("two", 1)]
    out = json.loads(capsys.readouterr().out)
    assert {name: [row["split"] for row in rows] for name, rows in out.items()} == {"one": [0, 1], "two": [0, 1]}
    assert main(["experiment", "todos", *source]) == 0
    assert capsys.readouterr().out.count("0,5000") == 4


@pytest.mark.slow
def test_evaluate_repeats_the_runs_numbers(photo_folder, trained_here, capfd, monkeypatch):
    source = ["--data", str(photo_folder)]
    assert main(["evaluate", *source, "--json"]) == 0
    result = json.loads(capfd.readouterr().out)
    for phase in ("phase1", "phase2"):
        assert result[phase]["test"]["confusion"] == trained_here.record[phase]["test"]["confusion"]
    monkeypatch.setattr(pipeline, "evaluate_checkpoints", lambda materials: result)
    assert main(["evaluate", *source]) == 0
    assert "Validação, fase 1" in capfd.readouterr().out


def test_predict_text(trained_here, photo_folder, capsys):
    path = photo_folder / "cats" / "000.jpg"
    assert main(["predict", str(path)]) == 0
    line, = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{re.escape(str(path))}: (gato|cachorro) \(\d+,\d%\)", line)


def test_predict_both_phases_side_by_side(trained_here, tmp_path, capsys):
    folder = tiny_photos(tmp_path / "photos", count=3)
    assert main(["predict", str(folder / "cats"), "--phase", "both"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all("fase 1: " in line and " | fase 2: " in line for line in lines)


def test_predict_json(trained_here, capfd):
    names = list(trained_here.record["phase1"]["probabilities"]["test"])[:2]
    paths = [str(trained_here.materials.photos.folder / name) for name in names]
    assert main(["predict", *paths, "--json", "--phase", "1"]) == 0
    rows = json.loads(capfd.readouterr().out)
    for row, path, name in zip(rows, paths, names, strict=True):
        answer = row["answers"]["fase 1"]
        assert row["photo"] == path and answer["class"] in ("cats", "dogs")
        assert answer["probabilities"]["dogs"] == pytest.approx(
            trained_here.record["phase1"]["probabilities"]["test"][name], abs=1e-4)


@pytest.mark.skipif(not litert.is_installed(), reason="ai-edge-litert is not installed")
@pytest.mark.parametrize("arguments", [["predict", str(sample_photo())], ["--help"]], ids=["predict", "help"])
def test_what_needs_no_training_imports_no_heavy_package(trained_here, isolated, arguments):
    Classifier(isolated / "models" / PHASE2_CHECKPOINT)  # the first use, which converts the model
    command = [sys.executable, "-X", "importtime", "-m", "catsdogs", *arguments]
    lines = subprocess.run(command, capture_output=True, text=True).stderr.splitlines()
    imported = {line.split("|")[-1].strip().split(".")[0] for line in lines if line.startswith("import time:")}
    assert "catsdogs" in imported and ("ai_edge_litert" in imported) == ("predict" in arguments)
    assert not imported & {"tensorflow", "keras", "sklearn", "scipy", "matplotlib", "h5py", "requests"}


def test_predict_with_another_checkpoint(trained_here, photo_folder, isolated, tmp_path, capsys):
    shutil.move(isolated / "models" / PHASE1_CHECKPOINT, tmp_path / "meu.keras")
    photo = str(photo_folder / "dogs" / "001.jpg")
    assert main(["predict", photo, "--checkpoint", str(tmp_path / "meu.keras"), "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)[0]["answers"]) == ["meu.keras"]


@pytest.mark.parametrize("as_json", [False, True])
def test_bad_photo_gives_1_after_answering_for_the_others(trained_here, photo_folder, tmp_path, capsys, as_json):
    (tmp_path / "bad.jpg").write_text("text")
    good = str(photo_folder / "cats" / "000.jpg")
    assert main(["predict", str(tmp_path / "bad.jpg"), good, *(["--json"] if as_json else [])]) == 1
    captured = capsys.readouterr()
    if as_json:
        bad, fine = json.loads(captured.out)
        assert "bad.jpg" in assert_sentence(bad["error"]) and "answers" in fine
    else:
        assert good in captured.out and "bad.jpg" in captured.err and "bad.jpg" not in captured.out


def test_info_json(source, trained_here, capfd, photo_folder):
    assert main(["info", *source, "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert facts["photos"]["count"] == 48 and facts["photos"]["classes"] == ["cats", "dogs"]
    assert facts["backbone"]["trunk"] == trained_here.record["trunk"] and set(facts["checkpoints"]) == {"1", "2"}
    assert facts["cache_bytes"] > 48 * 3 * 3 * 160 * 4 and facts["versions"]["keras"]


def test_info_text(source, capsys, isolated):
    assert main(["info", *source]) == 0
    out = capsys.readouterr().out
    assert "48 de cats e dogs" in out and str(isolated / "models") in out and "CPU" in out


def test_left_out_files_are_told(tmp_path, weights_file, photo_folder, isolated, capsys, monkeypatch):
    folder = shutil.copytree(photo_folder, tmp_path / "photos")
    (folder / "cats" / "bad.jpg").touch()
    monkeypatch.setattr(pipeline, "activations", lambda *_: None)
    monkeypatch.setattr(pipeline, "train", lambda *_, **__: {})
    monkeypatch.setattr("catsdogs.cli.training.print_scores", lambda *_: None)
    assert main(["train", "--data", str(folder), "--weights", str(weights_file), *TINY]) == 0
    err = capsys.readouterr().err
    assert "1 arquivo(s) deixado(s) de fora" in err and "cats/bad.jpg: bad.jpg está vazio" in err


# Wrong usage

@pytest.mark.parametrize("arguments", [
    [], ["voar"], ["predict"], ["train", "--epochs"], ["train", "--epochs", "muitas"],
    ["predict", "a.jpg", "--phase", "3"], ["info", "--cor", "azul"], ["info", "sobra"], ["info", "--json=x"],
    ["predict", "a.jpg", "--checkpoint"], ["train", "--se", "x"]], ids=" ".join)
def test_wrong_usage_gives_2_in_portuguese(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    captured = capsys.readouterr()
    assert stop.value.code == 2 and not captured.out
    assert captured.err.startswith("uso: catsdogs") and "erro: " in captured.err
    assert not ENGLISH.search(captured.err), captured.err


@pytest.mark.parametrize("command", ["", "train", "evaluate", "verify", "predict", "info", "check", "new", "report",
                                     "check-delivery", "assignment", "grade", "offline", "page"])
def test_help_is_in_portuguese(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    captured = capsys.readouterr()
    assert stop.value.code == 0 and not captured.err and captured.out.startswith("uso: catsdogs")
    assert not ENGLISH.search(captured.out), captured.out
    for option in re.findall(r"^  (-[^ ]+.*)$", captured.out, re.MULTILINE):
        assert re.search(r"  \S", option) or len(option) > 20  # each one says what it does


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and re.fullmatch(r"catsdogs \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("options", [
    ["--epochs", "0"], ["--fine-tune-epochs", "0"], ["--batch-size", "-4"], ["--unfrozen-layers", "0"],
    ["--seed", "-1"], ["--seed", "5000000000"], ["--image-size", "31"], ["--image-size", "4100"],
    ["--batch-size", "1" + 30 * "0"]], ids=" ".join)
def test_impossible_numbers_give_1_and_one_sentence(options, capsys):
    assert main(["train", *options]) == 1
    told = error_sentence(capsys)
    assert options[0] in told and options[1] in told


def test_the_largest_seed_trains(source, trained, monkeypatch):
    monkeypatch.setattr(pipeline, "train", lambda *_, **__: trained.record)
    assert main(["train", *source, *TINY, "--seed", str(2**32 - 1)]) == 0


def test_an_impossible_size_to_extract_gives_1_and_one_sentence(capsys):
    assert main(["extract", "--image-size", "4100"]) == 1
    assert "--image-size" in error_sentence(capsys)


def test_more_layers_than_the_network_has_give_1_and_one_sentence(source, capsys):
    assert main(["train", *source, "--unfrozen-layers", "500"]) == 1
    assert "500" in assert_sentence(capsys.readouterr().err.strip().splitlines()[-1])


@pytest.mark.parametrize("arguments", [
    ["predict", "nada.jpg"], ["evaluate"], ["predict", "nada.jpg", "--checkpoint", "nada.keras"],
    ["train", "--data", "nada"], ["info", "--data", "nada.zip"]], ids=" ".join)
def test_missing_things_give_1_and_one_sentence(arguments, capsys):
    assert main(arguments) == 1
    error_sentence(capsys)


def test_ctrl_c_gives_130_and_one_line(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "prepare", interrupt)
    assert main(["train"]) == 130
    captured = capsys.readouterr()
    assert not captured.out
    line, = captured.err.strip().splitlines()
    assert "interrompido" in assert_sentence(line)


def test_a_reader_who_leaves_early_gets_no_complaint(trained_here):
    """As with ``catsdogs predict FOLDER | head -1``."""
    command = [sys.executable, "-m", "catsdogs", "predict", *[str(sample_photo())] * 3]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 1


def test_a_disk_problem_is_one_sentence(monkeypatch, capsys):
    def fail(options):
        raise PermissionError(13, "Permission denied", "/algum/lugar")

    monkeypatch.setattr("catsdogs.cli.photos.run_info", fail)
    assert main(["info"]) == 1
    message = capsys.readouterr().err.strip()
    assert "/algum/lugar" in message and "\n" not in message
