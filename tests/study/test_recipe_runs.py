"""Whole recipes: the same as ``train``, and the better one from all views of each photo."""

import pytest
from helpers import MEASURED

from catsdogs.config import BetterConfig
from catsdogs.study.recipe_runs import ingredient_run, recipe_run


@pytest.mark.slow
def test_a_run_measures_what_train_measures_and_leaves_the_materials_alone(trained):
    before = trained.materials.backbone.base.get_weights()
    for number, row in enumerate(recipe_run(trained.materials, trained.materials.config, "desafio"), start=1):
        recorded = trained.record[f"phase{number}"]
        assert row["phase"] == number and row["epochs"] == len(recorded["history"]["loss"])
        for part in ("validation", "test"):
            assert row[f"{part}_accuracy"] == recorded[part]["accuracy"]
            assert row[f"{part}_loss"] == pytest.approx(recorded[part]["loss"], rel=1e-5)
    after = trained.materials.backbone.base.get_weights()
    assert all((one == two).all() for one, two in zip(before, after, strict=True))


@pytest.mark.slow
def test_the_better_recipe_answers_from_all_views(trained, monkeypatch):
    monkeypatch.setenv("CATSDOGS_CACHE", str(trained.cache))
    config = BetterConfig(image_size=64, head_epochs=1, fine_tune_epochs=1, seed=3, unfrozen_layers=3)
    row, = recipe_run(trained.materials, config, "melhor")
    assert row["views"] == 4 and MEASURED | {"phase", "views", "epochs", "seconds"} == set(row)
    assert ingredient_run(trained.materials, config, "receita")[0]["test_loss"] == row["test_loss"]
