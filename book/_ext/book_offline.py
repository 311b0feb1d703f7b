"""Pages that load nothing from outside: MathJax comes with the site, Thebe does not.

The MathJax files come from the package ``sphinx-mathjax-offline``. Used as an
extension it would copy all of its 24 MB; the pages need about a tenth of that.
"""

import importlib.util
import shutil
from pathlib import Path

from sphinx.errors import ExtensionError

MATHJAX_SCRIPT = "tex-chtml.js"
MATHJAX_PARTS = ["input/tex/extensions", "output/chtml/fonts/woff-v2"]


def use_local_mathjax(app, config):
    """Point the pages at the copy under ``_static``."""
    config.mathjax_path = f"mathjax/{MATHJAX_SCRIPT}"


def copy_mathjax(app, exception):
    """Copy the parts of MathJax that formulas use into the site."""
    if exception or app.builder.format != "html":
        return
    source = mathjax_folder()
    target = Path(app.outdir) / "_static" / "mathjax"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source / MATHJAX_SCRIPT, target / MATHJAX_SCRIPT)
    for part in MATHJAX_PARTS:
        shutil.copytree(source / part, target / part, dirs_exist_ok=True)


def mathjax_folder():
    """Where the package keeps MathJax (its name has hyphens, so ``import`` cannot tell)."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None:
        raise ExtensionError("the package sphinx-mathjax-offline is not installed")
    return Path(spec.submodule_search_locations[0]) / "static" / "mathjax"


def silence_thebe(app):
    """Undo Jupyter Book's sphinx-thebe, which writes a Binder address into every page.

    Jupyter Book has no setting for it and the book has no live kernels.
    """
    for listeners in app.events.listeners.values():
        listeners[:] = [
            listener for listener in listeners
            if listener.handler.__module__ != "sphinx_thebe"
        ]
    app.registry.css_files[:] = [
        (name, options) for name, options in app.registry.css_files
        if name != "sphinx-thebe.css"
    ]


def setup(app):
    """Connect the steps; Jupyter Book loads its own extensions before this one."""
    silence_thebe(app)
    app.connect("config-inited", use_local_mathjax)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
