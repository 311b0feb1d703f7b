"""The second part of the page Treine aqui, in Chromium: trainings on the book's photos, and Keras beside them."""

import gzip
import json

import numpy as np
import pytest
from browsing import BARRIERS, WIDTHS, axe_of, in_theme, opened, until
from helpers import missing

from catsdogs.config import Config
from catsdogs.quiet import keras
from catsdogs.training import build_head

PAGE = "book/alem/treine.html"
SEEDS = range(5)
ROWS = "[data-part=rows] tr"
SETTINGS = {"photos": 200, "spoiled": 0, "units": 256, "dropout": 0.3, "rate": 0.001, "epochs": 10}
# Trainings by the page's own modules, and which photos they use; [{ right, all, loss }, { train, validation }] each.
TRAINED = """async (list) => {
    const [{ startWorker }, { choose }] = await Promise.all([
        import("/_static/experimente/ask.js"), import("/_static/treino/choice.js")]);
    const about = await (await fetch("/_static/treino/fotos/fotos.json")).json();
    const ask = startWorker(new URL("/_static/experimente/", location.href).href);
    const done = [];
    for (const options of list) {
        done.push([await ask("../treino/pool.run", options), choose(about.labels.slice(0, about.train), options)]);
    }
    return done;
}"""


@pytest.fixture(scope="module")
def photos(site):
    """Where the site has the photos' features."""
    folder = site / "_static" / "treino" / "fotos"
    if not (folder / "fotos.json").exists():
        missing("the site was built without npm")
    return folder


@pytest.fixture
def lab(tab, photos):
    """The section of the page; ``tab`` is its page."""
    tab.goto(PAGE)
    return ready(tab)


def ready(tab):
    section = tab.locator("#laboratorio:not([inert])")
    section.wait_for()
    return section


@pytest.fixture(scope="module")
def usual(browser, address, photos):
    """What trainings with ``SETTINGS`` give, one for each of ``SEEDS``; as ``TRAINED``."""
    page = opened(browser, address)
    page.goto(PAGE)
    done = page.evaluate(TRAINED, [{**SETTINGS, "seed": seed} for seed in SEEDS])
    page.close()
    return done


def status(lab):
    return lab.locator("[data-part=status]").inner_text()


def fill(lab, **values):
    for name, value in values.items():
        lab.locator(f"[name={name}]").fill(str(value))


def train(tab, lab, count=1, button="train", **values):
    """Train, and wait until there are so many runs and the buttons can be pressed again."""
    fill(lab, **values)
    lab.locator(f"[data-part={button}]").click()
    lab.locator(ROWS).nth(count - 1).wait_for()
    lab.locator("[data-part=train]:enabled").wait_for()


def cells(lab, row):
    """A run's cells by the heads of their columns."""
    return dict(zip(lab.locator("thead th").all_inner_texts(), lab.locator(ROWS).nth(row).locator("th, td")
                    .all_inner_texts(), strict=True))


# Numbers

def test_the_page_trains_as_keras_does(usual, photos):
    about = json.loads((photos / "fotos.json").read_text(encoding="utf-8"))
    levels = np.frombuffer(gzip.decompress((photos / about["file"]).read_bytes()), np.uint8)
    features = (levels.reshape(len(about["labels"]), -1) * np.array(about["scales"])).astype(np.float32)
    labels = np.array(about["labels"])
    by_keras = []
    for seed, (_, parts) in zip(SEEDS, usual, strict=True):
        keras.utils.set_random_seed(seed)
        head = build_head(Config(seed=seed))
        head.compile(keras.optimizers.Adam(SETTINGS["rate"]), "sparse_categorical_crossentropy", metrics=["accuracy"])
        given = parts["train"]
        head.fit(features[given["photos"]], np.array(given["labels"]), epochs=SETTINGS["epochs"], verbose=0)
        by_keras.append(head.evaluate(features[about["train"]:], labels[about["train"]:], verbose=0))
    by_page = [(answer["loss"], answer["right"] / answer["all"]) for answer, _ in usual]
    (loss, accuracy), (page_loss, page_accuracy) = np.mean(by_keras, axis=0), np.mean(by_page, axis=0)
    print(f"Keras {accuracy:.4f} {loss:.4f}, page {page_accuracy:.4f} {page_loss:.4f}")
    assert abs(accuracy - page_accuracy) < 0.015 and abs(loss - page_loss) < 0.03
    assert len({answer["loss"] for answer, _ in usual}) == len(SEEDS) and page_accuracy > 0.9


