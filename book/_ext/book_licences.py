"""What in the site is not ours: the directive ``book-licences`` lists it, and the licences' texts go into the site.

Versions and texts come from the installed packages; authors and licences are written here, as the packages tell them
in a hundred ways, or, of what they themselves took from others, not at all. What runs the model, and the weights it
began with, are in ``catsdogs.engines.notices``, which every page that classifies photos shares.
"""

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from catsdogs.engines import notices
from catsdogs.text import markdown_table

FOLDER = "licencas"
LICENCE_FILE = re.compile(r"[^/]+\.dist-info/(?:licenses/)?(?:LICENSE|COPYING)[\w.]*")
OPEN_FONT = re.compile(r"SIL OPEN FONT LICENSE.+?OTHER DEALINGS IN THE FONT SOFTWARE\.", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """Something of others in the site.

    Attributes:
        files: patterns within ``_static``; none for what lies in the pages or in the model.
        package: the Python package it comes with; its version is shown when the work is the package's own.
        text: the licence's text: "package", the package's own; "MIT", "BSD", "MPL" or "OFL", the usual one; "Apache".
    """

    name: str
    files: tuple[str, ...]
    where: str
    licence: str
    author: str
    source: str
    text: str = ""
    package: str = ""
    own: bool = True

    @property
    def slug(self):
        """The name of the file with the licence's text."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") + ".txt"


def part_of(work, *files):
    """A work of the page Experimente as a part of the site."""
    return Part(work.name, files, work.where, work.licence, work.author, work.source, work.text)


PARTS = (
    Part("Sphinx", ("basic.css", "doctools.js", "documentation_options.js", "file.png", "language_data.js", "minus.png",
                    "plus.png", "searchtools.js", "sphinx_highlight.js", "translations.js"),
         "busca, menus e textos das páginas", "BSD-2-Clause", "equipe do Sphinx", "https://www.sphinx-doc.org",
         "package", "sphinx"),
    Part("Snowball", ("base-stemmer.js", "portuguese-stemmer.js"), "busca", "BSD-3-Clause",
         "Martin Porter, Richard Boulton e outros", "https://snowballstem.org", "package", "snowballstemmer",
         own=False),
    Part("PyData Sphinx Theme", ("scripts/pydata-sphinx-theme.js*", "styles/pydata-sphinx-theme.css*",
                                 "styles/theme.css"),
         "aparência das páginas", "BSD-3-Clause", "PyData", "https://pydata-sphinx-theme.readthedocs.io", "package",
         "pydata-sphinx-theme"),
    Part("Bootstrap", ("scripts/bootstrap.js*",), "menus e aparência; traz o Popper", "MIT",
         "Copyright (c) The Bootstrap Authors; Popper: Copyright (c) Federico Zivolo", "https://getbootstrap.com",
         "MIT", "pydata-sphinx-theme", own=False),
    Part("Font Awesome Free", ("vendor/fontawesome/webfonts/*",), "ícones",
         "SIL OFL 1.1 (fontes), CC BY 4.0 (ícones)", "Copyright (c) Fonticons, Inc.", "https://fontawesome.com", "OFL",
         "pydata-sphinx-theme", own=False),
    Part("Sphinx Book Theme", ("scripts/sphinx-book-theme.js*", "styles/sphinx-book-theme.css*", "images/logo_*",
                               "locales/*/LC_MESSAGES/booktheme.*"),
         "aparência das páginas; as marcas nos botões são de seus donos", "BSD-3-Clause", "Executable Books",
         "https://sphinx-book-theme.readthedocs.io", "package", "sphinx-book-theme"),
    Part("Sphinx Copybutton", ("copybutton.css", "copybutton.js", "copybutton_funcs.js", "copy-button.svg",
                               "check-solid.svg"),
         "botão de copiar", "MIT", "Executable Books", "https://sphinx-copybutton.readthedocs.io", "package",
         "sphinx-copybutton"),
    Part("clipboard.js", ("clipboard.min.js",), "botão de copiar", "MIT", "Copyright (c) Zeno Rocha",
         "https://clipboardjs.com", "MIT", "sphinx-copybutton", own=False),
    Part("Sphinx Togglebutton", ("togglebutton.css", "togglebutton.js"), "trechos que abrem e fecham", "MIT",
         "Chris Holdgraf", "https://sphinx-togglebutton.readthedocs.io", "package", "sphinx-togglebutton"),
    Part("sphinx-design", ("sphinx-design.min.css", "design-tabs.js"), "cartões", "MIT", "Chris Sewell",
         "https://sphinx-design.readthedocs.io", "package", "sphinx-design"),
    Part("MyST-NB", ("mystnb.*.css",), "células dos notebooks", "BSD-3-Clause", "Executable Books",
         "https://myst-nb.readthedocs.io", "package", "myst-nb"),
    Part("Pygments", ("pygments.css",), "cores do código", "BSD-2-Clause", "Georg Brandl e outros",
         "https://pygments.org", "package", "pygments"),
    Part("accessible-pygments", ("pygments.css",), "cores do código", "BSD-3-Clause", "Quansight Labs",
         "https://github.com/Quansight-Labs/accessible-pygments", "package", "accessible-pygments"),
    Part("MathJax", ("mathjax/*",), "fórmulas e suas fontes", "Apache-2.0", "The MathJax Consortium",
         "https://www.mathjax.org", "Apache", "sphinx-mathjax-offline", own=False),
    part_of(notices.LITERT, "experimente/litert/*"),
    Part("TensorFlow.js", ("treino/tfjs/*",), "página Treine aqui", "Apache-2.0", "Google",
         "https://www.tensorflow.org/js", "Apache"),
    Part("seedrandom", (), "dentro do TensorFlow.js", "MIT", "Copyright 2019 David Bau", "https://github.com/davidbau/seedrandom",
         "MIT"),
    Part("long.js", (), "dentro do TensorFlow.js", "Apache-2.0", "Daniel Wirtz", "https://github.com/dcodeIO/long.js",
         "Apache"),
    *map(part_of, notices.ENGINE),
    Part("Chelsea", ("gata-chelsea.png",), "página Experimente e capítulos", "CC0", "Stéfan van der Walt",
         "https://scikit-image.org"),
    Part("china.jpg e flower.jpg", (), "página Fora do alcance, reduzidas", "CC BY 2.0",
         "danielbuechele e vultilion", "https://scikit-learn.org"),
    Part("Retrato de Grace Hopper", (), "página Fora do alcance", "domínio público", "Marinha dos Estados Unidos",
         "https://matplotlib.org"),
    *map(part_of, notices.WEIGHTS),
)


class BookLicences(SphinxDirective):
    """The table of the parts, with links to the texts of their licences."""

    def run(self):
        """The table, parsed from Markdown; the texts lie in the site, where a plain link finds them."""
        self.env.note_reread()
        up = "../" * self.env.docname.count("/")
        container = nodes.container()
        source, line = self.get_source_info()
        self.state.nested_parse(StringList(table(up).splitlines(), source), line, container)
        return container.children


def table(up):
    """A row for each part; ``up`` leads from the page to the site's root."""
    rows = []
    for part in PARTS:
        version = f" {metadata.version(part.package)}" if part.package and part.own else ""
        licence = f'<a href="{up}_static/{FOLDER}/{part.slug}">{part.licence}</a>' if part.text else part.licence
        name = f"[{part.name}]({part.source})" if part.source else part.name
        rows.append([name + version, part.where, licence,
                     part.author.replace("Copyright (c) ", "")])
    return markdown_table(["O quê", "Onde", "Licença", "De quem"], rows).replace("---:", "---")  # words, not numbers


def licence_text(part):
    """The text of a part's licence.

    Raises:
        ExtensionError: the package that should have it does not.
    """
    if part.text == "package":
        found = package_texts(part.package)
    elif part.text == "OFL":
        external = next(text for text in package_texts("fonttools") if OPEN_FONT.search(text))
        found = [f"{part.author}\n{part.source}\n\n{OPEN_FONT.search(external)[0]}\n"]
    else:
        found = [notices.licence_text(part)]
    if not found:
        raise ExtensionError(f"the package {part.package} has no text of its licence")
    return "\n\n".join(found)


def package_texts(name):
    """The texts of licences that an installed package brings."""
    return [Path(file.locate()).read_text(encoding="utf-8") for file in metadata.files(name)
            if LICENCE_FILE.fullmatch(file.as_posix())]


def write_texts(app, exception):
    """Put the texts of the licences into the site."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if part.text:
            (folder / part.slug).write_text(licence_text(part), encoding="utf-8")


def setup(app):
    """Add the directive and the step."""
    app.add_directive("book-licences", BookLicences)
    app.connect("build-finished", write_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
