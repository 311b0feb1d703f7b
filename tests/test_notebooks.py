"""Every chapter is a clean notebook that reads well in Colab.

The build of the site, in ``test_site``, runs them; ``make notebooks`` runs each alone, with nbval.
"""

import re
from pathlib import Path

import nbformat
import pytest
from book_solutions import exercises, solutions

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]
# The one that readers copy alone.
WHOLE_GAME = ROOT / "book" / "transfer-learning_cats-vs-dogs.ipynb"
CHAPTERS = [path for path in NOTEBOOKS if path != WHOLE_GAME]
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


@pytest.mark.parametrize("path", CHAPTERS, ids=[path.stem for path in CHAPTERS])
def test_first_code_cell_installs_in_colab_only(path):
    first = code_cells(path)[0].source
    assert 'if "google.colab" in sys.modules:' in first
    assert first == code_cells(CHAPTERS[0])[0].source


def test_the_whole_game_is_short_and_names_nothing_of_ours():
    cells = [[line for line in cell.source.splitlines() if line.strip()] for cell in code_cells(WHOLE_GAME)]
    assert sum(map(len, cells)) < 120 and max(map(len, cells)) < 20
    assert all(len(line) < 80 for cell in cells for line in cell)
    assert "catsdogs" not in "\n".join(cell.source for cell in read(WHOLE_GAME).cells).casefold()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_no_code_is_hidden_but_colabs_and_none_is_long(path):
    cells = code_cells(path)[path in CHAPTERS:]
    assert not any(cell.metadata.get("tags") for cell in cells)
    assert max(len(cell.source.splitlines()) for cell in cells) <= 25


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


def minutes_of_reading(path):
    """150 words of prose a minute, 200 of what is folded, and 3.5 seconds a visible line of code."""
    text = re.sub(r"```.*?```|\]\([^)]*\)", "", prose(path), flags=re.DOTALL)
    folded = " ".join(re.findall(r"<details>.*?</details>", text, re.DOTALL))
    words, in_folds = (len(re.findall(r"\w[\w'-]*", re.sub(r"<[^>]*>", " ", part))) for part in (text, folded))
    lines = sum(bool(line.strip()) for cell in code_cells(path) if not cell.metadata.get("tags")
                for line in cell.source.splitlines())
    return (words - in_folds) / 150 + in_folds / 200 + 3.5 * lines / 60


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_the_time_to_read_is_as_told_and_no_page_takes_long(path):
    told, execution = re.search(r"\*\*Tempo\.\*\* Cerca de (\d+) minutos(?:, uns (\d+) deles de execução)?",
                                prose(path)).groups(default="0")
    reading = int(told) - int(execution)
    assert reading == pytest.approx(minutes_of_reading(path), abs=1) and reading <= 15


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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_exercises_have_a_hint_and_a_solution(path):
    notebook = read(path)
    texts = exercises(notebook)
    assert [text.partition(".")[0] for text in texts] == [str(number) for number in range(1, len(texts) + 1)]
    assert 2 <= len(texts) <= 5
    for text in texts:
        assert re.findall(r"^<summary>(.*)</summary>$", text, re.MULTILINE) == ["Dica", "Solução"], text
        assert text.count("<details>") == text.count("</details>") == 2
    assert len(solutions(notebook)) >= 2
    assert all(len(line) <= 79 for code in solutions(notebook) for line in code.splitlines())
