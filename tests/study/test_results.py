"""Recorded rows: where they are read, and their values by factor."""

import subprocess
import sys

import pytest
from helpers import assert_sentence

from catsdogs.config import RECIPES
from catsdogs.errors import CatsdogsError
from catsdogs.study.results import by_factor, load_results


def test_values_come_by_factor_in_the_order_of_the_splits():
    rows = [{"split": 1, "config": {"dropout": 0.3}, "pooling": "gap", "loss": 4.0},
            {"split": 0, "config": {"dropout": 0.3}, "pooling": "gap", "loss": 3.0},
            {"split": 0, "config": {"dropout": 0.0}, "pooling": "flatten", "loss": 2.0}]
    assert by_factor(rows, "dropout", "loss") == {0.3: [3.0, 4.0], 0.0: [2.0]}
    assert by_factor(rows, "pooling", "loss") == {"gap": [3.0, 4.0], "flatten": [2.0]}


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


def test_rows_are_read_without_tensorflow():
    code = "import sys; from catsdogs.study.results import load_results; load_results('dropout'); " \
           "sys.exit(bool({'tensorflow', 'keras'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