def test_a_wild_rate_makes_the_loss_wild_and_not_a_constant_answer(tab, lab):
    """Were the loss computed from probabilities, what is wrong with all certainty would teach nothing any more."""
    done = tab.evaluate(TRAINED, [{**SETTINGS, "rate": 1, "seed": seed} for seed in SEEDS])
    assert np.mean([answer["right"] / answer["all"] for answer, _ in done]) > 0.8
    assert max(answer["loss"] for answer, _ in done) > 5


def test_the_same_seed_gives_the_same_run(tab, lab):
    train(tab, lab, photos=50)
    train(tab, lab, 2, seed=43)
    train(tab, lab, 3, seed=42)
    first, second, third = ({**cells(lab, row), "Treino": ""} for row in range(3))
    assert first == third != second


def test_spoiled_labels_and_few_photos_do_worse(tab, lab, usual):
    done = usual + tab.evaluate(TRAINED, [{**SETTINGS, **changed, "seed": seed} for changed in (
        {"spoiled": 40}, {"photos": 10}) for seed in SEEDS])
    right = np.reshape([answer["right"] for answer, _ in done], (3, len(SEEDS))).mean(axis=1)
    assert right[1] < right[0] - 30 and right[2] < right[0] - 5


def test_all_photos_at_once(tab, lab):
    train(tab, lab, photos=700, epochs=10)
    assert cells(lab, 0)["Fotos"] == "700" and status(lab).startswith("Pronto.")


# What the reader sees and does

def test_nothing_is_loaded_before_the_first_training(tab, lab):
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.wait_for_timeout(300)
    assert [url for url in asked if "fotos.gz" in url or "tfjs" in url] == []
    train(tab, lab, photos=10)
    train(tab, lab, 2)
    assert sum("fotos.gz" in url for url in asked) == 1 and tab.outside == [] and tab.complaints == []


def test_a_run_is_a_row_and_two_points_and_a_sentence(tab, lab):
    train(tab, lab, photos=50, spoiled=10, units=16, dropout=0.5, rate="0,01", epochs=4, seed=7)
    row = cells(lab, 0)
    assert row == {"Treino": "1", "Acertos": row["Acertos"], "Perda": row["Perda"], "Fotos": "50", "Trocados": "10%",
                   "Unidades": "16", "Dropout": "0,5", "Taxa": "0,01", "Épocas": "4", "Semente": "7"}
    titles = lab.locator("[data-part=chart] circle title").all_text_contents()
    assert len(titles) == 2 and all(row["Acertos"] in title and row["Perda"] in title and "50 fotos" in title
                                    for title in titles)
    told = lab.locator("[data-part=accuracy]").inner_text()
    assert "de 300 fotos que não viu" in told and "deve ficar entre" in told
    assert lab.locator("[data-part=curve] circle").count() == 8


def test_what_is_no_number_or_out_of_range_becomes_the_nearest(tab, lab):
    train(tab, lab, photos=10, units=2.6, epochs=3, rate="muito", seed=-5)
    shown = cells(lab, 0)
    assert [shown[name] for name in ("Unidades", "Taxa", "Épocas", "Semente")] == ["3", "0,001", "3", "0"]
    assert lab.locator("[name=rate]").input_value() == "0,001"


def test_five_seeds_show_the_spread(tab, lab):
    train(tab, lab, 5, "repeat", photos=20)
    lab.locator("[data-part=summary]:not(:empty)").wait_for()
    shares = [float(cells(lab, row)["Acertos"][:-1].replace(",", ".")) for row in range(5)]
    assert [cells(lab, row)["Semente"] for row in range(5)] == ["42", "43", "44", "45", "46"]
    said = lab.locator("[data-part=summary]").inner_text().replace(",", ".")
    assert f"de {min(shares):.1f}% a {max(shares):.1f}%" in said and f"{np.mean(shares):.1f}% de acertos" in said


