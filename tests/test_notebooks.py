"""Every chapter is a clean notebook that runs alone, in a fresh kernel, and reads well in Colab."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]
# Colab shows MyST directives and roles as raw text.
MYST = re.compile(r"^(:::|```\{)|\{[a-z:-]+\}`", re.MULTILINE)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path):
    return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 7


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_is_valid_and_stripped(path):
    nbformat.validate(read(path))
    for cell in code_cells(path):
        assert cell.execution_count is None
        assert cell.outputs == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_first_code_cell_installs_in_colab_only(path):
    first = code_cells(path)[0].source
    assert 'if "google.colab" in sys.modules:' in first
    assert first == code_cells(NOTEBOOKS[0])[0].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_prose_is_plain_markdown(path):
    assert not MYST.search(prose(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_opens_with_goal_and_time_and_closes_with_summary_and_exercises(path):
    text = prose(path)
    parts = ("# ", "**Objetivo.**", "**Tempo.**", "## Resumo", "## Exercícios")
    positions = [text.find(part) for part in parts]
    assert -1 not in positions
    assert positions == sorted(positions)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_questions_explain_every_answer(path):
    section = prose(path).partition("## Confira se entendeu")[2].partition("## Exercícios")[0]
    questions = re.split(r"^\*\*\d\. .+\?\*\*$|^\*\*\d\. .+\.\.\.\*\*$", section, flags=re.MULTILINE)[1:]
    assert len(questions) >= 2
    for question in questions:
        options, answers = question.split("<details>")
        assert answers.rstrip().endswith("</details>")
        letters = re.findall(r"^- \*\*([a-z])\)\*\* ", options, re.MULTILINE)
        explained = re.findall(r"^- \*\*([a-z])\)\*\* (Sim|Não): .{8,}", answers, re.MULTILINE)
        assert letters == [letter for letter, _ in explained] and len(letters) >= 3
        assert [verdict for _, verdict in explained].count("Sim") == 1


def exercises(path):
    """The text of each exercise of a chapter, with its hint and its solution."""
    section = prose(path).partition("## Exercícios")[2].partition("**Próximo capítulo:**")[0]
    return re.split(r"^\*\*(?=\d+\.\*\* )", section, flags=re.MULTILINE)[1:]


def solutions(path):
    """The code of every solution, in order."""
    return [code for text in exercises(path)
            for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_exercises_have_a_hint_and_a_solution(path):
    texts = exercises(path)
    assert [text.partition(".")[0] for text in texts] == [str(number) for number in range(1, len(texts) + 1)]
    assert 3 <= len(texts) <= 5
    for text in texts:
        assert re.findall(r"^<summary>(.*)</summary>$", text, re.MULTILINE) == ["Dica", "Solução"], text
        assert text.count("<details>") == text.count("</details>") == 2
    assert len(solutions(path)) >= 2
    assert all(len(line) <= 79 for code in solutions(path) for line in code.splitlines())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_runs_alone_with_its_solutions(path, tmp_path):
    notebook = read(path)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in solutions(path)]
    path = tmp_path / path.name
    nbformat.write(notebook, path)
    environment = {**os.environ, "CATSDOGS_QUICK": "1", "CATSDOGS_MODELS": str(tmp_path / "models")}
    done = subprocess.run([sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-cell-timeout=600", "-x",
                           "-p", "no:cacheprovider", str(path)],
                          cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    assert f"{len(code_cells(path))} passed" in done.stdout
