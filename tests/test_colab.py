"""Notebooks as Colab runs them: a Python with TensorFlow but without our package, which the first cell installs where
the notebook needs it.

An environment of links to packages of this one stands for Colab's, a stub for its module ``google.colab``, and a
snapshot of the working tree for the repository on GitHub. ``CATSDOGS_COLAB=all`` runs every notebook, not just a few.
``CATSDOGS_COLAB=runtime`` runs every notebook in the Python that runs the tests, which is then Colab's own.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import nbformat
import pytest
from helpers import missing
from kept import kept
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from catsdogs.classroom.offline import pinned

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parent.parent
# As it is before the tests' isolation hides the proxies, without which some machines reach no registry.
ENVIRONMENT = dict(os.environ)
SETTING = ENVIRONMENT.get("CATSDOGS_COLAB", "")
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))
WHOLE_GAME = "transfer-learning_cats-vs-dogs"
FEW = (WHOLE_GAME, "bastidores")
CHOSEN = [path for path in NOTEBOOKS if SETTING or path.stem in FEW]
# What Colab has among all that the notebooks use, and what executes a notebook.
PREINSTALLED = ("tensorflow", "numpy", "matplotlib", "scikit-learn", "ipykernel", "nbclient", "pip")
# The package google-colab demands this one, which is years older than the one pinned for the book.
IPYTHON = "ipython==7.34.0"

# What IPython runs before the first cell.
STARTUP = """
import sys, types
try:
    import google.colab
except ImportError:
    sys.modules["google.colab"] = types.ModuleType("google.colab")
"""
# For the kernel alone: Git and pip, which the first cell calls, are processes of their own.
NO_NETWORK = """
import socket
connect = socket.socket.connect

def connect_locally(self, address):
    if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "localhost", "::1")):
        raise OSError(f"a test tried to reach {address}")
    return connect(self, address)

socket.socket.connect = connect_locally
"""


def run(*command, **options):
    """Run a command; what it printed, or a failed test that shows it."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
    return done.stdout


def installed(python):
    """Name → version of every installed package; of two with one name, the one that is imported."""
    code = "import json; from importlib.metadata import distributions as all; " \
           "print(json.dumps({found.name: found.version for found in reversed([*all()])}))"
    return json.loads(run(python, "-I", "-c", code, env=ENVIRONMENT))  # without the current folder


def needed_for(names):
    """The distributions installed here that these need, themselves included."""
    found, wanted = {}, [Requirement(name) for name in names]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if needed and name not in {*found, "ipython"}:
            found[name] = distribution(name)
            wanted += map(Requirement, found[name].requires or [])
    return found


def gather(folder):
    """Links to all that is here and in Colab, and the IPython that is not."""
    here, old = folder / "here", folder / "old"
    here.mkdir()
    for each in needed_for(PREINSTALLED).values():
        for top in {path.parts[0] for path in each.files} - {"..", "__pycache__"}:
            if not (here / top).exists():  # several packages may share a folder
                (here / top).symlink_to(each.locate_file(top))
    pins = pinned((ROOT / "requirements.txt").read_text(encoding="utf-8")).splitlines()
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pin for pin in pins if not pin.startswith("ipython==")), encoding="utf-8")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", old,
        "--constraint", constraints, IPYTHON, env=ENVIRONMENT)


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """The interpreter of an environment that has what Colab has."""
    if SETTING == "runtime":
        return Path(sys.executable)
    folder = tmp_path_factory.mktemp("colab") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    try:
        gathered = kept("colab", gather)
    except (OSError, AssertionError) as error:
        missing(f"The package registry is out of reach, or this system has no links. {str(error)[-500:]}")
    # Not among the environment's own packages, where pip would write through the links.
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(site) / "colab.pth").write_text(f"{gathered / 'old'}\n{gathered / 'here'}\n", encoding="utf-8")
    return python


@contextlib.contextmanager
def as_colab_hands_it_over(python):
    """The environment's packages; what a notebook installs is removed afterwards."""
    packages = installed(python)
    assert "catsdogs" not in packages
    yield packages
    if new := set(installed(python)) - set(packages):
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", *sorted(new), env=ENVIRONMENT)


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """A Git repository with the working tree as it is, committed or not."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        missing("The tests do not run from a Git repository.")
    folder = tmp_path_factory.mktemp("repository")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    run("git", "init", "--quiet", cwd=folder)
    run("git", "add", "--all", cwd=folder)
    run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "t", cwd=folder)
    return folder


def environment(folder, address, repository):
    """Variables under which Git finds the snapshot and the notebook finds nothing that this machine keeps."""
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    # Colab has a network, and there the notebooks may use it.
    (startup / "00.py").write_text(STARTUP if SETTING == "runtime" else STARTUP + NO_NETWORK, encoding="utf-8")
    kept = {name: value for name, value in ENVIRONMENT.items()
            if not name.startswith(("CATSDOGS_", "COV_", "GIT_")) and name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, "IPYTHONDIR": str(folder / "ipython"), "KERAS_HOME": str(folder / "keras"),
            "CATSDOGS_CACHE": str(folder / "cache"), "CATSDOGS_QUICK": "1", "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf", "GIT_CONFIG_VALUE_0": address}


@pytest.mark.parametrize("path", CHOSEN, ids=[path.stem for path in CHOSEN])
def test_runs_in_colab_and_changes_nothing_it_has(path, tmp_path, request, repository):
    """Executed once for a working tree, however often it is tested."""
    def execute(folder):
        python = request.getfixturevalue("python")
        with as_colab_hands_it_over(python) as packages:
            run_notebook(path, tmp_path, python, repository)
            (folder / "packages.json").write_text(json.dumps([packages, installed(python)]), encoding="utf-8")

    tree = run("git", "rev-parse", "HEAD^{tree}", cwd=repository)
    folder = kept(f"colab-{path.stem}", execute, tree + SETTING)
    packages, after = json.loads((folder / "packages.json").read_text(encoding="utf-8"))
    assert ("catsdogs" in after) == (path.stem != WHOLE_GAME)
    assert {name: after.get(name) for name in packages} == packages


def run_notebook(path, tmp_path, python, repository):
    """Execute a notebook from a folder that stands for Colab's, with an empty cache."""
    content = tmp_path / "content"
    content.mkdir()
    notebook, address = nbformat.read(path, as_version=4), ""
    if path.stem == WHOLE_GAME:  # what it would download
        run(sys.executable, ROOT / "book" / "keras_home.py", tmp_path / "keras", env=ENVIRONMENT)
    else:
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        address = re.search(r'^REPOSITORIO = "(.+)"$', first.source, re.MULTILINE)[1]
        first.source = first.source.replace("/content/", f"{content.as_posix()}/")
    nbformat.write(notebook, content / path.name)
    run(python, "-c", "from nbclient.cli import main; main()", "--timeout=1200", path.name,
        cwd=content, env=environment(tmp_path, address, repository))