def test_the_axis_is_chosen_and_what_is_old_stands_back(tab, lab):
    train(tab, lab, photos=10)
    train(tab, lab, 2, photos=20)
    chart = lab.locator("[data-part=chart] svg").first
    assert chart.locator("circle.novo").count() == chart.locator("circle.velho").count() == 1
    lab.locator("[name=by]").select_option("photos")
    assert chart.locator(".meio").all_text_contents() == ["10", "20"]
    assert "por fotos: 2 treinos" in chart.get_attribute("aria-label")


def test_a_training_is_stopped_and_a_second_click_starts_nothing(tab, lab):
    fill(lab, photos=700, epochs=100)
    lab.locator("[data-part=train]").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.dataset.part") == "stop"
    lab.locator("[data-part=curve] circle").first.wait_for()
    for button in ("train", "repeat"):
        assert lab.locator(f"[data-part={button}]").is_disabled()
        lab.locator(f"[data-part={button}]").dispatch_event("click")
    tab.keyboard.press("Enter")
    lab.locator("[data-part=train]:enabled").wait_for()
    tab.wait_for_timeout(300)
    assert lab.locator(ROWS).count() == 1 and int(cells(lab, 0)["Épocas"]) < 100
    assert status(lab).startswith("Parei.") and tab.evaluate("document.activeElement.dataset.part") == "train"
    assert lab.locator("[data-part=stop]").is_hidden()


def test_results_are_kept_until_they_are_cleared(tab, lab):
    train(tab, lab, photos=10)
    lab.locator("[data-part=clear]").click()
    assert lab.locator(ROWS).count() == 0 and lab.locator("[data-part=result]").is_hidden()
    train(tab, lab, photos=20)
    assert (cells(lab, 0)["Treino"], cells(lab, 0)["Fotos"]) == ("1", "20")


def test_training_goes_on_in_a_hidden_tab(tab, photos):
    """There the browser slows a page's timers down and draws nothing; the worker has its own."""
    tab.add_init_script("""Object.defineProperty(document, "hidden", { value: true });
        Object.defineProperty(document, "visibilityState", { value: "hidden" });
        window.requestAnimationFrame = () => 0; window.requestIdleCallback = () => 0; window.setTimeout = () => 0;""")
    tab.goto(PAGE)
    lab = ready(tab)
    train(tab, lab, photos=10, epochs=5)
    assert cells(lab, 0)["Épocas"] == "5"


# The guided experiments

@pytest.mark.parametrize(("name", "lines"), [("photos", 7), ("dropout", 4), ("rate", 6)])
def test_an_experiment_is_predicted_run_and_explained(tab, lab, name, lines):
    place = lab.locator(f"[data-experiment={name}]")
    place.locator("button").click()
    assert "escolha uma das respostas" in status(lab) and lab.locator(ROWS).count() == 0
    assert tab.evaluate("document.activeElement.type") == "radio"
    place.locator("input").nth(1).check()
    place.locator("button").click()
    place.locator("[data-part=found]").wait_for()
    predicted = place.locator("label").nth(1).inner_text().strip()
    assert predicted in place.locator("[data-part=prediction]").inner_text()
    assert place.locator("[data-part=findings] li").count() == lines
    assert lab.locator("[name=by]").input_value() == name
    last = cells(lab, lab.locator(ROWS).count() - 1)
    assert lab.locator("[name=seed]").input_value() == last["Semente"]
    assert "costuma" in place.locator("[data-part=found] p").last.inner_text()


def test_a_stopped_experiment_explains_nothing(tab, lab):
    place = lab.locator("[data-experiment=photos]")
    place.locator("input").first.check()
    place.locator("button").click()
    lab.locator(ROWS).first.wait_for()
    lab.locator("[data-part=stop]").click()
    lab.locator("[data-part=train]:enabled").wait_for()
    assert place.locator("[data-part=found]").is_hidden() and 1 <= lab.locator(ROWS).count() < 7


def test_nothing_can_be_pressed_before_the_script_is_there(tab, photos):
    """A click that nobody hears would be lost on a slow connection."""
    held = []
    tab.route("**/treino/lab.js", lambda route: held.append(route))
    tab.goto(PAGE)
    until(tab, lambda: held, "its script is asked for")
    assert tab.locator("#laboratorio[inert]").count() == 1
    held.pop().continue_()
    train(tab, tab.locator("#laboratorio"), photos=10)


# When something is missing

