"""README.md and CONTRIBUTING.md: results as in the recorded run, and links that lead somewhere."""

import importlib.util
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from catsdogs import report

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECORD = json.loads((ROOT / "models" / "run.json").read_text(encoding="utf-8"))
CHALLENGE = json.loads((ROOT / "book" / "dados" / "desafio.json").read_text(encoding="utf-8"))

specification = importlib.util.spec_from_file_location("update_readme", ROOT / "book" / "update_readme.py")
update_readme = importlib.util.module_from_spec(specification)
specification.loader.exec_module(update_readme)


def table_row(name):
    """The cells of one row of the results, as they stand in README.md."""
    line = next(line for line in README.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_results_are_current():
    assert update_readme.with_results(README, RECORD, CHALLENGE) == README
    assert update_readme.main(["--check"]) == 0


def test_check_notices_an_old_result_and_changes_nothing(tmp_path, monkeypatch, capsys):
    old = README.replace("| Teste: erros |", "| Teste: erros | 99")
    (tmp_path / "README.md").write_text(old, encoding="utf-8")
    monkeypatch.setattr(update_readme, "README", tmp_path / "README.md")
    assert update_readme.main(["--check"]) == 1
    assert "update_readme.py" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == old
    assert update_readme.main([]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == README


def test_table_shows_the_recorded_run():
    # From the answers for each photo, not from the metrics that the table is made of.
    errors = []
    for phase in ("phase1", "phase2"):
        answers = RECORD[phase]["probabilities"]["test"]
        errors.append(sum((probability > 0.5) != ("/dogs/" in name) for name, probability in answers.items()))
    photos = len(answers)
    assert table_row("Teste: erros")[2:] == [str(count) for count in errors]
    assert table_row("Teste: acurácia")[2:] == [f"{1 - count / photos:.4f}".replace(".", ",") for count in errors]


def test_table_shows_the_challenge():
    assert table_row("Validação: acurácia")[:2] == ["0,9833", "0,9933"]
    assert table_row("Teste: erros")[:2] == ["6", "5"]
    assert table_row("Validação: perda")[:2] == ["—", "—"]


@pytest.mark.parametrize(("errors", "words"), [
    ((6, 5), "errou 1 foto a menos que a fase 1"), ((4, 7), "errou 3 fotos a mais que a fase 1"),
    ((5, 5), "errou tantas fotos quanto a fase 1")])
def test_phases_are_compared_in_words(errors, words):
    record = {f"phase{phase}": {"test": {"errors": count, "photos": 300}} for phase, count in enumerate(errors, 1)}
    assert words in report.reading(record)


def test_smallest_significant_difference_is_the_exact_tests_own():
    n = report.SMALLEST_SIGNIFICANT_DIFFERENCE
    assert 2 * 0.5**n < 0.05 <= 2 * 0.5 ** (n - 1)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "models/README.md"])
def test_relative_links_and_images_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    missing = [target for target in targets if not re.match(r"[a-z]+:", target) and not leads_somewhere(name, target)]
    assert targets and not missing


def leads_somewhere(name, target):
    """Whether a relative link, seen from one file, leads to a file and to a heading in it."""
    path, _, anchor = unquote(target).partition("#")
    file = (ROOT / name).parent / path if path else ROOT / name
    if not file.exists() or not anchor:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_colab_links_lead_to_notebooks():
    paths = re.findall(r"colab\.research\.google\.com/github/[^/]+/[^/]+/blob/main/([^)\s]+)", README)
    assert paths and not [path for path in paths if not path.endswith(".ipynb") or not (ROOT / path).is_file()]


def test_images_have_alternative_texts():
    images = re.findall(r"<img [^>]+>", README)
    assert images and all(re.search(r'alt="[^"]{20,}"', image) for image in images)


def test_every_module_is_described_and_the_road_in_walking_order():
    described = re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`[^|]+) \|", README, re.MULTILINE)))
    modules = [path for path in (ROOT / "catsdogs").rglob("*.py") if not path.stem.startswith("_")]
    assert sorted(described) == sorted(path.stem for path in modules)
    road = ["config", "photo", "data", "backbone", "features", "training", "pipeline", "evaluation", "predict"]
    assert [name for name in dict.fromkeys(described) if name in road] == road
