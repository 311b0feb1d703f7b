"""Experiments: what a run measures, and that no run is done twice."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from catsdogs import Config
from catsdogs.study import experiments
from catsdogs.study.experiments import EXPERIMENTS, Experiment, grid, plan_of, run_experiment
from catsdogs.study.results import load_results

MEASURES = [{"phase": 1, "test_accuracy": 0.5}, {"phase": 2, "test_accuracy": 0.75}]


@pytest.fixture
def runs(monkeypatch):
    """Two settings, and a list of the seeds that were really run."""
    done = []

    def measure(materials, config, recipe):
        if config.seed in stop_at:
            raise KeyboardInterrupt
        done.append(config.seed)
        return MEASURES

    stop_at = set()
    small = Experiment("?", measure, grid(seed=[1, 2], recipe=["desafio"]))
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"small": small})
    return SimpleNamespace(done=done, stop_at=stop_at)


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
    assert runs.done == [1, 2]


def test_a_stopped_experiment_goes_on_where_it_stopped(trained, runs):
    runs.stop_at.add(2)
    with pytest.raises(KeyboardInterrupt):
        run_experiment("small", trained.materials)
    assert [row["split"] for row in load_results("small")] == [1, 1]
    runs.stop_at.clear()
    assert len(run_experiment("small", trained.materials)) == 4 and runs.done == [1, 2]


@pytest.mark.parametrize("change", ["trunk", "settings"])
def test_rows_of_other_runs_are_made_anew(trained, runs, change):
    run_experiment("small", trained.materials)
    if change == "trunk":
        other = replace(trained.materials, backbone=replace(trained.materials.backbone, fingerprint="f" * 64))
    else:
        other = replace(trained.materials, config=replace(trained.materials.config, dropout=0.5))
    run_experiment("small", other)
    assert runs.done == [1, 2, 1, 2]


def test_a_grid_is_every_combination():
    assert grid(a=[1, 2], b=["x", "y"]) == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"},
                                            {"a": 2, "b": "y"}]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_recorded_results_are_those_of_their_settings(name, trained):
    """Every run that the experiment asks for is in the book's file, and no other."""
    rows = load_results(name)
    first = rows[0]
    assert first["photos"] == 3000 and first["backbone"] and first["data"] and first["versions"]["keras"]
    assert {(row["trunk"], row["photos"], row["backbone"], row["data"]) for row in rows} == {
        (first["trunk"], 3000, first["backbone"], first["data"])}
    materials = replace(trained.materials, config=Config())
    wanted = []
    for setting in EXPERIMENTS[name].settings:
        plan = plan_of(setting, materials)
        plan = {key: plan[key] for key in plan if key not in ("trunk", "photos")}
        matching = [row for row in rows if plan.items() <= row.items()]
        assert matching, f"{setting} was not run"
        wanted += matching
    assert len(wanted) == len(rows)
