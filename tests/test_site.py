"""The built pages: complete, in Portuguese, and loading nothing from outside.

They are those of ``make rehearsal``; ``CATSDOGS_SITE`` names another built html folder.
"""

import base64
import hashlib
import os
import re
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from book_licences import FOLDER, PARTS
from book_publish import MERGED
from book_solutions import add_solutions
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent

OUTSIDE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
# `<link>` elements of these kinds are mere references; a browser fetches the others.
NOT_FETCHED = {"author", "canonical", "help", "license", "next", "prev", "search", "index"}
CSS_ADDRESS = re.compile(r"(?:url\(|@import(?!\s+url))\s*['\"]?([^'\")\s;]+)")
SCRIPT_ADDRESS = re.compile(
    r"(?:\bimport\b|\bfetch\b|importScripts|\bsrc\b)[^;\n]{0,80}?[\"'`]((?:https?:)?//[^\"'`]+)")

ELSEWHERE = {"index.html", "404.html", *(f"{name}.html" for name in MERGED)}
DEBRIS = ["\r", "\x1b", "█", "━ ", "it/s]", "WARNING:", "INFO:", "tensorflow/core", "[0m"]

ENGLISH = re.compile(
    r"\b(Back to top|Breadcrumb|By the|Click to|Close|Color mode|Contents|Copied|Copy|Dark|Download|Edit|"
    r"Fullscreen|Hide|Home|Important|Last updated|Launch|Light|Main|Navigation|Note|On this page|Open|Page|"
    r"Permalink|Print|Repository|Search|See also|Show|Skip|Source|Suggest|System|Theme|Tip|Toggle|Version|"
    r"Warning|issue|next|page|previous|sidebar)\b")
LABELS = ["title", "aria-label", "placeholder", "alt", "data-bs-title", "data-tooltip"]
THEME_TEXT = ("button, label, noscript, .admonition-title, .caption-number, .skip-link, .prev-next-subtitle, "
              ".bd-header-article, .page-toc .tocsection, .onpage, .component-author, .last-updated, "
              "#jb-print-toc > div, .search-button__default-text")


@pytest.fixture(scope="session")
def pages(site):
    """Every page a reader can reach, parsed, by its address within the site."""
    found = {}
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        # Those that only redirect, and 404.html, which stands for any address, have tests of their own.
        if name not in ELSEWHERE and not name.startswith(("_static/", "_sources/")):
            found[name] = parse(path.read_bytes().decode("utf-8"))
    assert found, f"there are no pages in {site}"
    return found


def parse(text):
    """Parse one page."""
    return BeautifulSoup(text, "html.parser")


def problems(pages, check):
    """What a check finds in each page, labelled with the page."""
    return [f"{name}: {problem}" for name, page in pages.items() for problem in check(page)]


# The checks: each takes a parsed page and yields what is wrong with it.

def errors(page):
    """Outputs of cells that failed."""
    for output in page.select(".output.traceback, .cell_output"):
        if "traceback" in output.get("class", []) or "Traceback" in output.get_text():
            yield output.get_text()[-200:]


def debris(page):
    """Messages of libraries and drawn progress bars in the outputs."""
    for output in page.select(".output.stderr"):
        yield output.get_text()[:200]
    for output in page.select(".cell_output"):
        text = output.get_text()
        yield from (f"{mark!r} in {text[:100]!r}" for mark in DEBRIS if mark in text)


def poor_alternative_texts(page):
    """Images whose alternative text says nothing."""
    for image in page.find_all("img"):
        alt = (image.get("alt") or "").strip()
        if len(alt) < 3 or alt.startswith("<") or re.search(r"_images/|\.(png|jpe?g|svg|gif|webp)$", alt):
            yield f"{image.get('src', '')[:80]} has alt={alt!r}"


