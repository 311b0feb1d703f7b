"""Figures of experiments and of looks inside: each can be saved, and shows what it was given."""

import numpy as np
import pytest
from helpers import is_drawn

from catsdogs.evaluation import Estimate
from catsdogs.study import figures

PHOTO = np.full((20, 30, 3), 200.0)
ESTIMATE = Estimate(0.9, 0.85, 0.95)
FIGURES = {
    "activation_maps": lambda: figures.activation_maps(np.random.default_rng(0).random((7, 7, 4)), "Título"),
    "one map": lambda: figures.activation_maps(np.zeros((3, 3, 1)), "Título"),
    "map_rows": lambda: figures.map_rows({"a": np.random.default_rng(0).random((7, 7, 4)), "b": np.eye(3)[..., None]}),
    "color_filters": lambda: figures.color_filters({"a": np.random.default_rng(0).normal(size=(3, 3, 3, 10)),
                                                  "b": np.full((3, 3, 3, 2), -1.0)}),
    "heat_maps": lambda: figures.heat_maps([PHOTO, PHOTO[:, :15]], [np.eye(7), np.zeros((7, 7))], list("ab"),
                                         list("cd")),
    "reliability_diagram": lambda: figures.reliability_diagram({"fase 1": [(0.6, 0.5, 3), (0.9, 1.0, 20)]}),
    "repeated_runs": lambda: figures.repeated_runs([(0.9, 0.95), (0.8, 0.9)], (0.85, 0.9)),
    "recipes": lambda: figures.repeated_runs([(0.05, 0.04)], names=("desafio", "melhor"), measure="Perda no teste"),
    "estimates": lambda: figures.estimates({"um": {0.0: ESTIMATE, 0.3: ESTIMATE}, "outro": {0.3: ESTIMATE}}, "Dropout",
                                         "Perda"),
    "estimates_log": lambda: figures.estimates({"um": {20: ESTIMATE, 2400: ESTIMATE}}, "Fotos", "Perda", log=True),
    "schedule": lambda: figures.schedule([0.0, 1e-4, 0.0], 1),
    "speedups": lambda: figures.speedups({"um": 20.5, "outro": 0.8}, "Vezes melhor"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_saves_to_png(name):
    assert is_drawn(FIGURES[name]())


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


def test_heat_maps_cover_the_photos_beside_them():
    axes = FIGURES["heat_maps"]().axes
    assert [cell.get_title() for cell in axes] == list("acbd")
    for left, right in zip(axes[::2], axes[1::2], strict=True):
        photo, heat = right.images
        assert photo.get_extent() == heat.get_extent() == left.images[0].get_extent() and heat.get_alpha() < 1


def test_estimates_stand_where_their_values_are():
    figure = figures.estimates({"um": {100: Estimate(0.9, 0.85, 0.95), 20: Estimate(0.7, 0.6, 0.8)}}, "Fotos",
                               "Acurácia", log=True)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log" and [tick.get_text() for tick in axes.get_xticklabels()] == ["20", "100"]
    line = axes.containers[0].lines[0]
    assert dict(zip(line.get_xdata(), line.get_ydata(), strict=True)) == {100: 0.9, 20: 0.7}


@pytest.mark.parametrize(("value", "text"), [(0.3, "0,3"), (1e-05, "1e−5"), (0.001, "0,001"), (2400, "2.400"),
                                             ("gap", "gap")])
def test_factor_values_are_written_in_portuguese(value, text):
    assert figures.factor_text(value) == text
