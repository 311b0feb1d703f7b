"""What a published site needs besides its pages: its address, a map for search engines, pages for other addresses.

The address is that of GitHub Pages for the repository that ``_config.yml`` names.
"""

import re
from pathlib import Path
from xml.sax.saxutils import escape

from sphinx.errors import ExtensionError

NOT_FOUND = {
    "title": "Página não encontrada",
    "body": "<h1>Página não encontrada</h1>"
            "<p>O endereço pode ter mudado ou ter um erro de digitação. Procure a página no menu, use a busca "
            "ou volte à página inicial.</p>",
}

# Pages that became part of another, which their old addresses lead on to.
MERGED = {
    "book/desafio/objetivos": ("book/index", "Transfer Learning na Prática"),
    "book/alem/escalando": ("book/alem/bastidores", "Bastidores"),
    "book/alem/reprodutibilidade": ("book/alem/bastidores", "Bastidores"),
    "book/alem/confiabilidade": ("book/alem/bastidores", "Bastidores"),
}
LEADS_ON = """<!DOCTYPE html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="0; url={address}">
<title>{title}</title>
</head>
<body><p>Esta página agora faz parte de <a href="{address}">{title}</a>.</p></body>
</html>
"""


def use_address(app, config):
    """Derive from the repository every setting that holds the site's address."""
    repository = config.html_theme_options.get("repository_url", "")
    parts = re.fullmatch(r"https://github\.com/(?P<owner>[^/]+)/(?P<name>[^/]+?)/?", repository)
    if parts is None:
        raise ExtensionError(f"{repository!r} is no address of a GitHub repository")
    config.html_baseurl = f"https://{parts['owner'].lower()}.github.io/{parts['name']}/"
    config.ogp_site_url = config.html_baseurl
    config.ogp_site_name = config.project = config.html_title
    config.notfound_urls_prefix = f"/{parts['name']}/"
    config.notfound_context = NOT_FOUND


def write_map(app, exception):
    """List the pages for search engines, and tell where the list is.

    The format: https://www.sitemaps.org/protocol.html. The usual extension lists only what a build wrote anew.
    """
    if exception or app.builder.format != "html":
        return
    address, folder = app.config.html_baseurl, Path(app.outdir)
    pages = "".join(f"<url><loc>{escape(address + app.builder.get_target_uri(name))}</loc></url>\n"
                    for name in sorted(app.env.found_docs))
    (folder / "sitemap.xml").write_text('<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns='
                                        f'"http://www.sitemaps.org/schemas/sitemap/0.9">\n{pages}</urlset>\n',
                                        encoding="utf-8")
    (folder / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {address}sitemap.xml\n", encoding="utf-8")


def lead_on(app, exception):
    """Write a page at the address of each one that was merged."""
    if exception or app.builder.format != "html":
        return
    for old, (new, title) in MERGED.items():
        path = Path(app.outdir, app.builder.get_target_uri(old))
        address = app.builder.get_relative_uri(old, new)
        path.write_text(LEADS_ON.format(address=address, title=title), encoding="utf-8")


def setup(app):
    """Connect the steps, before those of the extensions that use the address."""
    for extension in ("notfound.extension", "sphinxext.opengraph"):
        app.setup_extension(extension)
    app.connect("config-inited", use_address, priority=100)
    app.connect("build-finished", write_map)
    app.connect("build-finished", lead_on)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
