"""The directives ``book-status`` and ``book-times``: what made this copy of the book, and how long its pages took.

They stand on the last page, which is read when every other one has been executed.
"""

import os
import platform
import subprocess
from datetime import date, datetime
from importlib.metadata import version

from docutils import nodes
from docutils.statemachine import StringList
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util.docutils import SphinxDirective

from catsdogs.checkpoint import read_metadata
from catsdogs.config import PHASE2_CHECKPOINT, checkpoint_path
from catsdogs.text import markdown_table, number

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
    return {"parallel_read_safe": True, "parallel_write_safe": True}
