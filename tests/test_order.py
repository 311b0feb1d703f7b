"""The real pages, executed in two orders: that of the rehearsal, and another one."""

import io
import json
import os
import re

import execution
import pytest

pytestmark = pytest.mark.slow
# A number of seconds, as `fit` and progress bars tell it, and a name that `tempfile` made up.
CHANGING = re.compile(r"\d+([.,]\d+)?\s?(ms|s)\b(/\w+)?|\btmp\w{8}\b")


def told(notebook) -> list:
    """What a page shows, without what no two executions share."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [CHANGING.sub("", json.dumps({key: output.get(key) for key in ("text", "data", "metadata")}, sort_keys=True))
            for output in outputs if output.get("name") != "stderr"]


def test_real_pages_give_the_same_in_another_order(site, tmp_path):
    """Those that save checkpoints, and one of those that read them; all of them with ``CATSDOGS_ORDER=all``."""
    few = {f"book/pratica/{name}" for name in ("fase-1", "fase-2", "avaliacao")}
    pages = execution.read_pages(quick=True)
    others = {name: value for name, value in os.environ.items() if name not in execution.THREADS}
    environment = {**others, "CATSDOGS_QUICK": "1", "CATSDOGS_CACHE": str(tmp_path / "cache"),
                   "TF_CPP_MIN_LOG_LEVEL": "3", "CATSDOGS_MODELS": str(tmp_path / "models")}

    def reversed_order(stale):
        return [page for page in stale[::-1] if os.environ.get("CATSDOGS_ORDER") == "all" or page.name in few]

    with open(tmp_path / "log", "w", encoding="utf-8") as log:
        assert execution.execute(tmp_path, environment, log, io.StringIO().write, reversed_order) == {}
    first, second = (execution.Results(folder, environment, pages).cache for folder in (site.parent, tmp_path))
    compared = 0
    for page in pages:
        try:
            _, again = second.merge_match_into_notebook(page.notebook)
        except KeyError:
            continue
        _, before = first.merge_match_into_notebook(page.notebook)
        if not page.has(execution.SHOWS_TIMES):
            assert told(again) == told(before), page.name
            compared += 1
    assert compared >= 3
