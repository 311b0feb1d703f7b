"""The page of one's own model in a real browser, Chromium: as Python answers, and nobody else is asked."""

import json
import shutil

import numpy as np
import pytest
from browsing import BARRIERS, axe_of, opened, serving
from helpers import missing

from catsdogs.checkpoint import load_checkpoint, save_checkpoint
from catsdogs.config import PHASE2_CHECKPOINT
from catsdogs.engines.pages import PROGRAM, make_page
from catsdogs.photo import read_photo

OWN = ("onça & cia", "<i>gato</i>")
MAX_BYTES = 25e6
COUNT = 6


@pytest.fixture(scope="module")
def page_folder(trained, site, tmp_path_factory):
    """The page of a small trained checkpoint, with the LiteRT.js that the book's build brought."""
    litert = site / "_static" / "experimente" / "litert"
    if not litert.exists():
        missing("the site was built without npm")
    models = tmp_path_factory.mktemp("own")
    model, metadata = load_checkpoint(trained.models / PHASE2_CHECKPOINT)
    save_checkpoint(model, models / PHASE2_CHECKPOINT, OWN, {**metadata, "class_names": OWN})
    shutil.copy(trained.models / "run.json", models)
    make_page(models / "page", models / PHASE2_CHECKPOINT, runtime=litert)
    return models / "page"


@pytest.fixture
def own_page(browser, page_folder):
    """The page, opened, and its server: the page must complain of nothing and ask nobody else."""
    with serving(page_folder) as address:
        page = opened(browser, address)
        page.goto("/")
        page.locator("#classificador:not([inert])").wait_for()
        yield page
        assert page.complaints == [] and page.outside == []
        page.close()


@pytest.fixture(scope="module")
def photos(trained):
    """Some photos of each class."""
    of = trained.materials.photos
    return [of.path(i) for i in (*range(COUNT // 2), *range(len(of) - COUNT // 2, len(of)))]


def choose(page, file):
    """Give a photo to the page and wait for its answer."""
    page.set_input_files("#classificador input >> nth=0", str(file))
    page.locator("[data-part=verdict]:visible").wait_for()


def test_it_answers_as_python_does(own_page, photos, trained):
    model, _ = load_checkpoint(trained.models / PHASE2_CHECKPOINT)
    for path in photos:
        choose(own_page, path)
        probabilities = np.asarray(model(read_photo(path)[None].astype("float32"), training=False))[0]
        shown = own_page.locator("[data-part=rows] span").all_inner_texts()
        given = np.array([float(text.rstrip("%\xa0").replace(",", ".")) / 100 for text in shown])
        assert np.abs(given - probabilities).max() < 0.03  # 16 bits; random weights feel the rounding more
        verdict = own_page.locator("[data-part=verdict]").inner_text()
        assert verdict.startswith(f"{OWN[given.argmax()]}, com ") and "fase" not in verdict
        own_page.evaluate("document.querySelector('[data-part=answer]').hidden = true")


def test_it_tells_what_it_learned_from_and_does_not_know(own_page, trained):
    text = own_page.locator("main").inner_text()
    assert f"aprendeu com {trained.record['sizes']['train']} fotos" in text
    assert "não sai do seu dispositivo" in text and "só conhece duas respostas" in text
    assert own_page.title() == own_page.locator("h1").inner_text() == "Onça & cia ou <i>gato</i>?"
    assert own_page.locator("i").count() == 0
    assert own_page.evaluate("fetch('LICENCAS.txt').then((answer) => answer.text())").count("Apache License") == 1


def test_it_shows_where_it_looked(own_page, photos):
    choose(own_page, photos[0])
    assert own_page.locator("[data-part=heat]").get_attribute("aria-label").startswith("A foto com as regiões")
    different = """() => {
        const [photo, heat] = ["photo", "heat"].map((name) => document.querySelector(`[data-part=${name}]`));
        const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.join();
        return photo.width === heat.width && pixels(photo) !== pixels(heat);
    }"""
    assert own_page.evaluate(different)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(own_page, photos, site, scheme):
    if not axe_of(site).exists():
        missing("axe-core, from npm, is not installed")
    own_page.emulate_media(color_scheme=scheme)
    own_page.set_viewport_size({"width": 360, "height": 740})
    choose(own_page, photos[0])
    assert own_page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    grounds = own_page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (grounds == "rgb(255, 255, 255)") == (scheme == "light")
    own_page.evaluate(axe_of(site).read_text(encoding="utf-8"))
    assert own_page.evaluate(BARRIERS) == []
    own_page.complaints.clear()  # axe sets styles, which the page's policy stops


def test_a_photo_chosen_while_the_scripts_are_on_their_way_is_answered(browser, page_folder, photos):
    waiting = []
    with serving(page_folder) as address:
        page = opened(browser, address)
        page.route("**/classifier.js", lambda route: waiting.append(route))
        page.goto("/")
        page.set_input_files("#classificador input >> nth=0", str(photos[0]))
        waiting[0].continue_()
        page.locator("[data-part=verdict]:visible").wait_for()
        page.close()


def test_after_the_first_photo_it_needs_no_server(browser, page_folder, photos):
    with serving(page_folder) as address:
        page = opened(browser, address)
        page.goto("/")
        page.locator("#classificador:not([inert])").wait_for()
        choose(page, photos[0])
    page.context.set_offline(True)
    page.evaluate("document.querySelector('[data-part=answer]').hidden = true")
    choose(page, photos[-1])
    assert page.complaints == [] and page.outside == []
    page.close()


def test_opened_from_the_disk_it_says_what_to_do(browser, page_folder, photos):
    page = browser.new_page()
    complaints = []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((page_folder / "index.html").as_uri())
    page.set_input_files("#classificador input >> nth=0", str(photos[0]))
    page.locator("[data-part=status]", has_text="http.server").wait_for()
    assert complaints == []
    page.close()


def test_without_scripts_the_page_says_so(browser, page_folder):
    with serving(page_folder) as address:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(address)
        assert "precisa de JavaScript" in page.locator("noscript").inner_text()
        page.context.close()


def test_it_is_small_enough_to_publish(page_folder):
    sizes = [path.stat().st_size for path in page_folder.rglob("*") if path.is_file()]
    assert 15e6 < sum(sizes) <= MAX_BYTES
    about = json.loads((page_folder / PROGRAM / "modelo.json").read_text(encoding="utf-8"))
    assert set(about) == {"file", "bytes", "sha256", "image_size", "classes", "models", "checkpoint"}
