"""The real pages, executed in two orders: that of the rehearsal, and another one."""

import io
import json
import os
import re
import shutil

import execution
import pytest
from kept import kept

pytestmark = pytest.mark.long
# A number of seconds, as `fit` and progress bars tell it, and a name that `tempfile` made up.
CHANGING = re.compile(r"\d+([.,]\d+)?\s?(ms|s)\b(/\w+)?|\btmp\w{8}\b")


def told(notebook) -> list:
    """What a page shows, cell by cell, without what no two executions share."""
    shown = []
    for cell in notebook.cells:
        parts = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
        # A kernel may send what is printed in one piece or in several, which the page joins.
        shown.append("".join(output.get("text", "") for output in parts))
        shown += [json.dumps({key: output[key] for key in ("data", "metadata")}, sort_keys=True)
                  for output in parts if "data" in output]
    return [CHANGING.sub("", text) for text in shown]


def test_real_pages_give_the_same_in_another_order(site):
    """Those that save checkpoints, and one of those that read them; all of them with ``CATSDOGS_ORDER=all``."""
    few = {f"book/pratica/{name}" for name in ("fase-1", "fase-2", "avaliacao")}
    pages = execution.read_pages(quick=True)
    chosen = [page for page in pages if os.environ.get("CATSDOGS_ORDER") == "all" or page.name in few]
    others = {name: value for name, value in os.environ.items() if name not in execution.THREADS}
    environment = {**others, "CATSDOGS_QUICK": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

    def execute(folder):
        there = {**environment, "CATSDOGS_CACHE": str(folder / "cache"), "CATSDOGS_MODELS": str(folder / "models")}
        with open(folder / "log", "w", encoding="utf-8") as log:
            assert execution.execute(folder, there, log, io.StringIO().write, lambda stale: [
                page for page in stale[::-1] if page.name in {each.name for each in chosen}]) == {}
        shutil.rmtree(folder / "cache")

    environment["CATSDOGS_MODELS"] = str(site.parent / "models")
    keys = [execution.Results(site.parent, environment, pages).key(page) for page in chosen]
    executor = [path.read_bytes() for path in sorted((execution.ROOT / "book").rglob("*.py"))]
    folder = kept("other_order", execute, repr((keys, executor)))
    first, second = (execution.Results(each, environment, pages).cache for each in (site.parent, folder))
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