def outside_requests(page):
    """Addresses outside the site that a browser fetches when it opens the page."""
    for element in page.find_all(["script", "link", "img", "source", "iframe", "video", "audio", "embed",
                                  "object", "track"]):
        if element.name == "link" and set(element.get("rel", [])) <= NOT_FETCHED:
            continue
        values = [element.get(name) or "" for name in ("src", "href", "data", "poster")]
        values += re.split(r",\s+", element.get("srcset") or "")
        yield from (value for value in values if OUTSIDE.match(value))
    for element in page.find_all("script", src=False):
        yield from SCRIPT_ADDRESS.findall(element.get_text())
    styles = [element.get_text() for element in page.find_all("style")]
    styles += [element["style"] for element in page.find_all(style=True)]
    for style in styles:
        yield from outside_style_requests(style)


def outside_style_requests(text):
    """Addresses outside the site that a style sheet fetches."""
    return [address for address in CSS_ADDRESS.findall(text) if OUTSIDE.match(address)]


def english(page):
    """English texts that the theme, rather than the book, put into the page."""
    for element in page.find_all(True):
        for label in LABELS:
            # The book's own images and links may well name an English term.
            own = element.name in ("img", "a") and element.find_parent(class_="bd-article")
            if not own and ENGLISH.search(element.get(label) or ""):
                yield f"{label}={element[label]!r}"
    for element in page.select(THEME_TEXT):
        text = " ".join(element.get_text(" ").split())
        if ENGLISH.search(text):
            yield text
    for script in page.find_all("script", src=False):
        for text in re.findall(r"toggleHint\w+ = '([^']*)'", script.get_text()):
            if ENGLISH.search(text):
                yield text


def wrong_headings(page):
    """A number of first-level headings other than one, leaving out the print-only copy."""
    headings = [heading.get_text() for heading in page.find_all("h1")
                if not heading.find_parent(id="jb-print-docs-body")]
    if len(headings) != 1:
        yield f"headings {headings}"


def skipped_levels(page):
    """Headings more than one level below the one before."""
    levels = [int(heading.name[1]) for heading in page.select("article :is(h1, h2, h3, h4, h5, h6)")]
    for before, after in pairwise(levels):
        if after > before + 1:
            yield f"h{before} is followed by h{after}"


def long_outputs(page):
    """Text outputs that take a screen or more before the reader asks for them."""
    for output in page.select(".cell_output pre"):
        lines = output.get_text().rstrip().count("\n") + 1
        if lines > 30 and output.find_parent("details") is None:
            yield f"an output of {lines} lines"


def missing_card(page):
    """What the card that social networks show lacks."""
    for name in ("og:title", "og:description", "og:image", "og:image:alt", "og:url", "og:locale"):
        tag = page.find("meta", property=name)
        if tag is None or not tag["content"]:
            yield name


def broken_links(site, name, pages):
    """Links of one page to files or anchors that the site does not have."""
    for element in pages[name].find_all(True):
        for attribute in ("href", "src"):
            address = element.get(attribute)
            inside = address and not urlsplit(address).scheme and not OUTSIDE.match(address)
            if inside and not resolves(site, name, address, pages):
                yield address


def resolves(site, name, address, pages):
    """Whether an address within the site, seen from one page, leads somewhere."""
    parts = urlsplit(address)
    # A path from the root would leave the site, which lives in a folder of its server.
    if parts.path.startswith("/"):
        return False
    target = (site / name).parent / unquote(parts.path) if parts.path else site / name
    if not target.resolve().is_file():
        return False
    page = pages.get(Path(os.path.relpath(target.resolve(), site.resolve())).as_posix())
    anchor = unquote(parts.fragment)
    return not anchor or page is None or page.find(id=anchor) is not None or page.find(attrs={"name": anchor})


def colab_prefix():
    """Where Colab opens this repository's files."""
    settings = (ROOT / "_config.yml").read_text(encoding="utf-8")
    address = re.search(r"^  url: https://github\.com/(\S+)$", settings, re.MULTILINE)[1]
    branch = re.search(r"^  branch: (\S+)$", settings, re.MULTILINE)[1]
    return f"https://colab.research.google.com/github/{address}/blob/{branch}/"


