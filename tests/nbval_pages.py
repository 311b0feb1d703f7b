"""``make notebooks``: every chapter runs alone, in a fresh kernel, with the solutions of its exercises, under nbval.

Not part of ``make test``, which runs the same cells when it builds the site, one chapter after the other.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from book_solutions import add_solutions

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_runs_alone_with_its_solutions(path, tmp_path):
    notebook = add_solutions(nbformat.read(path, as_version=4))
    path = tmp_path / path.name
    nbformat.write(notebook, path)
    environment = {**os.environ, "CATSDOGS_QUICK": "1", "CATSDOGS_MODELS": str(tmp_path / "models"),
                   "KERAS_HOME": str(tmp_path / "keras")}
    if path.stem == "transfer-learning_cats-vs-dogs":
        subprocess.run([sys.executable, ROOT / "book" / "keras_home.py", tmp_path / "keras"], check=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-cell-timeout=600", "-x",
                           "-p", "no:cacheprovider", str(path)],
                          cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    assert f"{sum(cell.cell_type == 'code' for cell in notebook.cells)} passed" in done.stdout
