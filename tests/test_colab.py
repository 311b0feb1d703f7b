"""Notebooks as Colab runs them: a Python with TensorFlow but without our package, which the first cell installs.

A fresh environment stands for Colab's, a stub for its module ``google.colab``, and a snapshot of the working tree for
the repository on GitHub. ``CATSDOGS_COLAB=all`` runs every notebook instead of two; ``CATSDOGS_COLAB=runtime`` runs
every notebook in the Python that runs the tests, which is then Colab's own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from helpers import missing

ROOT = Path(__file__).resolve().parent.parent
SETTING = os.environ.get("CATSDOGS_COLAB", "")
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))
CHOSEN = [path for path in NOTEBOOKS if SETTING or path.stem in ("predicao", "transfer-learning_cats-vs-dogs")]
# What Colab has among all that the notebooks use, and what executes a notebook.
PREINSTALLED = ("tensorflow", "numpy", "matplotlib", "scikit-learn", "ipykernel", "nbclient")


def run(*command, **options):
    """Run a command; what it printed, or a failed test that shows it."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def colab_python(tmp_path_factory):
    """The interpreter of an environment that has what Colab has."""
    if SETTING == "runtime":
        return Path(sys.executable)
    folder = tmp_path_factory.mktemp("colab") / "venv"
    run(sys.executable, "-m", "venv", folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--constraint",
                           str(ROOT / "requirements.txt"), *PREINSTALLED], capture_output=True, text=True)
    if done.returncode:
        missing(f"the packages that Colab has could not be installed: {done.stderr[-300:]}")
    return python


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """A Git repository with the working tree as it is, saved or not."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        missing("the working tree is no Git repository")
    folder = tmp_path_factory.mktemp("repository")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    run("git", "init", "--quiet", folder)
    run("git", "add", "--all", cwd=folder)
    run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "t", cwd=folder)
    return folder


def installed(python):
    """Name → version of every installed package."""
    listed = run(python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
    return {package["name"]: package["version"] for package in json.loads(listed)}


def colab_environment(folder, repository, address):
    """Variables under which Git finds the snapshot and IPython the stub, and no package of ours lies around."""
    stub = folder / "stub" / "google" / "colab"
    stub.mkdir(parents=True)
    (stub / "__init__.py").touch()
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("import google.colab\n")
    cleaned = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
               and not name.startswith(("CATSDOGS_", "COV_"))}
    return {**cleaned, "PYTHONPATH": "" if SETTING == "runtime" else str(folder / "stub"),
            "IPYTHONDIR": str(folder / "ipython"), "CATSDOGS_QUICK": "1", "CATSDOGS_CACHE": str(folder / "cache"),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": address}


@pytest.mark.parametrize("path", CHOSEN, ids=[path.stem for path in CHOSEN])
def test_runs_in_colab_and_changes_nothing_it_has(path, tmp_path, colab_python, repository):
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    address = re.search(r'REPOSITORIO = "(.+)"', first.source)[1]
    first.source = first.source.replace("/content/", f"{tmp_path}/")
    nbformat.write(notebook, tmp_path / path.name)
    before = installed(colab_python)
    assert "catsdogs" not in before
    try:
        environment = colab_environment(tmp_path, repository, address)
        run(colab_python, "-c", "from nbclient.cli import main; main()", "--timeout=1200", path.name,
            cwd=tmp_path, env=environment)
        after = installed(colab_python)
        assert "catsdogs" in after
        assert {name: after.get(name) for name in before} == before
    finally:
        new = set(installed(colab_python)) - set(before)
        if new:
            run(colab_python, "-m", "pip", "uninstall", "--quiet", "--yes", *sorted(new))
