"""The package as a user installs it, away from the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import missing

from catsdogs.classroom.delivery import CHECKS
from catsdogs.config import PHASE2_CHECKPOINT
from catsdogs.engines.runtime import FILES

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
# As it is before the tests' isolation hides the proxies, without which some machines reach no registry.
ENVIRONMENT = dict(os.environ)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
                           "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode:
        missing(f"The package could not be built. {done.stderr[-500:]}")
    wheel, = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed, folder, *arguments):
    """A command of the installed package, run in ``folder``."""
    program = "import sys, catsdogs.cli as c; print(c.__file__, file=sys.stderr); sys.exit(c.main())"
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=folder, env=environment,
                          capture_output=True, text=True, encoding="utf-8")
    assert done.stderr.startswith(str(installed)), done.stderr
    return done


def test_the_students_tools_work_in_a_clean_folder(installed, tmp_path):
    started = run(installed, tmp_path, "new", "entrega")
    assert started.returncode == 0, started.stderr
    assert {"README.md", "treino.ipynb", ".gitignore", "LICENSE"} <= {path.name for path in
                                                                     (tmp_path / "entrega").iterdir()}
    checked = run(installed, tmp_path, "check-delivery", "entrega")
    assert checked.returncode == 1
    assert "falta  Checkpoints" in checked.stdout and f"de {len(CHECKS)} itens." in checked.stdout


def test_the_instructors_tool_works_in_a_clean_folder(installed, tmp_path):
    pytest.importorskip("otter", reason="otter-grader is not installed")
    made = run(installed, tmp_path, "assignment", "tarefa")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "tarefa" / "autograder.zip").is_file()


def test_a_page_can_be_made_in_a_clean_folder(installed, tmp_path):
    for name in FILES:
        (tmp_path / "litert" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "litert" / name).write_text(name)
    made = run(installed, tmp_path, "page", "pagina", "--runtime", "litert",
               "--checkpoint", str(ROOT / "models" / PHASE2_CHECKPOINT))
    assert made.returncode == 0, made.stderr
    assert {"index.html", "estilo.css", "classificador"} <= {path.name for path in (tmp_path / "pagina").iterdir()}
    assert "aprendeu com 2.400 fotos" in (tmp_path / "pagina" / "index.html").read_text(encoding="utf-8")
    with zipfile.ZipFile(next(installed.parent.glob("*.whl"))) as wheel:
        assert {f"catsdogs/engines/npm/{name}" for name in ("package.json", "package-lock.json")} <= {*wheel.namelist()}