@pytest.mark.parametrize(("lacking", "answer", "sentence"), [
    ("**/fotos.json", {"status": 404}, "instale o Node.js"),
    ("**/fotos.json", None, "confira a conexão"),
    ("**/fotos.gz", None, "confira a conexão"),
    ("**/fotos.gz", {"body": b"short"}, "incompletas"),
    ("**/tfjs/core.js", {"status": 404}, "TensorFlow.js"),
], ids=["no photos", "no network", "no levels", "cut short", "no TensorFlow.js"])
def test_what_is_missing_is_told_in_a_sentence_and_asked_for_again(tab, lab, lacking, answer, sentence):
    tab.context.route(lacking, lambda route: route.fulfill(**answer) if answer else route.abort())
    lab.locator("[data-part=train]").click()
    until(tab, lambda: sentence in status(lab), sentence)
    assert lab.locator("[data-part=result]").is_hidden() and lab.locator("[data-part=train]").is_enabled()
    tab.context.unroute(lacking)
    if "tfjs" not in lacking:  # browsers remember that a module failed
        train(tab, lab, photos=10)


def test_a_worker_loads_what_a_module_imports_before_it(tab, lab):
    """The policy keeps Firefox, which does not try the page here, from loading it later."""
    asked = []
    tab.on("request", lambda request: request.resource_type == "script" and asked.append(request.url.split("/")[-1]))
    train(tab, lab, photos=10)
    ours = [name for name in asked if name in ("train.js", "head.js", "pool.js", "core.js", "layers.js", "library.js")]
    assert ours == ["train.js", "head.js", "pool.js", "core.js", "layers.js", "library.js"]


def test_a_server_that_unpacks_by_itself_does_no_harm(tab, lab, photos):
    body = gzip.decompress((photos / "fotos.gz").read_bytes())
    tab.context.route("**/fotos.gz", lambda route: route.fulfill(body=body))
    train(tab, lab, photos=10)


# For everybody

def barriers(tab):
    """What axe-core finds, by theme."""
    found = {}
    for scheme in ("light", "dark"):
        in_theme(tab, scheme)
        found[scheme] = tab.evaluate(BARRIERS)
    return found


def test_no_barriers_in_any_state(tab, lab, site):
    none = {"light": [], "dark": []}
    tab.evaluate(axe_of(site).read_text(encoding="utf-8"))
    assert barriers(tab) == none, "empty"
    fill(lab, photos=700, epochs=100)
    lab.locator("[data-part=train]").click()
    lab.locator("[data-part=curve] circle").first.wait_for()
    assert barriers(tab) == none, "training"
    lab.locator("[data-part=stop]").click()
    lab.locator("[data-part=train]:enabled").wait_for()
    place = lab.locator("[data-experiment=rate]")
    place.locator("input").first.check()
    place.locator("button").click()
    place.locator("[data-part=found]").wait_for()
    assert barriers(tab) == none, "result"
    tab.context.route("**/fotos.json", lambda route: route.abort())
    tab.reload()
    ready(tab).locator("[data-part=train]").click()
    until(tab, lambda: "confira a conexão" in status(lab))
    tab.evaluate(axe_of(site).read_text(encoding="utf-8"))
    assert barriers(tab) == none, "error"


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(tab, lab, width):
    tab.set_viewport_size({"width": width, "height": 800})
    train(tab, lab, 5, "repeat", photos=10, rate="0,00001")
    lab.locator("[name=by]").select_option("rate")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    beyond = """() => Array.from(document.querySelectorAll("#laboratorio *")).filter((each) =>
        !each.closest(".treino-tabela table, .visually-hidden") && each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.outerHTML.slice(0, 80))"""
    assert tab.evaluate(beyond) == []


def test_all_is_reached_by_the_keyboard(tab, lab):
    lab.locator("[name=photos]").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    assert lab.locator("[name=photos]").get_attribute("aria-valuetext") == "20"
    seen = []
    for _ in range(20):
        seen.append(tab.evaluate("document.activeElement.name || document.activeElement.dataset.part || ''"))
        tab.keyboard.press("Tab")
    assert [name for name in seen if name in (*SETTINGS, "seed", "train", "repeat")] == [
        "photos", "spoiled", "dropout", "units", "rate", "epochs", "seed", "train", "repeat"]
    assert [name for name in seen if name.startswith("previsao")] == [
        "previsao-fotos", "previsao-dropout", "previsao-taxa"]
