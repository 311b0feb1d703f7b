"""What ``make trials`` tried and how it went, kept for the book's page on reliability."""

from pathlib import Path

import pytest

from catsdogs.files import read_json, write_json
from catsdogs.storage.provenance import today, versions


class FaultRecord:
    """A pytest plugin that counts the trials of each test marked ``fault`` and writes them to a file at the end.

    A test counts as one trial, or as many as it tells with ``record_property("trials", n)``. Rows of
    faults that were not tried this time stay.
    """

    def __init__(self, path: Path):
        self.path = path
        self.faults: dict[str, tuple[str, str, str]] = {}
        self.counts: dict[tuple[str, str, str], list[int]] = {}

    def pytest_collection_modifyitems(self, items):
        """Note which fault each test causes."""
        for item in items:
            if mark := item.get_closest_marker("fault"):
                self.faults[item.nodeid] = mark.args

    def pytest_runtest_logreport(self, report: pytest.TestReport):
        """Count the trials of a test that ran, and those that failed."""
        if report.nodeid not in self.faults or report.skipped or (report.when != "call" and report.passed):
            return
        count = self.counts.setdefault(self.faults[report.nodeid], [0, 0])
        count[0] += dict(report.user_properties).get("trials", 1)
        count[1] += report.failed

    def pytest_sessionfinish(self):
        """Write one row per fault."""
        made = {"date": today(), "versions": versions()}
        rows = {(row["area"], row["fault"]): row for row in (read_json(self.path) if self.path.exists() else [])}
        for (area, fault, outcome), (trials, failures) in self.counts.items():
            rows[area, fault] = {"area": area, "fault": fault, "outcome": outcome, "trials": trials,
                                 "failures": failures, **made}
        write_json(self.path, [rows[key] for key in sorted(rows)])
