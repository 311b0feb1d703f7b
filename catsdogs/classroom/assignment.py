"""The assignment *Seu próprio classificador*: student version, solution and autograder, from one source.

otter-grader (https://otter-grader.readthedocs.io) does the splitting.
"""

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import nbformat

from catsdogs.errors import CatsdogsError

SOURCE = Path(__file__).resolve().parent / "tarefa" / "seu-proprio-classificador.ipynb"
AUTOGRADER_FILE = "autograder.zip"
STUDENT_FOLDER, SOLUTION_FOLDER = "aluno", "solucao"
# The tag of cells that otter-grader leaves out when it grades.
IGNORED_TAG = "otter_ignore"
ENGLISH_ANSWER = "_Type your answer here, replacing this text._"
ANSWER = "_Escreva aqui a sua resposta, no lugar deste texto._"
# One file is all a student needs, in Colab too, so the notebook itself brings the tests that the student may see.
CHECKS = """# Grava ao lado do notebook os testes que você pode ver, e prepara a conferência.
from pathlib import Path

import otter

TESTES = {tests}
Path("tests").mkdir(exist_ok=True)
for nome, texto in TESTES.items():
    Path("tests", nome).write_text(texto, encoding="utf-8")
grader = otter.Notebook()"""


def require_otter() -> None:
    """Raise a ``CatsdogsError`` that says what to install when otter-grader is missing."""
    if find_spec("otter") is None:
        raise CatsdogsError("Falta o otter-grader: instale-o com `pip install \"catsdogs[grade]\"`.")


def build_assignment(folder: Path, source: Path = SOURCE) -> None:
    """Write the student version, the solution and ``AUTOGRADER_FILE`` below ``folder``, in place of older ones.

    Args:
        source: a notebook in the format of ``otter assign``.

    Raises:
        CatsdogsError: otter-grader is not installed.
    """
    require_otter()
    from otter.assign import main as otter_assign

    with tempfile.TemporaryDirectory() as scratch:
        otter_assign(str(source), scratch, no_run_tests=True)
        made = Path(scratch)
        visible = {path.name: path.read_text(encoding="utf-8")
                   for path in sorted((made / "student" / "tests").glob("*.py"))}
        for version, name in (("student", STUDENT_FOLDER), ("autograder", SOLUTION_FOLDER)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            notebook = nbformat.read(made / version / source.name, as_version=4)
            nbformat.write(complete(notebook, visible), folder / name / source.name)
        archive, = (made / "autograder").glob("*.zip")
        shutil.copyfile(archive, folder / AUTOGRADER_FILE)


def complete(notebook: nbformat.NotebookNode, visible: dict[str, str]) -> nbformat.NotebookNode:
    """A version with the visible tests (file name → text) inside it, in Portuguese throughout."""
    for cell in notebook.cells:
        cell.source = cell.source.replace(ENGLISH_ANSWER, ANSWER)
    first = next(number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    tests = "{\n" + "".join(f"    {name!r}: {text!r},\n" for name, text in visible.items()) + "}"
    checks = nbformat.v4.new_code_cell(CHECKS.format(tests=tests), metadata={"tags": [IGNORED_TAG]})
    notebook.cells.insert(first + 1, checks)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"tarefa-{number:03}"  # otter-grader draws new ones each time
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return notebook
