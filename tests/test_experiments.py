"""Experiments: what a run measures, and that no run is done twice."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from helpers import assert_sentence

from catsdogs import Config, experiments
from catsdogs.config import RECIPES
from catsdogs.errors import CatsdogsError
from catsdogs.experiments import (
    EXPERIMENTS,
    Experiment,
    by_factor,
    grid,
    load_results,
    plan_of,
    run_experiment,
)

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


def test_values_come_by_factor_in_the_order_of_the_splits():
    rows = [{"split": 1, "config": {"dropout": 0.3}, "pooling": "gap", "loss": 4.0},
            {"split": 0, "config": {"dropout": 0.3}, "pooling": "gap", "loss": 3.0},
            {"split": 0, "config": {"dropout": 0.0}, "pooling": "flatten", "loss": 2.0}]
    assert by_factor(rows, "dropout", "loss") == {0.3: [3.0, 4.0], 0.0: [2.0]}
    assert by_factor(rows, "pooling", "loss") == {"gap": [3.0, 4.0], "flatten": [2.0]}


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


def test_the_recorded_splits_are_those_of_the_book():
    rows = load_results("repeated_runs")
    assert [(row["split"], row["phase"]) for row in rows if row["recipe"] == "desafio"] == [
        (split, phase) for split in range(10) for phase in (1, 2)]
    assert [row["split"] for row in rows if row["recipe"] == "melhor"] == list(range(10))
    assert all(RECIPES[row["recipe"]](**row["config"]) == RECIPES[row["recipe"]](seed=row["split"]) for row in rows)
    assert all(row["test_accuracy"] == pytest.approx(1 - row["test_errors"] / 300) for row in rows)


def test_without_results_there_is_one_sentence(isolated):
    with pytest.raises(CatsdogsError) as caught:
        load_results("nunca_feito")
    assert_sentence(caught)
