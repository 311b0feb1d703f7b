"""The figures of the explaining chapters and of errors: each can be saved, and shows what it was given."""


import numpy as np
import pytest
from helpers import fake_photos, is_drawn, make_photos

from catsdogs.data import index_folder
from catsdogs.study import lesson_figures
from catsdogs.study.results import load_results

PHOTO = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
WINDOW, KERNEL = np.array([[10.0, 20.0], [200.0, 0.0]]), np.array([[1, -1], [0, 2]])
HISTORY = {"loss": [0.7, 0.5], "val_loss": [0.6, 0.4], "accuracy": [0.5, 0.7], "val_accuracy": [0.6, 0.8]}
CALLS = {
    "pixels_as_numbers": (PHOTO, 3, 5, 4), "one_convolution": (WINDOW, KERNEL),
    "leak": ({1, 2, 3}, {3, 40}),
    "photo_and_maps": (PHOTO, {"um": np.eye(5), "outro": np.ones((3, 4))}), "cross_entropy": (),
    "descents": (lambda weight: weight**2, {0.1: [1, 0.8], 3.0: [1, -5]}), "losses_by_step": ([0.9, 0.7, 0.8],),
    "range_test": ([1e-6, 1e-3, 1.0], [0.7, 0.1, 90.0], 1e-4),
    "curves_side_by_side": ({"1e-4": HISTORY, "1e-6": HISTORY},),
    "where_it_looked": ([PHOTO, PHOTO], [np.eye(7)[::-1], np.zeros((7, 7))], ["a.jpg", "b.jpg"], ["gato", "cachorro"]),
    "known_and_strange": ({"certeza": {"fotos": np.array([0.9, 1, 1]), "intrusos": np.array([0.5, 1])}},
                          {"certeza": 0.8}),
    "cloud_and_points": (np.array([[0.0, 0.0], [2.0, 4.0]]), {"A": (3.0, 3.0), "B": (0.0, 1.0)}),
    "diagnosis": ({"certo": HISTORY, "outro": HISTORY},),
}


@pytest.fixture
def show(monkeypatch):
    """Draw one of ``CALLS``; returns the figure and its text."""
    shown = []
    monkeypatch.setattr(lesson_figures.plots, "show", lambda figure, alt: shown.append((figure, alt)))

    def draw(name, *given):
        getattr(lesson_figures, name)(*(given or CALLS[name]))
        return shown.pop()

    return draw


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_drawn_and_has_a_text(show, name):
    figure, alt = show(name)
    assert is_drawn(figure) and len(alt) > 40 and alt.endswith(".")


def test_a_filter_of_zeros_is_drawn_too(show):
    assert is_drawn(show("one_convolution", WINDOW, np.zeros((2, 2)))[0])


