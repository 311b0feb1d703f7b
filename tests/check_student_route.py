"""Walk the road of a student who takes only the whole game: ``python tests/check_student_route.py [PHOTOS]``.

The notebook's text alone goes into an empty folder and is executed there, without the package, on PHOTOS or on made
images. With README and requirements beside it, ``catsdogs check-delivery`` must find all that the challenge asks for.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "book" / "transfer-learning_cats-vs-dogs.ipynb"
# Stands in for the package wherever the notebook would import it.
NO_PACKAGE = 'raise ImportError("the whole game must run without the package")\n'


def main(photos: list[str]) -> int:
    """Return the exit code of ``check-delivery``; whatever fails before raises."""
    with tempfile.TemporaryDirectory() as folder:
        home, without, student = (Path(folder, name) for name in ("keras", "without", "student"))
        for path in (without, student):
            path.mkdir()
        subprocess.run([sys.executable, ROOT / "book" / "keras_home.py", home, *photos], check=True)
        (without / "catsdogs.py").write_text(NO_PACKAGE, encoding="utf-8")
        shutil.copy(NOTEBOOK, student)
        subprocess.run([sys.executable, "-m", "nbconvert", "--execute", "--inplace", "--to", "notebook",
                        student / NOTEBOOK.name], cwd=student, check=True,
                       env={**os.environ, "KERAS_HOME": str(home), "PYTHONPATH": str(without)})
        (student / "README.md").write_text("# Gatos ou cachorros\n\nO desafio Transfer Learning na Prática.\n",
                                           encoding="utf-8")
        (student / "requirements.txt").write_text("tensorflow\nmatplotlib\nscikit-learn\n", encoding="utf-8")
        return subprocess.run([sys.executable, "-c", "import sys; from catsdogs.cli import main; sys.exit(main())",
                               "check-delivery", student]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
