"""The figures to play with, in a real browser: mouse, keyboard, words, and what is there without scripts."""

import json
import re

import numpy as np
import pytest
from browsing import BARRIERS, WIDTHS, axe_of, in_theme
from helpers import missing
from sklearn.metrics import confusion_matrix, precision_score, recall_score

CONVOLUTION, THRESHOLD = "book/entenda/o-que-a-rede-ve.html", "book/pratica/confianca.html"
FIGURES = pytest.mark.parametrize("page", [CONVOLUTION, THRESHOLD], ids=["convolution", "threshold"])
CONTROLS = "[data-interativo] :is(button, input)"
# Grey levels (height, width) of one of the photos, 0 before and 1 after the filter.
LEVELS = """(which) => {
    const canvas = document.querySelectorAll("[data-interativo] canvas")[which];
    const { width, height } = canvas;
    const bytes = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    return Array.from({ length: height }, (_, row) =>
        Array.from({ length: width }, (_, column) => bytes[4 * (row * width + column)]));
}"""
# How long each of some redraws takes, in milliseconds, as the reader's own changes start them.
REDRAWS = """() => Array.from({ length: 20 }, (_, turn) => {
    const field = document.querySelector("[data-interativo] input");
    field.value = turn % 2;
    const start = performance.now();
    field.dispatchEvent(new Event("input"));
    return performance.now() - start;
})"""


def started(tab, page):
    """A page whose figure is ready; returns the figure."""
    tab.goto(page)
    figure = tab.locator("[data-interativo]")
    figure.locator("[role=status]:not(:empty)").wait_for()
    return figure


def kernel_of(figure):
    return np.reshape([float(field.input_value()) for field in figure.locator("input").all()], (3, 3))


def assert_shows_what_numpy_computes(tab, figure):
    """Of the photo before the filter only whole grey levels are seen: each may be half a level off."""
    before, after = (np.array(tab.evaluate(LEVELS, which), float) for which in (0, 1))
    kernel = kernel_of(figure)
    windows = np.lib.stride_tricks.sliding_window_view(before, (3, 3))
    expected = (windows * kernel).sum(axis=(2, 3)).clip(0, 255)
    assert np.abs(after[1:-1, 1:-1] - expected).max() <= 0.5 * np.abs(kernel).sum() + 0.5
    assert before.std() > 20


def test_a_named_filter_is_chosen_with_the_mouse(tab):
    figure = started(tab, CONVOLUTION)
    assert (np.array(tab.evaluate(LEVELS, 0)) == tab.evaluate(LEVELS, 1)).all()
    names = figure.locator("button").all_inner_texts()
    assert names == ["Nada muda", "Bordas verticais", "Bordas horizontais", "Borrar", "Realçar", "Da rede"]
    told = set()
    for button in figure.locator("button").all():
        button.click()
        assert figure.locator("[aria-pressed=true]").all_inner_texts() == [button.inner_text()]
        assert_shows_what_numpy_computes(tab, figure)
        assert button.inner_text() in figure.locator("canvas >> nth=1").get_attribute("aria-label")
        told.add(figure.locator("[role=status]").inner_text())
    assert len(told) == len(names) and tab.complaints == [] and tab.outside == []


def test_numbers_are_typed_and_the_sentence_follows(tab):
    figure = started(tab, CONVOLUTION)
    middle = figure.get_by_label("linha 2, coluna 2")
    middle.focus()
    tab.keyboard.press("Control+a")
    tab.keyboard.type("-0.5")
    assert "A soma dos nove números é −0,5" in figure.locator("[role=status]").inner_text()
    assert figure.locator("[aria-pressed=true]").count() == 0
    assert_shows_what_numpy_computes(tab, figure)
    for wrong in ("", "1000"):
        middle.fill(wrong)
        assert "um campo sem número de −100 a 100" in figure.locator("[role=status]").inner_text()
        assert middle.get_attribute("aria-invalid") == "true" and np.max(tab.evaluate(LEVELS, 1)) == 0
    middle.fill("1")
    assert figure.locator("[aria-pressed=true]").all_inner_texts() == ["Nada muda"]


def test_filters_are_reached_and_chosen_from_the_keyboard(tab):
    figure = started(tab, CONVOLUTION)
    figure.locator("button").first.focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert figure.locator("[aria-pressed=true]").all_inner_texts() == ["Bordas verticais"]
    assert kernel_of(figure).tolist() == [[-1, 0, 1]] * 3


def shown_counts(figure):
    return [[int(cell.inner_text()) for cell in row.locator("td").all()] for row in figure.locator("tbody tr").all()]


