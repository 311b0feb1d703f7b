"""Pages of the built site in Chromium, and what the tests of all pages ask of them."""

import contextlib
import functools
import io
import re
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

# The same browser without its windows comes first: it takes a fifth less of the processor.
CHROMIUM = next(filter(None, map(shutil.which, (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))), None)
# LiteRT writes its whole log, good news too, as errors.
LITERT_LOG = re.compile(r"(INFO|WARNING|VERBOSE): ")
WIDTHS = (360, 768, 1280)
PATIENCE = 120_000  # milliseconds: a busy machine is slow, not wrong
# Whatever a page may leave behind.
STORED = """async () => ({
    local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie,
    databases: await indexedDB.databases(), caches: await caches.keys(),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    files: await Array.fromAsync((await navigator.storage.getDirectory()).keys()),
})"""
# WCAG 2.2 A and AA, as far as axe-core can tell, in final colors: what fades has others meanwhile. Only rules that are
# not among these would need the files that it can fetch beforehand.
BARRIERS = """async () => {
    document.getAnimations().forEach((fading) => fading.cancel());
    const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false,
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 150)}`));
}"""


@contextlib.contextmanager
def serving(folder):
    """Show a folder by a local server; gives its address."""
    class Quiet(SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def opened(browser, address):
    """A new page that notes what it complains of and the addresses it asks for outside the site."""
    page = browser.new_page(base_url=address)
    page.set_default_timeout(PATIENCE)
    page.complaints, page.outside = [], []
    page.expose_function("complain", lambda text: page.complaints.append(text))
    page.add_init_script("""addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
        complain(`${effectiveDirective}: ${blockedURI}`))""")
    page.on("console", lambda message: message.type == "error" and not LITERT_LOG.match(message.text)
            and page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: request.url.startswith((address, "data:", "blob:"))
            or page.outside.append(request.url))
    return page


def give_model(page, folder):
    """Let a page have the model of a folder instead of the site's."""
    page.route("**/modelo.*", lambda route: route.fulfill(path=folder / route.request.url.split("/")[-1]))


def in_theme(page, scheme):
    """Show a page in a theme: "light" or "dark"."""
    page.emulate_media(color_scheme=scheme)
    page.locator(f"html[data-theme={scheme}]").wait_for()


def axe_of(site):
    """The checker of accessibility, which npm installs beside the site in the version that its lock pins."""
    return site.parent / "web" / "node_modules" / "axe-core" / "axe.min.js"


def until(page, condition, what=""):
    """Wait for something, no longer than ``PATIENCE``."""
    for _ in range(PATIENCE // 100):
        if condition():
            return
        page.wait_for_timeout(100)
    pytest.fail(f"it did not happen: {what}")


def encoded(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noted_dialogs(page):
    """What the page says in dialogs from now on."""
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    return dialogs
