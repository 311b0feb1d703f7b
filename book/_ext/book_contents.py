"""The directive ``book-contents``: every page of the book, part by part, with the time it asks for.

Titles and times come from the pages themselves.
"""

import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

MINUTES = re.compile(r"\*\*Tempo\.\*\* Cerca de (\d+) minutos")


class BookContents(SphinxDirective):
    """A card per part of the table of contents, with links to its pages."""

    def run(self):
        """The cards, parsed from the Markdown of sphinx-design."""
        self.env.note_reread()  # other pages' titles and times change without this page
        lines = ["::::{grid} 1 1 2 2", ":gutter: 3", ""]
        for part in self.config.external_site_map.root.subtrees:
            pages = {name: self.minutes(name) for name in part.items}
            lines += [f":::{{grid-item-card}} {part.caption} · {sum(pages.values())} min", "",
                      *(link(*page) for page in pages.items()), ":::", ""]
        container = nodes.container()
        source, line = self.get_source_info()
        self.state.nested_parse(StringList([*lines, "::::"], source), line, container)
        return container.children

    def minutes(self, name):
        """The reading time that a page states, in minutes; 0 when it states none."""
        found = MINUTES.search(Path(self.env.doc2path(name)).read_text(encoding="utf-8"))
        return int(found[1]) if found else 0


def link(name, minutes):
    """An item that leads to a page; the title comes from the page."""
    return f"- [](/{name}){f' · {minutes} min' if minutes else ''}"


def setup(app):
    """Add the directive."""
    app.add_directive("book-contents", BookContents)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
