"""The page Treine aqui with the reader's own two classes, in a real browser."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from browsing import BARRIERS, CHROMIUM, STORED, WIDTHS, axe_of, encoded, give_model, in_theme, opened
from helpers import missing
from PIL import Image
from sklearn.datasets import load_sample_image

from catsdogs.backbone import find_base
from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, Config
from catsdogs.engines.browser_head import model_of_head
from catsdogs.photo import read_photo, resize_photo, sample_photo

ROOT = Path(__file__).resolve().parent.parent
PAGE = "book/alem/treine.html"
EACH, MOST = 8, 25
CAMERA = ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@pytest.fixture(scope="session")
def photos():
    """Crops of a cat and of a flower, as files, ``MOST`` of each."""
    rng, made = np.random.default_rng(12), []
    for image in (Image.fromarray(read_photo(sample_photo())), Image.fromarray(load_sample_image("flower.jpg"))):
        files = []
        for number in range(MOST):
            width, height = (int(side * rng.uniform(0.6, 0.9)) for side in image.size)
            left, top = int(rng.integers(0, image.width - width)), int(rng.integers(0, image.height - height))
            content = encoded(image.crop((left, top, left + width, top + height)).rotate(float(rng.uniform(-15, 15))))
            files.append({"name": f"foto-{number}.jpg", "mimeType": "image/jpeg", "buffer": content})
        made.append(files)
    return made


@pytest.fixture
def trainer(tab, site):
    """The page, ready for photos."""
    if not (site / "_static" / "treino" / "tfjs").exists():
        missing("the site was built without npm")
    return ready(tab)


def ready(page):
    page.goto(PAGE)
    page.locator("#treino fieldset >> nth=1").wait_for()
    return page


def part(page, name):
    return page.locator(f"#treino [data-part={name}]")


def add(page, label, files):
    """Choose files of a class and wait until they have been looked at."""
    page.locator("#treino fieldset").nth(label).locator("input[type=file] >> nth=0").set_input_files(files)
    part(page, "stop-adding").wait_for(state="hidden")


def fill(page, photos, count=EACH):
    for label in (0, 1):
        add(page, label, photos[label][:count])
    assert page.locator(".treino-fotos li").count() == 2 * count


def train(page):
    part(page, "train").click()
    part(page, "result").wait_for()


def test_two_classes_are_trained_and_a_ninth_photo_is_answered(trainer, photos):
    before = trainer.evaluate(STORED)
    assert part(trainer, "train").is_disabled()
    fill(trainer, photos)
    train(trainer)
    assert "de 4 fotos que não viu" in part(trainer, "accuracy").inner_text()
    for label, name in enumerate(("caneca", "garrafa")):
        part(trainer, "try").set_input_files(photos[label][EACH])
        answers = part(trainer, "verdict")
        answers.filter(has_text=f"{name}: 9").or_(answers.filter(has_text=f"{name}: 100%")).wait_for()
    assert "em laranja" in part(trainer, "heat").get_attribute("aria-label")
    assert trainer.locator("#treino svg circle").count() == 40
    assert "Perda por época, 20 de 20" in trainer.locator("#treino svg").get_attribute("aria-label")
    assert trainer.evaluate(STORED) == before
    assert trainer.complaints == [] and trainer.outside == []


def test_nothing_of_the_training_is_loaded_before_it_is_asked_for(trainer, photos):
    asked = []
    trainer.on("request", lambda request: asked.append(request.url))
    trainer.reload()
    trainer.wait_for_load_state("networkidle")
    assert not [url for url in asked if "tfjs" in url or "litert" in url or ".tflite" in url]
    fill(trainer, photos)
    assert not [url for url in asked if "tfjs" in url] and [url for url in asked if ".tflite" in url]


def test_works_without_a_network_once_loaded(trainer, photos):
    fill(trainer, photos)
    train(trainer)
    trainer.context.set_offline(True)
    add(trainer, 0, photos[0][EACH:EACH + 1])
    train(trainer)
    trainer.context.set_offline(False)
    assert "de 4 fotos" in part(trainer, "accuracy").inner_text() and trainer.complaints == []


def test_what_is_wrong_with_the_photos_is_told_before_training(trainer, photos):
    add(trainer, 0, photos[0][:3])
    told = part(trainer, "warnings")
    assert "Faltam fotos de “caneca”" in told.inner_text() and part(trainer, "train").is_disabled()
    add(trainer, 0, photos[0][3:EACH + 1])
    add(trainer, 1, [*photos[1][:5], photos[0][0]])
    assert "estão nas duas classes (1)" in told.inner_text()
    trainer.locator("fieldset >> nth=1").get_by_role("button", name="Retirar a foto 6").click()
    assert told.inner_text() == "" and part(trainer, "train").is_enabled()
    trainer.locator("fieldset >> nth=0").get_by_label("Nome").fill("gata")
    add(trainer, 0, photos[0][:4])
    assert "13 fotos de “gata” e só 5 de “garrafa”" in told.inner_text()


def test_files_that_are_no_photos_are_named_and_the_others_come_in(trainer, photos):
    bad = [{"name": "notas.txt", "mimeType": "text/plain", "buffer": b"not an image"},
           {"name": "torta.png", "mimeType": "image/png", "buffer": encoded(Image.new("RGB", (64, 64)), "PNG")[:60]}]
    add(trainer, 0, [bad[0], photos[0][0], bad[1]])
    assert part(trainer, "status").inner_text() == (
        "Uma foto entrou. Ficou de fora o que o navegador não abre ou é grande demais: notas.txt, torta.png.")
    assert trainer.complaints == []


def test_many_files_can_be_stopped_and_those_that_came_in_stay(trainer, photos):
    small = encoded(Image.new("RGB", (40, 40), "red"))
    trainer.locator("#treino input[type=file] >> nth=0").set_input_files(
        [{"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": small} for number in range(500)])
    trainer.locator(".treino-fotos li >> nth=3").wait_for()
    part(trainer, "stop-adding").click()
    part(trainer, "stop-adding").wait_for(state="hidden")
    came = trainer.locator(".treino-fotos li").count()
    assert 4 <= came < 500
    assert "Parei antes do fim, com 500 escolhidas" in part(trainer, "status").inner_text()
    assert trainer.complaints == []


def test_a_training_is_stopped_and_started_again(trainer, photos):
    fill(trainer, photos)
    trainer.locator("#treino details.treino-opcoes summary").click()
    trainer.locator("#treino").get_by_label("Épocas").fill("200")
    part(trainer, "train").click()
    part(trainer, "status").filter(has_text="Época").wait_for()
    part(trainer, "stop-training").click()
    part(trainer, "result").wait_for()
    assert "Parei depois da época" in part(trainer, "status").inner_text()
    trainer.locator("#treino").get_by_label("Épocas").fill("3")
    train(trainer)
    assert "Perda por época, 3 de 3" in trainer.locator("#treino svg").get_attribute("aria-label")


def test_a_number_out_of_range_becomes_the_nearest(trainer, photos):
    fill(trainer, photos, 5)
    trainer.locator("#treino details.treino-opcoes summary").click()
    for label, given in (("Épocas", "2"), ("Dropout", "7"), ("Taxa de aprendizado", "muito"), ("Unidades", "8,4")):
        trainer.locator("#treino").get_by_label(label).fill(given)
    train(trainer)
    assert trainer.locator("#treino").get_by_label("Dropout").input_value() == "0,9"
    assert trainer.locator("#treino").get_by_label("Taxa de aprendizado").input_value() == "0,001"
    assert part(trainer, "corrected").inner_text() == (
        "Usei Unidades 8, de 1 a 512; Dropout 0,9, de 0 a 0,9; Taxa de aprendizado 0,001, de 0 a 1.")
    assert "Dropout(0.9)" in part(trainer, "code").text_content()
    train(trainer)
    assert part(trainer, "corrected").inner_text() == ""


def test_a_second_tap_on_the_button_does_not_stop_the_training(trainer, photos):
    fill(trainer, photos, 5)
    part(trainer, "train").scroll_into_view_if_needed()
    box = part(trainer, "train").bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    trainer.evaluate("window.setTimeout = () => 0")  # the moment after a tap lasts, however slow the machine is
    trainer.mouse.click(*place)
    trainer.mouse.click(*place)
    part(trainer, "result").wait_for()
    assert "Treino pronto" in part(trainer, "status").inner_text()
    assert "20 de 20" in trainer.locator("#treino svg").get_attribute("aria-label")


def test_the_answer_to_a_photo_comes_into_sight_and_is_told(trainer, photos):
    trainer.set_viewport_size({"width": 390, "height": 844})
    fill(trainer, photos, 5)
    train(trainer)
    part(trainer, "try").set_input_files(photos[1][EACH])
    part(trainer, "status").filter(has_text="garrafa: ").wait_for()
    verdict, state = part(trainer, "verdict").bounding_box(), part(trainer, "status").bounding_box()
    assert verdict["y"] >= 0 and verdict["y"] + verdict["height"] <= state["y"]


def test_a_result_says_that_the_photos_have_changed_since(trainer, photos):
    fill(trainer, photos, 6)
    train(trainer)
    changed = part(trainer, "changed")
    assert changed.is_hidden()
    trainer.locator("fieldset >> nth=0").get_by_role("button", name="Retirar a foto 6").click()
    assert changed.is_visible()
    train(trainer)
    assert changed.is_hidden()


def test_photos_that_come_while_it_trains_are_of_the_next_training(trainer, photos):
    fill(trainer, photos, 6)
    trainer.locator("#treino details.treino-opcoes summary").click()
    trainer.locator("#treino").get_by_label("Épocas").fill("60")
    part(trainer, "train").click()
    trainer.locator("#treino input[type=file] >> nth=0").set_input_files(photos[0][6:8])
    part(trainer, "result").wait_for()
    part(trainer, "stop-adding").wait_for(state="hidden")
    assert trainer.locator(".treino-fotos li").count() == 14 and part(trainer, "changed").is_visible()
    assert saved_head(trainer)["photos"] == 12


def saved_head(page):
    """What the file says that the page offers to take along."""
    page.locator("#treino summary", has_text="Continuar no Colab").click()
    with page.expect_download() as download:
        part(page, "download").click()
    return json.loads(download.value.path().read_text(encoding="utf-8"))


def test_classes_may_be_named_anew_and_never_alike(trainer, photos):
    fill(trainer, photos, 5)
    train(trainer)
    first, second = (trainer.locator("fieldset").nth(label).get_by_label("Nome") for label in (0, 1))
    first.fill("Mimi")
    part(trainer, "try").set_input_files(photos[0][EACH])
    part(trainer, "verdict").filter(has_text="Mimi: ").wait_for()
    assert saved_head(trainer)["names"] == ["Mimi", "garrafa"]
    assert "Mimi e garrafa" in part(trainer, "code").text_content()
    second.fill("mimi ")
    assert "se chamam “Mimi”" in part(trainer, "warnings").inner_text() and part(trainer, "train").is_disabled()


def test_who_leaves_with_photos_is_asked(trainer, photos):
    leaving = """() => {
        const event = new Event("beforeunload", { cancelable: true });
        window.dispatchEvent(event);
        return event.defaultPrevented;
    }"""
    assert trainer.evaluate(leaving) is False
    add(trainer, 0, photos[0][:1])
    assert trainer.evaluate(leaving) is True


def test_files_are_dropped_and_pasted(trainer, photos):
    content = list(photos[0][0]["buffer"])
    second = trainer.locator("#treino fieldset >> nth=1")
    for number, (kind, target) in enumerate((("drop", "fieldset:nth-of-type(2)"), ("paste", ""))):
        trainer.evaluate("""([content, kind, target]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(content)], "foto.jpg", { type: "image/jpeg" }));
            const event = kind === "drop" ? new DragEvent(kind, { dataTransfer: transfer, bubbles: true })
                : new ClipboardEvent(kind, { clipboardData: transfer, bubbles: true });
            (target ? document.querySelector("#treino " + target) : document.body).dispatchEvent(event);
        }""", [content, kind, target])
        second.locator(f".treino-fotos li >> nth={number}").wait_for()  # what is pasted goes where the last ones went
    assert trainer.locator(".treino-fotos li").count() == 2


@pytest.fixture(scope="module")
def camera_browser(browser):
    """Chromium with a camera that shows a test picture."""
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=CAMERA)
    yield other
    other.close()


def test_the_camera_fills_a_class_while_a_button_is_held_and_is_answered_live(camera_browser, address, photos):
    page = ready(opened(camera_browser, address))
    part(page, "camera").click()
    part(page, "camera").filter(has_text="Desligar").wait_for()
    button = part(page, "shoot").nth(0)
    button.focus()
    page.keyboard.press("Enter")
    page.locator(".treino-fotos li >> nth=0").wait_for()
    button.hover()
    page.mouse.down()
    page.locator(".treino-fotos li >> nth=5").wait_for()
    page.mouse.up()
    part(page, "stop-adding").wait_for(state="hidden")
    add(page, 1, photos[1][:5])
    train(page)
    part(page, "live").click()
    part(page, "verdict").filter(has_text="caneca: ").wait_for()
    part(page, "camera").click()
    assert part(page, "live").is_hidden() and page.complaints == []
    page.close()


def test_a_refused_camera_is_told(trainer):
    part(trainer, "camera").click()  # Chromium refuses where nobody can be asked
    part(trainer, "status").filter(has_text="âmera").wait_for()
    assert part(trainer, "camera").inner_text() == "Ligar a câmera" and trainer.complaints == []


@pytest.mark.usefixtures("repository_models")
def test_the_head_goes_on_in_keras_with_the_same_answers(trainer, photos, shipped_export, tmp_path):
    """The page's answers to a photo come from features of 16 bits."""
    give_model(trainer, shipped_export)
    fill(trainer, photos)
    train(trainer)
    trainer.locator("#treino summary", has_text="Continuar no Colab").click()
    with trainer.expect_download() as download:
        part(trainer, "download").click()
    download.value.save_as(tmp_path / "cabeca.json")
    model = model_of_head(tmp_path / "cabeca.json", tmp_path / "minhas.keras")
    assert load_checkpoint(tmp_path / "minhas.keras")[1]["class_names"] == ["caneca", "garrafa"]
    pixels = np.stack([read_photo_bytes(photos[label][EACH]["buffer"]) for label in (0, 1)])
    expected = model.predict(pixels, verbose=0)
    for label in (0, 1):
        part(trainer, "answer").evaluate("(answer) => { answer.hidden = true; }")
        part(trainer, "try").set_input_files(photos[label][EACH])
        part(trainer, "answer").wait_for()
        shown = int(part(trainer, "verdict").inner_text().split(": ")[1].split("%")[0]) / 100
        assert shown == pytest.approx(expected[label][0], abs=0.02)


