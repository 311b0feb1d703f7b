"""Figures: each can be saved, and shows what it was given."""

import io

import numpy as np
import pytest
from helpers import is_drawn
from PIL import Image

from catsdogs import plots
from catsdogs.evaluation import score

HISTORY = {"loss": [0.9, 0.5, 0.3], "accuracy": [0.6, 0.8, 0.9], "val_loss": [0.8, 0.4, 0.45],
           "val_accuracy": [0.5, 0.7, 0.75]}
CLASSES = ("cats", "ação")
SECOND = np.array([0.1, 0.8, 0.9, 0.7, 0.6])
LABELS = np.array([0, 0, 1, 1, 1])
SCORES = score(np.stack([1 - SECOND, SECOND], 1), LABELS, CLASSES)
PHOTO = np.full((20, 30, 3), 200.0)
FIGURES = {
    "training_curves": lambda: plots.training_curves(HISTORY, 1, "Título"),
    "one epoch": lambda: plots.training_curves({key: values[:1] for key, values in HISTORY.items()}, 0, "Título"),
    "confusion": lambda: plots.confusion(SCORES, CLASSES, "Título"),
    "split_counts": lambda: plots.split_counts({"treino": (8, 9), "teste": (1, 2)}, CLASSES),
    "photo_grid": lambda: plots.photo_grid([PHOTO] * 5, list("abcde"), columns=3),
    "one photo": lambda: plots.photo_grid([PHOTO], ["a"]),
    "probability_histogram": lambda: plots.probability_histogram(SECOND, LABELS, CLASSES, "Título"),
    "roc": lambda: plots.roc({"fase 1": ([0, 0, 1], [0, 0.9, 1]), "fase 2": ([0, 0, 1], [0, 1, 1])}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_saves_to_png(name):
    assert is_drawn(FIGURES[name]())


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_training_curves_show_the_four_lists_and_the_kept_epoch():
    left, right = FIGURES["training_curves"]().axes
    for axes, key in ((left, "loss"), (right, "accuracy")):
        train, validation, kept = axes.lines
        assert list(train.get_xdata()) == [1, 2, 3] and list(train.get_ydata()) == HISTORY[key]
        assert list(validation.get_ydata()) == HISTORY["val_" + key]
        assert list(kept.get_xdata()) == [2, 2]


def test_confusion_shows_counts_and_shares_with_the_truth_in_rows():
    axes = FIGURES["confusion"]().axes[0]
    assert texts(axes) == ["1\n50,0%", "1\n50,0%", "0\n0,0%", "3\n100,0%"]
    assert axes.get_ylabel() == "Classe verdadeira" and axes.get_xlabel() == "Resposta do modelo"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["gato", "ação"]


def test_split_counts_put_each_number_on_its_bar():
    axes = FIGURES["split_counts"]().axes[0]
    assert [bar.get_height() for bar in axes.patches] == [8, 1, 9, 2] and texts(axes) == ["8", "1", "9", "2"]


def test_photo_grid_shows_each_photo_once():
    figure = FIGURES["photo_grid"]()
    assert [axes.get_title() for axes in figure.axes if axes.images] == list("abcde") and len(figure.axes) == 6


def test_histogram_counts_every_photo():
    axes = FIGURES["probability_histogram"]().axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 5


def test_roc_shows_each_curve_by_its_name():
    axes = FIGURES["roc"]().axes[0]
    assert {line.get_label(): list(line.get_ydata()) for line in axes.lines} == {"fase 1": [0, 0.9, 1],
                                                                                 "fase 2": [0, 1, 1]}


def test_show_gives_an_image_with_a_text_for_those_who_cannot_see_it(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(FIGURES["confusion"](), "Matriz de confusão: 1 erro em 5")
    image, = shown
    data, metadata = image._repr_jpeg_()
    assert metadata["alt"] == "Matriz de confusão: 1 erro em 5" and metadata["width"] > 100 and data


@pytest.mark.parametrize(("name", "chart"), [("training_curves", True), ("photo_grid", False)])
def test_shown_figures_say_whether_they_are_charts(name, chart, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(FIGURES[name](), "Descrição.")
    assert shown[0].metadata == {"alt": "Descrição.", "chart": chart}
    assert Image.open(io.BytesIO(shown[0].data)).format == ("PNG" if chart else "JPEG")