def colab_problems(name, page, root=ROOT):
    """Notebooks without their own Colab link, and Colab links that lead nowhere."""
    prefix = colab_prefix()
    links = [link["href"] for link in page.find_all("a", href=re.compile("^https://colab"))]
    notebook = Path(name).with_suffix(".ipynb").as_posix()
    if (root / notebook).exists() and prefix + notebook not in links:
        yield f"no Colab link to {notebook}"
    for link in links:
        path = unquote(urlsplit(link).path).split("/blob/", 1)[-1].partition("/")[2]
        if not link.startswith(prefix) or not path.endswith(".ipynb") or not (root / path).is_file():
            yield link


def handlers(page):
    """Code in attributes, which the policy would keep from running."""
    for element in page.find_all(True):
        for name, value in element.attrs.items():
            address = name in ("href", "src", "action", "formaction") and str(value).strip().lower()
            if name.startswith("on") or (address and address.startswith("javascript:")):
                yield f"<{element.name} {name}={value!r}>"


def rules(page):
    """A page's content security policy: what each kind of thing may come from."""
    found = page.select('meta[http-equiv="Content-Security-Policy"]')
    if len(found) != 1:
        return {}
    return {kind: sources for kind, *sources in (rule.split() for rule in found[0]["content"].split(";"))}


def forbidden_code(page):
    """Scripts, and styles where they are told one by one, that the page has and its policy does not name."""
    policy = rules(page)
    texts = {"script-src": [script.string or "" for script in page.find_all("script", src=False)],
             "style-src": [style.string or "" for style in page.find_all("style")]
             + [element["style"] for element in page.find_all(style=True)]}
    for kind, found in texts.items():
        for text in found if "'unsafe-inline'" not in policy.get(kind, []) else []:
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            if f"'sha256-{digest}'" not in policy.get(kind, []):
                yield f"{kind}: {text.strip()[:60]}"


def contents():
    """The pages of the table of contents."""
    names = re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [f"{name}.html" for name in names]


# The site.

def test_no_cell_failed(pages):
    assert not problems(pages, errors)


def test_outputs_have_no_debris(pages):
    assert not problems(pages, debris)


def test_printed_tables_keep_their_lines_and_nothing_empty_is_shown(pages):
    texts = [output for page in pages.values() for output in page.select(".cell_output .output")]
    aligned = [output.get_text() for output in texts if "aligned" in output["class"]]
    assert any("Trainable params" in text for text in aligned) and any("f1-score" in text for text in aligned)
    assert not [text for text in aligned if "Epoch" in text]
    empty = [output for output in texts if not output.get_text(strip=True) and not output.find(["img", "svg", "div"])]
    assert empty == []


def test_images_have_alternative_texts(pages):
    assert not problems(pages, poor_alternative_texts)


def test_pages_fetch_nothing_from_outside(pages):
    assert not problems(pages, outside_requests)


def test_style_sheets_fetch_nothing_from_outside(site):
    sheets = list(site.rglob("*.css"))
    found = [(path.name, address) for path in sheets
             for address in outside_style_requests(path.read_text(encoding="utf-8"))]
    assert sheets and not found


def test_formulas_are_drawn_by_a_local_mathjax(site, pages):
    with_formulas = {name: page for name, page in pages.items() if page.select(".math")}
    for name, page in with_formulas.items():
        assert page.find("script", src=re.compile(r"^[./]*_static/mathjax/.+\.js")), name
    assert list((site / "_static" / "mathjax").rglob("*.woff"))


def test_internal_links_resolve(site, pages):
    broken = [f"{name}: {link}" for name in pages for link in broken_links(site, name, pages)]
    assert not broken