def read_photo_bytes(content):
    return resize_photo(np.array(Image.open(io.BytesIO(content))), Config.image_size)


def test_features_are_pythons(trainer, photos, shipped_export):
    give_model(trainer, shipped_export)
    fill(trainer, photos, MOST)
    given = np.array(json.loads(trainer.evaluate(
        "JSON.stringify(document.querySelector('#treino').photos().map(({ features }) => Array.from(features)))")))
    base = find_base(load_checkpoint(ROOT / "models" / PHASE1_CHECKPOINT)[0])
    pixels = np.stack([read_photo_bytes(each["buffer"]) for label in (0, 1) for each in photos[label]])
    expected = base(pixels / 127.5 - 1, training=False).numpy().mean(axis=(1, 2))
    assert given.shape == expected.shape == (2 * MOST, 1280)
    assert min(np.corrcoef(ours, theirs)[0, 1] for ours, theirs in zip(expected, given, strict=True)) > 0.999


def test_every_state_is_accessible_at_every_width_in_both_themes(trainer, site, photos):
    page, axe = trainer, axe_of(site)
    if not axe.exists():
        missing("axe-core is not installed")
    page.evaluate(axe.read_text(encoding="utf-8"))
    states = [lambda: None, lambda: add(page, 0, photos[0][:3]), lambda: fill_rest(page, photos), lambda: train(page),
              lambda: part(page, "try").set_input_files(photos[0][EACH])]
    for number, reach in enumerate(states):
        reach()
        for scheme in ("light", "dark"):
            in_theme(page, scheme)
            assert page.evaluate(BARRIERS) == [], (number, scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
                number, width)


def fill_rest(page, photos):
    add(page, 0, photos[0][3:5])
    add(page, 1, photos[1][:5])
