"""Pages that load only what they show.

* Icons come from the theme's fonts; its script with every icon ever drawn, half a megabyte, stays out.
* MathJax is loaded by pages with formulas only, and what starts figures to play with, by pages with such a figure.
* Scripts wait until the page is shown, except the settings that scripts inside the page read.
* Pictures below the first are fetched when the reader comes near them.
"""

import re
from pathlib import Path

from sphinx.errors import ExtensionError

ICONS = re.compile(r'<script defer src="[^"]*_static/scripts/fontawesome\.js[^"]*"></script>\n?')
SCRIPT = re.compile(r'<script (?=src="(?:[^"]*/)?(?!documentation_options)[\w.-]+\.js)')
FORMULA = re.compile(r'class="[^"]*\bmath\b')


def load_mathjax_where_needed(app, pagename, templatename, context, doctree):
    """Take MathJax and its settings out of pages without formulas."""
    if not FORMULA.search(context.get("body", "")):
        context["script_files"] = [script for script in context["script_files"] if not is_mathjax(script)]


def is_mathjax(script):
    """Whether a script of Sphinx's is MathJax, or the settings it reads."""
    return "mathjax" in str(script.filename or script.attributes.get("body", "")).lower()


def load_interactive_where_needed(app, pagename, templatename, context, doctree):
    """Give pages with a figure to play with the script that starts it."""
    if "data-interativo=" in context.get("body", ""):
        app.add_js_file("interativo.js")


def load_pictures_late(app, pagename, templatename, context, doctree):
    """Mark every picture but the page's first."""
    first, *rest = context.get("body", "").split("<img ")
    context["body"] = "<img ".join([first, *rest[:1], *(f'loading="lazy" {picture}' for picture in rest[1:])])


def lighten_written_pages(app, exception):
    """Leave the icons' script out and let the others wait: the theme's template has no place to say so."""
    if exception or app.builder.format != "html":
        return
    output = Path(app.outdir)
    for page in (path for path in output.rglob("*.html") if "_static" not in path.relative_to(output).parts):
        before = page.read_text(encoding="utf-8")
        after = ICONS.sub("", before)
        if page.name != "search.html":  # scripts inside it use the search at once
            after = SCRIPT.sub("<script defer ", after)
        if after != before:
            page.write_text(after, encoding="utf-8")
    styles = (output / "_static" / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    if "fa-solid-900.woff2" not in styles:
        raise ExtensionError("the theme's style sheet has no icon font: its icons would be missing")
    for unused in (output / "_static" / "scripts").glob("fontawesome.js*"):
        unused.unlink()


def setup(app):
    """Connect the steps, after those of Sphinx and the theme."""
    app.connect("html-page-context", load_interactive_where_needed)
    app.connect("html-page-context", load_mathjax_where_needed, priority=950)
    app.connect("html-page-context", load_pictures_late, priority=950)
    app.connect("build-finished", lighten_written_pages, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
