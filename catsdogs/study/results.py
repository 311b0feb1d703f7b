"""The rows that experiments recorded, read without TensorFlow."""

from collections.abc import Sequence
from pathlib import Path

from catsdogs.config import book_dir, results_dir
from catsdogs.errors import CatsdogsError
from catsdogs.files import read_json


def load_results(name: str) -> list[dict]:
    """The rows of an experiment, one per trained model: this machine's, else the book's.

    Raises:
        CatsdogsError: it was never run.
    """
    for path in (results_path(name), book_dir() / "results" / f"{name}.json"):
        if path.exists():
            return read_json(path)
    raise CatsdogsError(f"Ainda não há resultados de {name}: rode `catsdogs experiment {name}`.")


def results_path(name: str) -> Path:
    """Where this machine keeps an experiment's rows."""
    return results_dir() / f"{name}.json"


def by_factor(rows: Sequence[dict], factor: str, measure: str) -> dict[object, list[float]]:
    """A measure's values for each value of a factor or ``Config`` field, in the order of the splits.

    That order is the same for every value, so that two of them can be compared in pairs.
    """
    values = {}
    for row in sorted(rows, key=lambda row: row["split"]):
        values.setdefault(factor_value(row, factor), []).append(row[measure])
    return values


def factor_value(row: dict, factor: str):
    """A row's value of a factor or ``Config`` field; None when it has neither."""
    return row.get(factor, row["config"].get(factor))
