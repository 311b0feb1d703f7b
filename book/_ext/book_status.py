"""The directives ``book-status``, ``book-times`` and ``book-waits``: what made this copy of the book, and in what time.

Sphinx reads their pages when all pages have been executed.
"""

import os
import platform
import subprocess
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util.docutils import SphinxDirective

from catsdogs.checkpoint import read_metadata
from catsdogs.config import PHASE2_CHECKPOINT, checkpoint_path
from catsdogs.files import read_json
from catsdogs.text import markdown_table, number

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib", "ai-edge-litert", "jupyter-book", "Sphinx")


class Table(SphinxDirective):
    """A table written at each build, parsed from Markdown."""

    def run(self):
        """The table."""
        self.env.note_reread()
        container = nodes.container()
        source, line = self.get_source_info()
        self.state.nested_parse(StringList(self.table().splitlines(), source), line, container)
        return container.children


class BookStatus(Table):
    """Date, commit, data, backbone, settings and versions."""

    def table(self):
        """Two columns: what, and its value in this build."""
        # Trained by the pages of this very build.
        made = read_metadata(checkpoint_path(PHASE2_CHECKPOINT))
        rows = {
            "Construído em": f"{date.today():%d/%m/%Y}",
            "Commit": commit(self.config.html_theme_options["repository_url"]),
            "Dados": made["data"],
            "Backbone": made["backbone"],
            "Imagens": f"{made['config']['image_size']} px",
            "Semente": str(made["config"]["seed"]),
            "Execução": "ensaio, com poucas fotos e épocas" if os.environ.get("CATSDOGS_QUICK") == "1" else "completa",
            "Máquina": f"{platform.system()} {platform.machine()}, {os.cpu_count()} núcleos",
            "Python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        }
        return markdown_table(["", "Esta cópia"], [list(row) for row in rows.items()])


class BookTimes(Table):
    """When each page was executed, and how long it took."""

    def table(self):
        """A row per executed page, in reading order, and their sum."""
        pages = [name for part in self.config.external_site_map.root.subtrees for name in part.items]
        done = {name: NbMetadataCollector.get_exec_data(self.env, name) for name in ("book/index", *pages)}
        done = {name: data for name, data in done.items() if data and data["runtime"] is not None}
        rows = [[f"[](/{name})", f"{datetime.fromtimestamp(data['mtime']):%d/%m/%Y %H:%M}", number(data["runtime"], 1)]
                for name, data in done.items()]
        total = number(sum(data["runtime"] for data in done.values()), 1)
        return markdown_table(["Página", "Executada em", "Segundos"], [*rows, ["**Todas**", "", total]])


class BookWaits(Table):
    """How long whoever changes the book waits, as measured and recorded."""

    # What was done, the recorded row and, where it is not the row's own, the detail.
    WAITS = (("`make book`, na primeira vez, depois da instalação", "book_cold", None),
             ("`make book`, sem nada mudado", "book_unchanged", None),
             ("`make book`, com uma frase de uma página mudada", "book_one_page", "sentence"),
             ("`make book`, com o código de uma página mudado", "book_one_page", None),
             ("`make check`", "tests", "check"),
             ("`make test`, na primeira vez", "tests", None),
             ("`make test`, sem nada mudado no livro", "tests", "site_unchanged"))

    def table(self):
        """A row per command, and what measured it."""
        recorded = {row["name"]: row for row in read_json(ROOT / "benchmarks" / "results.json")}
        rows = []
        for command, name, detail in self.WAITS:
            row = recorded[name]
            seconds = row["details"][detail] if detail else row["ours"]
            minutes, seconds = divmod(round(seconds), 60)
            rows.append([command, f"{minutes} min {seconds} s" if minutes else f"{seconds} s"])
        made = recorded["book_cold"]
        return markdown_table(["Comando", "Tempo"], rows) + (
            f"\n\nMedido em {date.fromisoformat(made['date']):%d/%m/%Y}, com {made['data']}, em {made['device']}, "
            "por `make bench`.")


def commit(repository):
    """A link to the commit of the working tree; a sentence where there is no Git."""
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
                              capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "desconhecido (sem Git)"
    name, _, dirty = done.stdout.strip().partition("-")
    return f"[`{name}`]({repository}/commit/{name})" + (", com mudanças ainda sem commit" if dirty else "")


def setup(app):
    """Add the directives."""
    app.add_directive("book-status", BookStatus)
    app.add_directive("book-times", BookTimes)
    app.add_directive("book-waits", BookWaits)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
