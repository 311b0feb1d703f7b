"""The record of what ``make trials`` tried: counted right, and complete."""

import ast
from pathlib import Path
from types import SimpleNamespace

from fault_record import FaultRecord

from catsdogs.files import read_json

TESTS = Path(__file__).resolve().parent
RECORD = TESTS.parent / "book" / "results" / "reliability.json"


def reported(name, outcome="passed", when="call", trials=None):
    return SimpleNamespace(nodeid=name, when=when, passed=outcome == "passed", failed=outcome == "failed",
                           skipped=outcome == "skipped", user_properties=[("trials", trials)] if trials else [])


def test_trials_and_failures_are_counted_and_older_rows_stay(tmp_path):
    for tests in (["a", "b", "c"], ["d"]):
        record = FaultRecord(tmp_path / "record.json")
        record.faults = {"a": ("A", "x", "o"), "b": ("A", "x", "o"), "c": ("B", "y", "o"), "d": ("A", "z", "o")}
        for name in tests:
            record.pytest_runtest_logreport(reported(name, when="setup"))
            record.pytest_runtest_logreport(reported(name, trials=40 if name == "b" else None))
            record.pytest_runtest_logreport(reported(name, when="teardown"))
        record.pytest_runtest_logreport(reported("c", "failed"))
        record.pytest_runtest_logreport(reported("c", "skipped"))
        record.pytest_runtest_logreport(reported("no fault"))
        record.pytest_sessionfinish()
    rows = {(row["area"], row["fault"]): (row["trials"], row["failures"]) for row in read_json(record.path)}
    assert rows == {("A", "x"): (41, 0), ("A", "z"): (1, 0), ("B", "y"): (1, 1)}
    assert all(row["versions"]["python"] and row["date"] for row in read_json(record.path))


def marked() -> dict[tuple[str, str], set]:
    """The faults that tests cause: (area, fault) → the outcomes told."""
    found = {}
    for path in TESTS.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)
                 and isinstance(node.targets[0], ast.Name)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                parts = [part for each in node.args for part in
                         (names[each.value.id].elts if isinstance(each, ast.Starred) else [each])]
                area, fault, outcome = (ast.literal_eval(names[each.id] if isinstance(each, ast.Name) else each)
                                        for each in parts)
                found.setdefault((area, fault), set()).add(outcome)
    return found


def test_every_fault_has_one_outcome():
    assert {key: outcomes for key, outcomes in marked().items() if len(outcomes) > 1} == {}


def test_the_book_tells_of_every_fault_that_is_tried_and_of_no_other():
    rows = {(row["area"], row["fault"]): row["outcome"] for row in read_json(RECORD)}
    assert rows == {key: outcomes.pop() for key, outcomes in marked().items()}
    assert all(row["trials"] > 0 and row["failures"] == 0 for row in read_json(RECORD))