def written(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_a_square_of_the_photo_is_written_with_its_red_numbers(show):
    whole, part = show("pixels_as_numbers")[0].axes
    assert written(part) == [str(value) for value in PHOTO[3:7, 5:9, 0].ravel()]
    mark = whole.patches[0]
    assert (mark.get_xy(), mark.get_width()) == ((5, 3), 4)


def test_a_convolution_shows_the_products_and_their_sum(show):
    figure = show("one_convolution")[0]
    assert [written(axes) for axes in figure.axes] == [["10", "20", "200", "0"], ["1", "−1", "0", "2"],
                                                       ["10", "−20", "0", "0"]]
    assert figure.get_supxlabel() == "soma dos produtos: −10"


def test_a_leak_is_one_square_an_item_and_its_text_counts_them(show):
    figure, alt = show("leak")
    assert [square.get_xy() for square in figure.axes[0].patches] == [(1.06, 0.06), (2.06, 0.06), (0.06, 2.06),
                                                                      (3.06, 0.06)]
    assert "só na validação: 2; só no teste: 1; nos dois: 1" in alt


def test_cross_entropy_is_ln_2_for_who_sits_on_the_fence(show):
    (axes,) = show("cross_entropy")[0].axes
    assert "0,693" in written(axes)


def test_descents_show_every_weight_of_each_path_on_the_curve(show):
    for axes, path in zip(show("descents")[0].axes, ([1, 0.8], [1, -5]), strict=True):
        curve, steps, start = axes.lines
        assert list(steps.get_xdata()) == path and list(steps.get_ydata()) == [weight**2 for weight in path]
        assert start.get_xdata()[0] == 1 and min(curve.get_xdata()) <= min(path)


def test_losses_by_step_follow_the_mean_of_the_steps_before(show):
    (axes,) = show("losses_by_step")[0].axes
    assert np.allclose(axes.lines[1].get_ydata(), [0.9, 0.8, 0.8])


def test_range_test_marks_the_chosen_rate_and_hides_how_far_a_broken_head_goes(show):
    (axes,) = show("range_test")[0].axes
    assert axes.lines[1].get_xdata()[0] == 1e-4 and axes.get_ylim()[1] == pytest.approx(3 * np.mean([0.7, 0.1, 90.0]))


def test_the_recorded_range_test_is_the_mean_of_its_splits(show):
    (axes,) = show("recorded_range_test", "tail", 1e-5, 0.5)[0].axes
    rows = [row for row in load_results("rate_range") if row["part"] == "tail"]
    assert axes.lines[0].get_ydata()[0] == pytest.approx(np.mean([row["losses"][0] for row in rows]))
    assert axes.get_ylim()[1] == 0.5


def test_curves_share_one_scale(show):
    assert {axes.get_ylim() for axes in show("curves_side_by_side")[0].axes} == {(0, 1)}


def test_the_text_of_heat_maps_says_where_each_is_hottest(show):
    assert "a.jpg, a favor de gato, no alto, à direita; b.jpg, a favor de cachorro, no alto, à esquerda" in show(
        "where_it_looked")[1]


def test_photos_have_the_titles_given_and_heat_beside_them(show, materials):
    given = materials.photos, [0, 2], ["a.jpg: é gato", "b.jpg: é gato"]
    figure, alt = show("photos_at_hand", *given)
    assert sum(len(axes.images) for axes in figure.axes) == 2 and "a.jpg: é gato, b.jpg: é gato" in alt
    figure, alt = show("photos_at_hand", *given, np.ones((2, 3, 3)), ["cachorro", "cachorro"])
    assert sum(len(axes.images) for axes in figure.axes) == 6 and "a favor de cachorro" in alt


def test_the_text_of_the_scores_says_how_many_fall_under_the_cut_and_a_line_marks_it(show):
    figure, alt = show("known_and_strange")
    assert "certeza, 0% de fotos; certeza, 50% de intrusos" in alt
    (axes,) = figure.axes
    assert axes.lines[0].get_xdata()[0] == 0.8
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(2)


def test_points_are_named_and_tied_to_the_center_of_the_cloud(show):
    figure, alt = show("cloud_and_points")
    (axes,) = figure.axes
    assert written(axes) == ["A", "B"] and "A e B" in alt
    ties = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_xydata().tolist() for line in ties] == [[[1, 2], [3, 3]], [[1, 2], [0, 1]]]


def test_photos_are_shown_under_their_files_names_or_a_line_says_why_not(show, tmp_path, capsys):
    photos = index_folder(make_photos(tmp_path, count=10, size=(40, 30)), "teste")
    figure, alt = show("photos_at_hand", photos, [3, 0, 7])
    names = [photos.path(index).name for index in (3, 0, 7)]
    assert [axes.get_title() for axes in figure.axes] == [*names, ""] and ", ".join(names) in alt
    lesson_figures.photos_at_hand(photos, [])
    lesson_figures.photos_at_hand(fake_photos(10), [3])
    assert capsys.readouterr().out.splitlines() == [
        "Não há fotos a mostrar.", "Para ver estas fotos, é preciso baixá-las."]


def test_a_diagnosis_shows_losses_beside_accuracies_all_runs_on_one_scale(show):
    figure, alt = show("diagnosis")
    loss, accuracy, other_loss, _ = figure.axes
    assert list(loss.lines[1].get_ydata()) == [0.6, 0.4] and list(accuracy.lines[1].get_ydata()) == [0.6, 0.8]
    assert {axes.get_ylim()[1] for axes in (loss, other_loss)} == {1.1 * 0.7} and "outro, perda 0,500 no treino" in alt


def test_what_is_above_the_top_of_a_diagnosis_runs_along_it(show):
    broken = {**HISTORY, "val_loss": [900.0, 0.4]}
    for given, top in (((), 1.2), ((0.45,), 0.45)):
        above = show("diagnosis", {"certo": broken}, *given)[0].axes[0]
        assert above.get_ylim()[1] == top and list(above.lines[1].get_ydata()) == [top, 0.4]