def test_the_slider_tells_what_scikit_learn_does(tab):
    figure = started(tab, THRESHOLD)
    probabilities, labels = (np.array(json.loads(figure.get_attribute(f"data-{key}")))
                             for key in ("probabilities", "labels"))
    assert len(labels) > 10 and set(labels) == {0, 1}
    for threshold in (0, 0.01, 0.33, 0.5):  # from which on some answer is "cachorro"
        figure.locator("input").fill(str(threshold))
        answers = probabilities >= threshold
        assert shown_counts(figure) == confusion_matrix(labels, answers, labels=[0, 1]).tolist()
        precision, recall, point = figure.locator("li").all_inner_texts()
        assert f"{precision_score(labels, answers):.1%} (".replace(".", ",") in precision
        assert f"{recall_score(labels, answers):.1%} (".replace(".", ",") in recall
        assert f"positivos {answers[labels == 0].mean():.3f}".replace(".", ",") in point
    assert tab.complaints == [] and tab.outside == []


def test_the_slider_moves_from_the_keyboard_and_the_point_with_it(tab):
    figure = started(tab, THRESHOLD)
    slider, point = figure.get_by_role("slider", name="Limiar"), figure.locator("circle")
    assert figure.locator("output").inner_text() == "0,50"
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert figure.locator("output").inner_text() == slider.get_attribute("aria-valuetext") == "0,51"
    places = []
    for key in ("Home", "End"):
        tab.keyboard.press(key)
        places.append([float(point.get_attribute(side)) for side in ("cx", "cy")])
        assert figure.locator("[role=status]").inner_text().startswith(f"Limiar {'0,00' if key == 'Home' else '1,00'}:")
    (left, top), (right, bottom) = places[1], places[0]
    assert left < right and bottom < top  # from all answers "cachorro" to none or hardly any


def test_the_slider_is_dragged_with_the_mouse(tab):
    figure = started(tab, THRESHOLD)
    slider = figure.get_by_role("slider")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(middle, height)
    tab.mouse.down()
    tab.mouse.move(middle + box["width"] / 4, height, steps=5)
    tab.mouse.up()
    threshold = float(figure.locator("output").inner_text().replace(",", "."))
    assert 0.7 < threshold < 0.8
    assert figure.locator("[role=status]").inner_text().startswith(f"Limiar {threshold:.2f}:".replace(".", ","))


def test_without_answers_of_a_class_words_stand_for_its_precision(tab):
    tab.route(f"**/{THRESHOLD}", lambda route: route.fulfill(body=re.sub(
        r'data-probabilities="[^"]*" data-labels="[^"]*"', 'data-probabilities="[0.2, 0.4]" data-labels="[0, 1]"',
        route.fetch().text()), content_type="text/html"))
    figure = started(tab, THRESHOLD)
    assert "não há respostas “cachorro”" in figure.locator("li").first.inner_text()
    assert "NaN" not in figure.inner_text()


@FIGURES
def test_a_figure_is_accessible_and_fits_in_both_themes(tab, site, page):
    if not axe_of(site).exists():
        missing("axe-core, from npm, is not installed")
    started(tab, page)
    tab.evaluate(axe_of(site).read_text(encoding="utf-8"))
    for scheme in ("light", "dark"):
        in_theme(tab, scheme)
        assert tab.evaluate(BARRIERS) == []
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 800})
        for selector in ("html", "[data-interativo]", ".text_html:has([data-interativo])"):
            extra = tab.locator(selector).evaluate("(element) => element.scrollWidth - element.clientWidth")
            assert extra <= 0, (selector, width)


@FIGURES
def test_without_scripts_the_drawn_figure_and_a_sentence_are_there(browser, address, page):
    context = browser.new_context(base_url=address, java_script_enabled=False)
    plain = context.new_page()
    plain.goto(page)
    assert plain.locator("article .cell_output img").count() > 0
    assert plain.locator("[data-interativo]").inner_text().startswith("No site do livro, com JavaScript, ")
    assert plain.locator(CONTROLS).count() == 0
    context.close()


@FIGURES
def test_from_the_disk_the_sentence_stays_and_nothing_is_complained_of(browser, site, page):
    tab = browser.new_page()
    complaints = []
    tab.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto((site / page).as_uri())
    assert tab.locator("[data-interativo]").inner_text().startswith("No site do livro, com JavaScript, ")
    assert tab.locator(CONTROLS).count() == 0 and complaints == []
    tab.close()


@FIGURES
def test_a_change_is_drawn_without_a_stall(tab, page, record_property):
    started(tab, page)
    median = float(np.median(tab.evaluate(REDRAWS)))
    record_property("milliseconds", median)
    print(f"{page}: {median:.2f} ms")
    assert median < 200  # a reader would notice more; what it really takes is told, not asserted
