"""Experiments: what a run measures, and that no run is done twice."""

from dataclasses import replace

import pytest
from helpers import assert_sentence

from catsdogs import Config, experiments
from catsdogs.errors import CatsdogsError
from catsdogs.experiments import Experiment, load_results, run_experiment, run_once

MEASURES = [{"phase": 1, "test_accuracy": 0.5}, {"phase": 2, "test_accuracy": 0.75}]


@pytest.fixture
def runs(monkeypatch):
    """Two settings, and a list of the seeds that were really run."""
    done = []
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"small": Experiment("?", "desafio", [{"seed": 1}, {"seed": 2}])})
    monkeypatch.setattr(experiments, "run_once", lambda materials, config: done.append(config.seed) or MEASURES)
    return done


def test_a_run_measures_what_train_measures(trained):
    config = trained.materials.config
    for number, row in enumerate(run_once(trained.materials, config), start=1):
        recorded = trained.record[f"phase{number}"]
        assert row["phase"] == number and row["epochs"] == len(recorded["history"]["loss"])
        for part in ("validation", "test"):
            assert row[f"{part}_accuracy"] == recorded[part]["accuracy"]
            assert row[f"{part}_loss"] == pytest.approx(recorded[part]["loss"], rel=1e-5)


def test_a_run_leaves_the_materials_alone(trained):
    before = trained.materials.backbone.base.get_weights()
    run_once(trained.materials, replace(trained.materials.config, seed=9))
    after = trained.materials.backbone.base.get_weights()
    assert all((one == two).all() for one, two in zip(before, after, strict=True))


def test_rows_say_what_made_them(trained, runs):
    rows = run_experiment("small", trained.materials)
    assert [(row["split"], row["phase"], row["test_accuracy"]) for row in rows] == [
        (1, 1, 0.5), (1, 2, 0.75), (2, 1, 0.5), (2, 2, 0.75)]
    for row in rows:
        assert row["recipe"] == "desafio" and row["config"]["seed"] == row["split"]
        assert row["backbone"] and row["data"] and row["versions"]["keras"] and row["photos"] == 48
    assert load_results("small") == rows


def test_recorded_runs_are_not_done_again(trained, runs):
    first = run_experiment("small", trained.materials)
    assert run_experiment("small", trained.materials) == first
    assert runs == [1, 2]


def test_a_stopped_experiment_goes_on_where_it_stopped(trained, runs, monkeypatch):
    def stop_at_the_second(materials, config):
        if config.seed == 2:
            raise KeyboardInterrupt
        return MEASURES

    whole = experiments.run_once
    monkeypatch.setattr(experiments, "run_once", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run_experiment("small", trained.materials)
    assert [row["split"] for row in load_results("small")] == [1, 1]
    monkeypatch.setattr(experiments, "run_once", whole)
    assert len(run_experiment("small", trained.materials)) == 4 and runs == [2]


@pytest.mark.parametrize("change", ["trunk", "settings"])
def test_rows_of_other_runs_are_made_anew(trained, runs, change):
    run_experiment("small", trained.materials)
    if change == "trunk":
        other = replace(trained.materials, backbone=replace(trained.materials.backbone, fingerprint="f" * 64))
    else:
        other = replace(trained.materials, config=replace(trained.materials.config, dropout=0.5))
    run_experiment("small", other)
    assert runs == [1, 2, 1, 2]


def test_the_recorded_results_are_whole():
    """What the book shows: ten splits, both phases, the challenge's settings."""
    rows = load_results("repeated_runs")
    assert [(row["split"], row["phase"]) for row in rows] == [(split, phase) for split in range(10) for phase in (1, 2)]
    assert all(Config(**row["config"]) == Config(seed=row["split"]) and row["photos"] == 3000 for row in rows)
    assert all(row["test_accuracy"] == pytest.approx(1 - row["test_errors"] / 300) for row in rows)


def test_without_results_there_is_one_sentence(isolated):
    with pytest.raises(CatsdogsError) as caught:
        load_results("nunca_feito")
    assert_sentence(caught)