def test_root_redirects_to_the_first_page(site):
    refresh = parse((site / "index.html").read_text(encoding="utf-8")).find("meta", attrs={"http-equiv": "Refresh"})
    assert (site / refresh["content"].partition("url=")[2]).is_file()


@pytest.mark.parametrize("old", MERGED)
def test_the_address_of_a_merged_page_leads_on(site, old):
    page = parse((site / f"{old}.html").read_text(encoding="utf-8"))
    address = page.find("meta", attrs={"http-equiv": "refresh"})["content"].partition("url=")[2]
    target = (site / old).parent / address
    assert target.resolve() == (site / f"{MERGED[old][0]}.html").resolve() and target.is_file()
    assert page.find("a")["href"] == address and page.find("a").get_text() == MERGED[old][1]
    assert page.html["lang"] == "pt-BR" and "/" not in page.title.get_text()


def test_every_page_of_the_contents_is_built(pages):
    assert contents() and set(contents()) <= set(pages)


def test_language_is_brazilian_portuguese(pages):
    assert {page.html.get("lang") for page in pages.values()} == {"pt-BR"}


def test_theme_speaks_portuguese(pages):
    assert not problems(pages, english)


def test_scripts_speak_portuguese(site):
    assert "'copy_to_clipboard': 'Copiar" in (site / "_static" / "copybutton.js").read_text(encoding="utf-8")
    assert '"locale": "pt_BR"' in (site / "_static" / "translations.js").read_text(encoding="utf-8")


def test_notebooks_open_in_colab(pages):
    found = [f"{name}: {problem}" for name, page in pages.items() for problem in colab_problems(name, page)]
    assert not found


def test_each_page_has_one_title(pages):
    assert not problems(pages, wrong_headings)


def test_headings_skip_no_level(pages):
    assert not problems(pages, skipped_levels)


def test_outputs_in_sight_are_short(pages):
    """A longer output must be folded."""
    assert not problems(pages, long_outputs)


def test_addresses_are_plain(pages):
    assert all(re.fullmatch(r"[a-z0-9/_-]+\.html", name) for name in pages)


def published_address():
    """Where GitHub Pages shows the site."""
    owner, name = colab_prefix().removeprefix("https://colab.research.google.com/github/").split("/")[:2]
    return f"https://{owner}.github.io/{name}/"


def test_pages_of_the_contents_have_a_card_and_an_address(site, pages):
    address = published_address()
    for name in contents():
        assert not list(missing_card(pages[name])), name
        assert pages[name].find("link", rel="canonical")["href"] == address + name
        picture = pages[name].find("meta", property="og:image")["content"]
        assert (site / picture.removeprefix(address)).is_file(), picture


