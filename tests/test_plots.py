"""Figures: each can be saved, and shows what it was given."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from catsdogs import plots
from catsdogs.evaluation import Estimate, score

HISTORY = {"loss": [0.9, 0.5, 0.3], "accuracy": [0.6, 0.8, 0.9], "val_loss": [0.8, 0.4, 0.45],
           "val_accuracy": [0.5, 0.7, 0.75]}
CLASSES = ("cats", "ação")
SECOND = np.array([0.1, 0.8, 0.9, 0.7, 0.6])
LABELS = np.array([0, 0, 1, 1, 1])
SCORES = score(np.stack([1 - SECOND, SECOND], 1), LABELS, CLASSES)
PHOTO = np.full((20, 30, 3), 200.0)
LOSSES = {"treino": np.array([[0.5, 0.1], [0.3, 0.1]]), "validação": np.array([[0.6, 0.2], [0.4, 0.4]])}

ESTIMATE = Estimate(0.9, 0.85, 0.95)
FIGURES = {
    "training_curves": lambda: plots.training_curves(HISTORY, 1, "Título"),
    "one epoch": lambda: plots.training_curves({key: values[:1] for key, values in HISTORY.items()}, 0, "Título"),
    "confusion": lambda: plots.confusion(SCORES, CLASSES, "Título"),
    "split_counts": lambda: plots.split_counts({"treino": (8, 9), "teste": (1, 2)}, CLASSES),
    "photo_grid": lambda: plots.photo_grid([PHOTO] * 5, list("abcde"), columns=3),
    "one photo": lambda: plots.photo_grid([PHOTO], ["a"]),
    "activation_maps": lambda: plots.activation_maps(np.random.default_rng(0).random((7, 7, 4)), "Título"),
    "one map": lambda: plots.activation_maps(np.zeros((3, 3, 1)), "Título"),
    "map_rows": lambda: plots.map_rows({"a": np.random.default_rng(0).random((7, 7, 4)), "b": np.eye(3)[..., None]}),
    "color_filters": lambda: plots.color_filters({"a": np.random.default_rng(0).normal(size=(3, 3, 3, 10)),
                                                  "b": np.full((3, 3, 3, 2), -1.0)}),
    "heat_maps": lambda: plots.heat_maps([PHOTO, PHOTO[:, :15]], np.stack([np.eye(7), np.zeros((7, 7))]), list("ab")),
    "heat_maps without photos": lambda: plots.heat_maps(None, np.arange(245).reshape(5, 7, 7), list("abcde")),
    "probability_histogram": lambda: plots.probability_histogram(SECOND, LABELS, CLASSES, "Título"),
    "roc_and_precision_recall": lambda: plots.roc_and_precision_recall(
        {"fase 1": ([0, 1], [0.5, 1], [1, 0.5], [0, 1]), "fase 2": ([0, 1], [0.9, 1], [1, 0.5], [0, 1])}),
    "reliability_diagram": lambda: plots.reliability_diagram({"fase 1": [(0.6, 0.5, 3), (0.9, 1.0, 20)]}),
    "losses_by_epoch": lambda: plots.losses_by_epoch(dict.fromkeys(("0", "0,6"), LOSSES)),
    "repeated_runs": lambda: plots.repeated_runs([(0.9, 0.95), (0.8, 0.9)], (0.85, 0.9)),
    "recipes": lambda: plots.repeated_runs([(0.05, 0.04)], names=("desafio", "melhor"), measure="Perda no teste"),
    "estimates": lambda: plots.estimates({"um": {0.0: ESTIMATE, 0.3: ESTIMATE}, "outro": {0.3: ESTIMATE}}, "Dropout",
                                         "Perda"),
    "estimates_log": lambda: plots.estimates({"um": {20: ESTIMATE, 2400: ESTIMATE}}, "Fotos", "Perda", log=True),
    "schedule": lambda: plots.schedule([0.0, 1e-4, 0.0], 1),
    "effects": lambda: plots.effects({"um": ESTIMATE, "outro": ESTIMATE}, "Mudança na perda"),
    "speedups": lambda: plots.speedups({"um": 20.5, "outro": 0.8}, "Vezes melhor"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_saves_to_png(name):
    figure = FIGURES[name]()
    assert isinstance(figure, Figure)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=40)
    pixels = np.asarray(Image.open(png).convert("L"))
    assert min(pixels.shape) > 30 and np.ptp(pixels) > 50


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_training_curves_show_the_four_lists_and_the_kept_epoch():
    left, right = FIGURES["training_curves"]().axes
    for axes, key in ((left, "loss"), (right, "accuracy")):
        train, validation, kept = axes.lines
        assert list(train.get_xdata()) == [1, 2, 3] and list(train.get_ydata()) == HISTORY[key]
        assert list(validation.get_ydata()) == HISTORY["val_" + key]
        assert list(kept.get_xdata()) == [2, 2]


def test_losses_by_epoch_show_every_run_and_their_mean_in_each_panel():
    for axes, title in zip(FIGURES["losses_by_epoch"]().axes, ("0", "0,6"), strict=True):
        assert axes.get_title() == title
        drawn = [list(line.get_ydata()) for line in axes.lines]
        assert drawn[:2] == [[0.5, 0.1], [0.3, 0.1]] and np.allclose(drawn[2], [0.4, 0.1])
        assert drawn[3:5] == [[0.6, 0.2], [0.4, 0.4]] and np.allclose(drawn[5], [0.5, 0.3])


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


def test_map_rows_name_each_layer_and_show_each_of_its_channels():
    axes = FIGURES["map_rows"]().axes
    assert [cell.get_ylabel() for cell in axes] == ["a", "", "", "", "b", "", "", ""]
    assert [len(cell.images) for cell in axes] == [1, 1, 1, 1, 1, 0, 0, 0]


def test_color_filters_put_every_filter_on_the_wall_between_black_and_white():
    first, second = FIGURES["color_filters"]().axes
    assert [first.get_title(), second.get_title()] == ["a", "b"]
    wall = first.images[0].get_array()
    assert wall.shape == (7, 31, 3) and wall.min() >= 0 and wall.max() <= 1
    # The largest weight of each of the ten filters is at the end of the scale.
    cells = [wall[top:top + 3, left:left + 3] for top in (0, 4) for left in range(0, 32, 4)][:10]
    assert all(np.abs(cell - 0.5).max() == pytest.approx(0.5) for cell in cells)
    assert (second.images[0].get_array()[:3, :3] == 0).all()


def test_heat_maps_cover_their_photos_and_stand_alone_without_them():
    over = [axes for axes in FIGURES["heat_maps"]().axes if axes.images]
    assert [axes.get_title() for axes in over] == list("ab")
    for axes in over:
        photo, heat = axes.images
        assert photo.get_extent() == heat.get_extent() and heat.get_alpha() < 1
    alone = [axes for axes in FIGURES["heat_maps without photos"]().axes if axes.images]
    assert [axes.get_title() for axes in alone] == list("abcde") and all(len(axes.images) == 1 for axes in alone)


def test_histogram_counts_every_photo():
    axes = FIGURES["probability_histogram"]().axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 5


def test_show_gives_an_image_with_a_text_for_those_who_cannot_see_it(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(FIGURES["confusion"](), "Matriz de confusão: 1 erro em 5")
    image, = shown
    data, metadata = image._repr_jpeg_()
    assert metadata["alt"] == "Matriz de confusão: 1 erro em 5" and metadata["width"] > 100 and data


def test_estimates_stand_where_their_values_are():
    figure = plots.estimates({"um": {100: Estimate(0.9, 0.85, 0.95), 20: Estimate(0.7, 0.6, 0.8)}}, "Fotos", "Acurácia",
                             log=True)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log" and [tick.get_text() for tick in axes.get_xticklabels()] == ["20", "100"]
    line = axes.containers[0].lines[0]
    assert dict(zip(line.get_xdata(), line.get_ydata(), strict=True)) == {100: 0.9, 20: 0.7}


@pytest.mark.parametrize(("value", "text"), [(0.3, "0,3"), (1e-05, "1e−5"), (0.001, "0,001"), (2400, "2.400"),
                                             ("gap", "gap")])
def test_factor_values_are_written_in_portuguese(value, text):
    assert plots.factor_text(value) == text


@pytest.mark.parametrize(("name", "chart"), [("training_curves", True), ("photo_grid", False), ("heat_maps", False)])
def test_shown_figures_say_whether_they_are_charts(name, chart, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(FIGURES[name](), "Descrição.")
    assert shown[0].metadata == {"alt": "Descrição.", "chart": chart}
    assert Image.open(io.BytesIO(shown[0].data)).format == ("PNG" if chart else "JPEG")
