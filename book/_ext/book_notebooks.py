"""How the results of executed chapters are shown.

* They were executed before (``execution.py``); Sphinx reads those again whose results are new.
* A figure's alternative text and width come from its display metadata, as they do
  in Jupyter, and so does whether it is a chart, which dark pages show in dark colours.
* Text wraps, but tables that Keras and scikit-learn print keep their lines; what they print besides, empty, goes.
* Only pages that are notebooks get a button that opens them in Colab.
"""

import json
import re
from pathlib import Path

from myst_nb.core.render import NbElementRenderer

# ``summary`` displays an empty text, whatever is to print it.
EMPTY = re.compile(r'<div class="output text_html"><pre style="[^"]*"></pre>\s*</div>')
TEXT = re.compile(r'<div class="output stream (?=[^>]*><div class="highlight"><pre>((?:(?!</pre>).)*))', re.DOTALL)
TABLE = re.compile(r"[┃│]|precision +recall")


def with_new_results(app, env, added, changed, removed):
    """The pages that were executed after Sphinx last read them; their sources may be as they were."""
    kept = Path(app.doctreedir).parent / "pages.json"
    pages = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    return [name for name, about in pages.items() if name in env.all_docs and about["ended"] * 1e6 > env.all_docs[name]]


def read_in_order(app, env, docnames):
    """Sort the pages to be read, because the last one tells how long all others took."""
    root = app.config.external_site_map.root
    order = [root.docname, *(name for part in root.subtrees for name in part.items)]
    docnames.sort(key=lambda name: (order.index(name) if name in order else len(order), name))


def read_metadata(render_image):
    """Make MyST-NB read ``alt`` and ``chart`` from the display metadata, as it does ``width``."""

    def render(self, data):
        images = render_image(self, data)
        metadata = data.output_metadata.get(data.mime_type, {})
        for image in images:
            if metadata.get("alt"):
                image["alt"] = metadata["alt"]
            if metadata.get("chart"):
                image["classes"].append("chart")
        return images

    return render


def keep_colab_for_notebooks(app, pagename, templatename, context, doctree):
    """Drop the launch button of Markdown pages, even of those with code cells."""
    if Path(app.env.doc2path(pagename)).suffix != ".ipynb":
        context["header_buttons"] = [
            button for button in context.get("header_buttons", [])
            if button.get("label") != "launch-buttons"
        ]


def keep_tables_aligned(app, pagename, templatename, context, doctree):
    """Mark the outputs whose lines must not wrap, and drop empty ones."""
    if "body" in context:
        context["body"] = TEXT.sub(lambda output: output[0] + "aligned " * bool(TABLE.search(output[1])),
                                   EMPTY.sub("", context["body"]))


def setup(app):
    """Connect the steps."""
    # Only installed packages can register a renderer with MyST-NB, so the one it
    # has learns the missing attribute here.
    if not hasattr(NbElementRenderer.render_image, "__wrapped__"):
        render = read_metadata(NbElementRenderer.render_image)
        render.__wrapped__ = NbElementRenderer.render_image
        NbElementRenderer.render_image = render
    app.connect("env-get-outdated", with_new_results)
    app.connect("env-before-read-docs", read_in_order)
    app.connect("html-page-context", keep_colab_for_notebooks, priority=900)
    app.connect("html-page-context", keep_tables_aligned)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
