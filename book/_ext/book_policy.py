"""A content security policy in every page: only the site's own files, and no script but those that the build wrote.

A text that found its way into a page (the name of a photo, the output of a cell) then runs nothing and asks nothing of
another site. What no policy in a page stops is leading the reader away (`location`, `<meta http-equiv="refresh">`), and
WebRTC. The site is static, so that the policy stands in the page rather than in a header.
"""

import base64
import hashlib
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

from sphinx.errors import ExtensionError

CHARSET = re.compile(r'<meta charset="utf-8" ?/?>\n?')
PRESENT = re.compile(r'<meta http-equiv="Content-Security-Policy" [^>]*>\n?')
# What the theme's buttons do stands in attributes, which the policy forbids; `buttons.js` does it instead.
HANDLERS = {'onclick="toggleFullScreen()"': 'data-action="full-screen"',
            'onclick="window.print()"': 'data-action="print"'}
ADDRESSES = ("href", "src", "action", "formaction")
SCRIPT_ADDRESS = re.compile(r"\s*javascript:", re.IGNORECASE)
ASKS_MODEL = ' data-module="'  # a section whose script asks the model
MATHJAX = "_static/mathjax/"
PLURAL = re.compile(r'new Function\(\s*"n",\s*`return \(\$\{catalog\.plural_expr\}\)`\s*\)')


class Inline(HTMLParser):
    """What a page runs or is styled by without a file: scripts, styles, and the handlers that must not be there."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.scripts, self.styles, self.attributes, self.handlers = [], [], [], []
        self.open = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note attributes, and whether text that is code follows."""
        self.handlers += [f"<{tag} {name}>" for name, value in attrs
                          if name.startswith("on") or (name in ADDRESSES and SCRIPT_ADDRESS.match(value or ""))]
        self.attributes += [value for name, value in attrs if name == "style" and value]
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.open = self.styles if tag == "style" else self.scripts
            self.open.append("")

    def handle_data(self, data):
        """Keep the text of a script or a style."""
        if self.open is not None:
            self.open[-1] += data

    def handle_endtag(self, tag):
        """End a script or a style."""
        if tag in ("script", "style"):
            self.open = None


def policy(text):
    """What a page may load and run.

    Raises:
        ExtensionError: it has a handler in an attribute, which no hash allows.
    """
    inline = Inline(text)
    if inline.handlers:
        raise ExtensionError(f"handlers in attributes would not run: {inline.handlers}")
    scripts, images, workers = ["'self'", *hashes(inline.scripts)], ["'self'", "data:"], []
    if ASKS_MODEL in text:
        scripts.append("'wasm-unsafe-eval'")  # WebAssembly alone: no text becomes code
        images.append("blob:")  # the reader's photo, whose size must be known before it is decoded
        workers = ["worker-src blob:"]  # a worker from a blob inherits this policy; one from a file would have none
    return "; ".join((
        "default-src 'none'", f"script-src {' '.join(scripts)}", f"style-src {' '.join(styles(text, inline))}",
        f"img-src {' '.join(images)}", "font-src 'self'", "connect-src 'self'", "base-uri 'none'",
        "form-action 'self'",
        *workers))


def styles(text, inline):
    """The sources of a page's styles."""
    if MATHJAX in text:
        # It writes the place of every symbol into the page as it draws, so that no hash can be known beforehand.
        return ["'self'", "'unsafe-inline'"]
    # The page's own, as of a table that pandas wrote; the keyword lets hashes speak for attributes, too.
    attributes = ["'unsafe-hashes'", *hashes(inline.attributes)] if inline.attributes else []
    return ["'self'", *hashes(inline.styles), *attributes]


def hashes(texts):
    """A source for each different text."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in sorted(set(texts)))
    return [f"'sha256-{digest}'" for digest in digests]


def with_policy(text):
    """The page with its policy before everything that loads or runs."""
    text = PRESENT.sub("", text)
    for handler, data in HANDLERS.items():
        text = text.replace(handler, data)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(text), quote=False)}" />\n'
    found = CHARSET.search(text)
    place = found.end() if found else 0  # a page that only leads to another begins with what it says
    return text[:place] + meta + text[place:]


def add_policies(app, exception):
    """Put a policy into each written page; what the theme left that is no page goes, as it would have none."""
    if exception or app.builder.format != "html":
        return
    output = Path(app.outdir)
    for template in (output / "_static").rglob("*.html"):
        template.unlink()
    for page in output.rglob("*.html"):
        page.write_text(with_policy(page.read_text(encoding="utf-8")), encoding="utf-8")
    write_plural_rule(output / "_static")


def write_plural_rule(static):
    """Sphinx makes the rule for plurals from a text in each page, which the policy forbids: here it becomes code."""
    script = static / "doctools.js"
    before = script.read_text(encoding="utf-8")
    rule = re.search(r'"plural_expr": "([\w\s()=!%?:&|<>]+)"', (static / "translations.js").read_text(encoding="utf-8"))
    after = PLURAL.sub(lambda _: f"(n) => ({rule[1]})", before) if rule else before
    if "new Function" in after:
        raise ExtensionError("doctools.js changed: its rule for plurals found no place")
    if after != before:
        script.write_text(after, encoding="utf-8")


def setup(app):
    """Connect the step, after all that rewrite pages."""
    app.add_js_file("buttons.js")
    app.connect("build-finished", add_policies, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
