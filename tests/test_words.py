"""One word for one thing: what CONTRIBUTING.md asks of the pages."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*(ROOT / "book").rglob("*.ipynb"), *(ROOT / "book").rglob("*.md"), ROOT / "README.md"])


def shunned() -> dict[str, str]:
    """The words that pages do without → what they say instead, in small letters."""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Uma palavra para cada coisa")[2]
    rows = re.findall(r"^\| (.+) \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)[2:]
    return {word: instead for instead, words in rows for word in words.casefold().split(", ")}


def text_of(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


def found_in(text: str) -> dict[str, str]:
    return {word: instead for word, instead in shunned().items()
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text.casefold())}


def test_words_are_found_whole_whatever_their_case():
    assert found_in("A fase 2 Libera o motor.") == {"libera": "descongelar", "motor": "runtime de inferência"}
    assert not found_in("A liberação dos motoristas.")


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_pages_use_one_word_for_one_thing(path):
    assert not found_in(text_of(path)), "CONTRIBUTING.md says what to write instead"