def test_map_lists_the_contents_and_robots_names_it(site):
    address = published_address()
    listed = re.findall("<loc>(.+?)</loc>", (site / "sitemap.xml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(address + name for name in contents())
    assert f"Sitemap: {address}sitemap.xml" in (site / "robots.txt").read_text(encoding="utf-8").splitlines()


def test_wrong_addresses_lead_to_a_page_that_works_anywhere(site):
    page = parse((site / "404.html").read_text(encoding="utf-8"))
    assert page.select_one("article h1").get_text() == "Página não encontrada"
    prefix = urlsplit(published_address()).path
    for element in page.find_all(True):
        for address in (element.get("href"), element.get("src")):
            parts = urlsplit(address or "#")
            if parts.path and not parts.scheme:
                assert parts.path.startswith(prefix) and (site / unquote(parts.path).removeprefix(prefix)).exists()


def test_pages_load_only_what_they_show(site, pages):
    assert not list((site / "_static").rglob("fontawesome.js*"))
    with_formulas = {name for name, page in pages.items() if page.select("article .math")}
    with_mathjax = {name for name, page in pages.items() if page.select('script[src*="mathjax"]')}
    assert with_formulas and with_mathjax == with_formulas
    to_play_with = {name for name, page in pages.items() if page.select("article [data-interativo]")}
    started = {name for name, page in pages.items() if page.select('script[src*="_static/interativo.js"]')}
    assert to_play_with and started == to_play_with
    for page in pages.values():
        assert all(image.get("loading") == "lazy" for image in page.select("article img")[1:])


def test_every_page_allows_only_the_site_and_its_own_scripts(site):
    names = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    assert {"404.html", "index.html", "search.html"} < set(names)
    assert not [name for name in names if name.startswith("_static/")]  # the theme's templates are no pages
    for name in names:
        text = (site / name).read_text(encoding="utf-8")
        page = parse(text)
        policy = rules(page)
        runs_model = page.select_one("section[data-module]") is not None
        fixed = {"default-src": ["'none'"], "font-src": ["'self'"], "connect-src": ["'self'"], "base-uri": ["'none'"],
                 "form-action": ["'self'"], "img-src": ["'self'", "data:", *(["blob:"] if runs_model else [])]}
        if runs_model:
            fixed["worker-src"] = ["blob:"]  # from a blob, a worker inherits the policy
        assert {kind: policy[kind] for kind in fixed} == fixed, name
        assert set(policy) == {*fixed, "script-src", "style-src"}, name
        others = {source for source in policy["script-src"] if not source.startswith("'sha256-")}
        assert others == {"'self'", *(["'wasm-unsafe-eval'"] if runs_model else [])}, name
        others = {source for source in policy["style-src"] if not source.startswith("'sha256-")}
        draws = page.select_one('script[src*="mathjax"]') is not None
        assert others - {"'unsafe-hashes'"} == {"'self'", *(["'unsafe-inline'"] if draws else [])}, name
        assert not list(forbidden_code(page)) and not list(handlers(page)), name
        before = text.partition("<meta http-equiv")[0].lower()
        assert "<script" not in before and "<link" not in before and "<style" not in before, name


def test_scripts_make_no_code_of_texts(site):
    """The policy would stop them: what MathJax has is for Node and for old browsers."""
    making = re.compile(r"\beval\(|\bnew Function\b")
    found = {path.relative_to(site / "_static").as_posix() for path in (site / "_static").rglob("*.js")
             if making.search(path.read_text(encoding="utf-8"))}
    assert found <= {"mathjax/tex-chtml.js"}


def test_what_a_reader_downloads_is_no_more_than_the_page_says(site):
    """Of the two forms of LiteRT's binary, a browser takes one."""
    folder = site / "_static" / "experimente"
    loaded = [path for path in folder.rglob("*") if path.is_file() and "compat" not in path.name]
    assert sum(path.stat().st_size for path in loaded) < 18e6


def test_every_file_of_others_is_among_the_licences(site):
    static = site / "_static"
    ours = [path.relative_to(ROOT / "book" / "_static").as_posix() for path in (ROOT / "book" / "_static").rglob("*")]
    ours += [f"experimente/{path.name}" for path in (ROOT / "catsdogs" / "engines" / "browser").iterdir()]
    ours += ["experimente/modelo.json", "experimente/modelo.tflite", "treino/fotos/*", f"{FOLDER}/*"]
    listed = [pattern for part in PARTS for pattern in part.files]
    names = [path.relative_to(static).as_posix() for path in static.rglob("*") if path.is_file()]
    assert [name for name in names if not any(fnmatch(name, pattern) for pattern in ours + listed)] == []
    model = (static / "experimente" / "modelo.json").exists()
    assert [pattern for pattern in listed if not any(fnmatch(name, pattern) for name in names)
            and (model or not pattern.startswith(("experimente/", "treino/tfjs/")))] == []
    for part in PARTS:
        assert not part.text or (static / FOLDER / part.slug).stat().st_size > 900, part.name


def test_licences_are_told_with_their_texts(site, pages):
    page = pages["book/referencia/licencas.html"]
    rows = page.select("article table tbody tr")
    assert len(rows) > 15
    assert len(page.select('article table a[href*="_static/licencas/"]')) > 12
    assert all(cell.get_text().strip() for row in rows for cell in row.select("td"))


def test_page_about_the_build_tells_what_made_it(pages):
    page = pages["book/referencia/estado.html"]
    text = page.select_one("article").get_text(" ")
    assert all(word in text for word in ("Commit", "Backbone", "Dados", "Semente", "tensorflow", "Segundos"))
    executed = {link["href"] for link in page.select("article table a") if link["href"].endswith(".html")}
    assert len(executed) >= len(list((ROOT / "book").rglob("*.ipynb")))


def test_page_about_the_build_tells_how_long_its_commands_take(pages):
    text = pages["book/referencia/estado.html"].select_one("article").get_text(" ")
    table = text[text.index("Quanto espera"):]
    assert len(re.findall(r"(?:\d+ min )?\d+ s\b", table)) == 7 and re.search(r"Medido em \d\d/\d\d/\d{4}", table)


def test_start_page_lists_every_page_with_its_time(pages):
    cards = pages["book/index.html"].select(".sd-card")
    listed = [item.get_text() for card in cards for item in card.select("li")]
    assert len(listed) == len(contents()) - 1  # all but itself
    assert all(re.search(r" · \d+ min$", item.strip()) for item in listed), listed


def test_each_page_has_one_search_field(pages):
    for name, page in pages.items():
        fields = page.select("input[type=search]")
        in_dialog = [field for field in fields if field.find_parent(id="pst-search-dialog")]
        # The page of results shows a field of its own, besides the dialog's.
        assert len(in_dialog) == 1 and len(fields) == 1 + (name == "search.html"), name


# The checks themselves, each on a page that breaks it and one that does not.

@pytest.mark.parametrize(("check", "bad", "good"), [
    (errors, '<div class="cell_output"><pre>Traceback (most recent call last)</pre></div>',
     '<div class="cell_output"><pre>ok</pre></div>'),
    (errors, '<div class="output traceback">ValueError</div>', "<p>Traceback</p>"),
    (debris, '<div class="cell_output"><div class="output stderr">x</div></div>', "<p>█</p>"),
    (debris, '<div class="cell_output"><pre>50%|██ | 1/2 [00:01, 3it/s]</pre></div>',
     '<div class="cell_output"><pre>60/60 - 3s - 50ms/step</pre></div>'),
    (poor_alternative_texts, '<img src="a.png">', '<img src="a.png" alt="Curva de perda">'),
    (poor_alternative_texts, '<img src="a.png" alt="../_images/a.png">', ""),
    (poor_alternative_texts, '<img src="a.png" alt="&lt;Figure size 640x480&gt;">', ""),
    (outside_requests, '<script src="https://cdn.example/x.js"></script>', '<script src="x.js"></script>'),
    (outside_requests, '<link rel="stylesheet" href="//cdn.example/x.css">', '<a href="https://example.org">x</a>'),
    (outside_requests, '<link rel="preconnect" href="https://cdn.example">',
     '<link rel="canonical" href="https://example.org">'),
    (outside_requests, '<script type="module">import x from "https://cdn.example/x.js";</script>',
     '<script>const page = "https://example.org";</script>'),
    (outside_requests, '<img src="a.png" srcset="a.png 1x, https://cdn.example/b.png 2x">',
     '<img src="data:image/png;base64,AA==">'),
    (outside_requests, "<style>@import 'https://cdn.example/x.css';</style>", "<style>p { color: red }</style>"),
    (outside_requests, "<style>@import url(https://cdn.example/x.css);</style>", "<style>@import 'x.css';</style>"),
    (outside_requests, '<p style="background: url(https://cdn.example/x.png)">', '<p style="width: 10px">'),
    (english, '<button title="Toggle primary sidebar"></button>', '<button title="Mostrar o menu"></button>'),
    (english, '<p class="admonition-title">Note</p>', '<p class="admonition-title">Nota</p>'),
    (english, "<script>let toggleHintShow = 'Click to show';</script>",
     "<script>let toggleHintShow = 'Clique para mostrar';</script>"),
    (wrong_headings, "<h1>a</h1><h1>b</h1>", '<h1>a</h1><div id="jb-print-docs-body"><h1>a</h1></div>'),
    (wrong_headings, "<h2>a</h2>", "<h1>a</h1><h2>b</h2>"),
    (skipped_levels, "<article><h1>a</h1><h3>b</h3></article>", "<article><h1>a</h1><h2>b</h2></article>"),
    (long_outputs, f"<div class='cell_output'><pre>{chr(10).join('a' * 31)}</pre></div>",
     f"<div class='cell_output'><pre>{chr(10).join('a' * 30)}</pre></div>"),
    (handlers, '<button onclick="print()">x</button>', '<button data-action="print">x</button>'),
    (handlers, '<a href=" JavaScript:print()">x</a>', '<a href="javascript.html" title="javascript: x">x</a>'),
    (forbidden_code, "<script>print()</script>", '<script src="a.js"></script>'),
    (forbidden_code, '<p style="color: red">x</p>',
     '<meta http-equiv="Content-Security-Policy" content="style-src \'unsafe-inline\'"><p style="color: red">x</p>'),
    (forbidden_code, '<meta http-equiv="Content-Security-Policy" content="script-src \'self\'"><script>a</script>',
     '<meta http-equiv="Content-Security-Policy" content="script-src '
     '\'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=\'"><script>a</script>'),
    (missing_card, '<meta property="og:title" content="a">',
     "".join(f'<meta property="og:{name}" content="a">'
             for name in ("title", "description", "image", "image:alt", "url", "locale"))),
])
def test_checks_tell_bad_from_good(check, bad, good):
    assert list(check(parse(bad)))
    assert not list(check(parse(good)))


@pytest.mark.parametrize(("address", "expected"), [
    ("b.html", True), ("b.html#here", True), ("b.html?v=1#here", True), ("#top", True),
    ("b.html#there", False), ("c.html", False), ("/b.html", False), ("#", True)])
def test_links_are_followed_to_their_anchor(tmp_path, address, expected):
    texts = {"a.html": '<p id="top">', "b.html": '<p id="here">'}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    pages = {name: parse(text) for name, text in texts.items()}
    assert bool(resolves(tmp_path, "a.html", address, pages)) is expected


@pytest.mark.parametrize(("link", "fine"), [
    ("book/a.ipynb", True), ("book/b.ipynb", False), ("book/a.md", False), (None, False)])
def test_colab_links_lead_to_the_page_own_notebook(tmp_path, link, fine):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "a.ipynb").write_text("{}", encoding="utf-8")
    text = f'<a href="{colab_prefix()}{link}">Colab</a>' if link else ""
    assert (not list(colab_problems("book/a.html", parse(text), tmp_path))) is fine


# The exercises' solutions

def test_a_quick_build_executes_the_solutions_and_hides_them(site, pages):
    if "ensaio" not in pages["book/referencia/estado.html"].select_one("article").get_text():
        pytest.skip("this is the readers' build")
    ran = {cell.source for path in (site.parent / ".jupyter_cache" / "executed").rglob("*.ipynb")
           for cell in nbformat.read(path, as_version=4).cells if cell.get("execution_count")}
    for path in (ROOT / "book").rglob("*.ipynb"):
        codes = [cell.source for cell in add_solutions(nbformat.read(path, as_version=4)).cells
                 if "remove-cell" in cell.metadata.get("tags", [])]
        assert set(codes) <= ran, path.stem
        page = pages[path.relative_to(ROOT).with_suffix(".html").as_posix()]
        shown = "".join(cell.get_text() for cell in page.select("div.cell"))
        assert not [code for code in codes if code.strip() in shown], path.stem
