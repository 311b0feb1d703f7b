"""The glossary and the bibliography hold what the pages use, and nothing else."""

import re
import unicodedata
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "book" / "referencia"
# Ioffe e Szegedy (2015), Lin, Chen e Yan, 2013, Guo et al. (2017), Zeiler & Fergus, 2014: the first name and the year.
CITATION = re.compile(r"([A-Z]\w+)(?:(?:, [A-Z]\w+)* (?:e|&) [A-Z]\w+| et al\.| e colegas)?(?:, | \()((?:19|20)\d\d)\b")


def plain(text):
    """Lower case, without accents."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def prose(path):
    """The text of a page: all of a Markdown file, the Markdown cells of a notebook."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def chapters():
    """The text of every page outside the reference, and of the drawings, which cite too."""
    pages = [path for path in [*(ROOT / "book").rglob("*.ipynb"), *(ROOT / "book").rglob("*.md")]
             if REFERENCE not in path.parents]
    drawings = (ROOT / "catsdogs" / "study" / "drawings.py").read_text(encoding="utf-8")
    return "\n\n".join([*map(prose, pages), drawings])


@pytest.fixture(scope="module")
def terms():
    """The terms of the glossary, each a tuple of its name and its synonyms."""
    text = (REFERENCE / "glossario.md").read_text(encoding="utf-8")
    names = re.search(r"```\{glossary\}\n(.+?)\n```", text, re.DOTALL)[1]
    return [tuple(re.sub(r"[*)]", "", line).split(" (")) for line in names.splitlines() if re.match(r"\S", line)]


def citations(text):
    return {(name, int(year)) for name, year in CITATION.findall(text)}


def entries():
    text = (REFERENCE / "bibliografia.md").read_text(encoding="utf-8")
    found = re.findall(r"^- ([A-Z]+)\b.+?\((\d{4})\)\..+\]\(<?https://", text, re.MULTILINE)
    assert len(found) == len(re.findall("^- [A-Z]{2,}", text, re.MULTILINE))
    return [(name, int(year)) for name, year in found]


def test_terms_are_in_alphabetical_order(terms):
    names = [plain(names[0]) for names in terms]
    assert names == sorted(names) and len(names) == len(set(names)) > 30


def test_every_term_is_used_in_the_book(terms, chapters):
    text = plain(chapters)
    assert [names for names in terms if not any(plain(name) in text for name in names)] == []


def test_every_term_leads_to_a_page_that_uses_it(terms):
    text = (REFERENCE / "glossario.md").read_text(encoding="utf-8")
    links = re.findall(r"Veja \[.+?\]\((.+?)\)", text)
    assert len(links) == len(terms)
    for names, link in zip(terms, links, strict=True):
        page = plain(prose(REFERENCE / link))
        assert any(plain(name) in page for name in names), (names, link)


def test_every_source_is_listed_and_every_listed_one_is_cited(chapters):
    assert {(name.casefold(), year) for name, year in citations(chapters)} == {
        (name.casefold(), year) for name, year in entries()}


def test_addresses_of_sources_in_the_chapters_are_listed(chapters):
    text = (REFERENCE / "bibliografia.md").read_text(encoding="utf-8")
    used = set(re.findall(r"https://(?:arxiv\.org|doi\.org)/[^)\s]+", chapters))
    assert all(address in text for address in used)


@pytest.mark.parametrize(("text", "found"), [
    ("como em Guo et al. (2017)", {("Guo", 2017)}), ("(GAP; Lin, Chen e Yan, 2013, arXiv)", {("Lin", 2013)}),
    ("Ioffe & Szegedy, 2015", {("Ioffe", 2015)}), ("French (1999) reúne", {("French", 1999)}), ("em 2017", set())])
def test_citations_are_found(text, found):
    assert citations(text) == found
