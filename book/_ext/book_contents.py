"""The directives ``book-contents``, ``book-plan`` and ``book-goals``: the book's pages, with times and exercises.

Titles and times come from the pages themselves.
"""

import re
from pathlib import Path

import nbformat
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from catsdogs.text import markdown_table

MINUTES = re.compile(r"\*\*Tempo\.\*\* Cerca de (\d+) minutos")
EXERCISES = "\n## Exercícios\n"
EXERCISE = re.compile(r"^\*\*\d+\.\*\* ", re.MULTILINE)
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


class BookContents(SphinxDirective):
    """A card per part of the table of contents, with links to its pages."""

    def run(self):
        """The cards, parsed from the Markdown of sphinx-design."""
        self.env.note_reread()  # other pages' titles and times change without this page
        lines = ["::::{grid} 1 1 2 2", ":gutter: 3", ""]
        for part in self.config.external_site_map.root.subtrees:
            pages = {name: minutes(prose(self.env, name)) for name in part.items}
            lines += [f":::{{grid-item-card}} {part.caption} · {sum(pages.values())} min", "",
                      *(link(*page) for page in pages.items()), ":::", ""]
        container = nodes.container()
        source, line = self.get_source_info()
        self.state.nested_parse(StringList([*lines, "::::"], source), line, container)
        return container.children


class PagesTable(SphinxDirective):
    """A table about pages of the book: each line of the content is a row, with ``|`` between its cells.

    One of the cells names pages, which become links.
    """

    has_content = True
    header = ()

    def run(self):
        """The table, parsed from Markdown."""
        self.env.note_reread()
        pages = {Path(name).name: name for part in self.config.external_site_map.root.subtrees for name in part.items}
        texts = {name: prose(self.env, page) for name, page in pages.items()}
        rows, cited = [], set()
        for line in filter(None, self.content):
            cells = [cell.strip() for cell in line.split("|")]
            names = cells[1].split(", ")
            if missing := set(names) - set(pages):
                raise ExtensionError(f"{self.env.docname} names pages that the book lacks: {sorted(missing)}")
            links = (f"[{TITLE.search(texts[name])[1].split(':')[0]}](/{pages[name]})" for name in names)
            cells[1:2] = ", ".join(links), str(sum(self.count(texts[name]) for name in names))
            rows.append(cells)
            cited |= set(names)
        self.check(texts, cited)
        container = nodes.container()
        source, line = self.get_source_info()
        table = markdown_table(self.header, rows).replace("---:", "---")  # words, not numbers
        self.state.nested_parse(StringList(table.splitlines(), source), line, container)
        return container.children

    def check(self, texts, cited):
        """Fail when the table lacks something."""


class BookPlan(PagesTable):
    """A course's meetings: when, what to read before, how long that takes, what is done in class."""

    header = ("Encontro", "Ler antes", "Minutos de leitura", "Em aula")

    def count(self, text):
        """The reading time of a page, in minutes."""
        return minutes(text)


class BookGoals(PagesTable):
    """What a course aims at, the pages that serve it and how many exercises they have."""

    header = ("Objetivo", "Páginas", "Exercícios")

    def count(self, text):
        """The number of a page's exercises."""
        return len(EXERCISE.findall(text.partition(EXERCISES)[2]))

    def check(self, texts, cited):
        """Fail when a page with exercises serves no goal."""
        if forgotten := {name for name, text in texts.items() if EXERCISES in text} - cited:
            raise ExtensionError(f"pages with exercises that no goal names: {sorted(forgotten)}")


def prose(env, name):
    """What a page says, without its code."""
    path = Path(env.doc2path(name))
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def minutes(text):
    """The reading time that a page states, in minutes; 0 when it states none."""
    found = MINUTES.search(text)
    return int(found[1]) if found else 0


def link(name, minutes):
    """An item that leads to a page; the title comes from the page."""
    return f"- [](/{name}){f' · {minutes} min' if minutes else ''}"


def setup(app):
    """Add the directives."""
    app.add_directive("book-contents", BookContents)
    app.add_directive("book-plan", BookPlan)
    app.add_directive("book-goals", BookGoals)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
