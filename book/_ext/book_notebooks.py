"""How the chapters are executed and shown.

* They are executed in the order of the table of contents, because each one uses
  what the ones before it saved.
* A figure's alternative text and width come from its display metadata, as they do
  in Jupyter, and so does whether it is a chart, which dark pages show in dark colours.
* Only pages that are notebooks get a button that opens them in Colab.
"""

from pathlib import Path

import nbformat
from book_solutions import executed
from jupyter_cache import get_cache
from myst_nb.core.render import NbElementRenderer


def reading_order(site_map):
    """The documents of the table of contents, from the first page to the last."""

    def walk(document):
        yield document.docname
        for subtree in document.subtrees:
            for item in subtree.items:
                if isinstance(item, str) and item in site_map:
                    yield from walk(site_map[item])

    return list(walk(site_map.root))


def read_in_order(app, env, docnames):
    """Sort the pages about to be read, adding those that hang on a changed one."""
    order = reading_order(app.config.external_site_map)
    cache = get_cache(env.mystnb_config.execution_cache_path)
    notebooks = [name for name in order if env.doc2path(name).endswith(".ipynb")]
    wanted = set(docnames) | set(after_a_change(env, cache, notebooks))
    place = {name: position for position, name in enumerate(order)}
    docnames[:] = sorted(wanted, key=lambda name: (place.get(name, len(order)), name))


def after_a_change(env, cache, notebooks):
    """Forget the results of every notebook after the first whose code changed.

    What a later chapter shows comes from what an earlier one saved, so results
    kept from before the change would no longer match.
    """
    current = {name: cached_record(cache, env.doc2path(name)) for name in notebooks}
    first = next((place for place, name in enumerate(notebooks) if current[name] is None), len(notebooks))
    kept = {current[name] for name in notebooks[:first]}
    for record in cache.list_cache_records():
        # Results of a notebook's earlier versions go as well: undoing an edit
        # would find them again, next to chapters executed after that edit.
        if record.uri.endswith(".ipynb") and record.pk not in kept:
            cache.remove_cache(record.pk)
    return notebooks[first:]


def cached_record(cache, path):
    """The key of the results kept for a notebook's present code, if there are any."""
    try:
        notebook = nbformat.reads(executed(Path(path).read_text(encoding="utf-8")), as_version=4)
        return cache.match_cache_notebook(notebook).pk
    except KeyError:
        return None


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


def setup(app):
    """Connect the steps."""
    # Only installed packages can register a renderer with MyST-NB, so the one it
    # has learns the missing attribute here.
    if not hasattr(NbElementRenderer.render_image, "__wrapped__"):
        render = read_metadata(NbElementRenderer.render_image)
        render.__wrapped__ = NbElementRenderer.render_image
        NbElementRenderer.render_image = render
    app.connect("env-before-read-docs", read_in_order)
    app.connect("html-page-context", keep_colab_for_notebooks, priority=900)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
