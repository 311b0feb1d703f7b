"""``mostrar``: what is drawn, written and told of an experiment."""

import pytest
from helpers import is_drawn

from catsdogs.evaluation import Estimate, mean_over_splits
from catsdogs.files import write_json
from catsdogs.study import recorded
from catsdogs.study.recorded import VIEWS, View, change, mostrar, written
from catsdogs.study.results import results_path

ROWS = [{"kind": kind, "split": split, "config": {"size": size}, "photos": 3000, "backbone": "uma rede", "skip": False,
         "versions": {}, "test_accuracy": 0.9 + split / 100 + (kind == "b") / 20,
         "test_loss": size / 100 + split / 1000}
        for kind in "ab" for size in (10, 2) for split in (1, 0, 2)]
VIEW = View("size", "Tamanho", {"test_accuracy": "Acurácia", "test_loss": "Perda"}, ("test_loss",),
            ("kind", {"b": "o de cima", "a": "o de baixo"}), names={10: "dez", 2: "dois"},
            only=lambda row: not row["skip"])


@pytest.fixture
def shown(monkeypatch, isolated):
    """Show the rows above, and one that does not count; what came out: figures with their texts, Markdown."""
    from IPython import display

    drawn, texts = [], []
    monkeypatch.setitem(VIEWS, "small", VIEW)
    monkeypatch.setattr(recorded.plots, "show", lambda figure, alt: drawn.append((figure, alt)))
    monkeypatch.setattr(display, "display", lambda shown: texts.append(shown.data))
    write_json(results_path("small"), [*ROWS, {**ROWS[0], "skip": True, "test_loss": 99}])
    mostrar("small")
    return drawn, texts


def test_a_figure_for_each_drawn_measure_with_its_text(shown):
    (figure, alt), = shown[0]
    assert is_drawn(figure)
    assert alt == ("Perda conforme tamanho. o de cima: 0,101 com dez, 0,021 com dois; "
                   "o de baixo: 0,101 com dez, 0,021 com dois.")


def test_a_line_for_each_series_and_value_in_the_order_of_the_names(shown):
    (text,) = shown[1]
    header, _, *lines = [line for line in text.splitlines() if line.startswith("|")]
    assert header == "| Tamanho | Acurácia | Perda |"
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == [
        "o de cima, dez", "o de cima, dois", "o de baixo, dez", "o de baixo, dois"]
    assert "0,9600" in lines[0] and "0,9100" in lines[2] and "0,1010" in lines[0]
    assert "3 divisões, que não são a dos capítulos; 3.000 fotos. Backbone: uma rede" in text


def test_without_series_every_row_counts(monkeypatch, isolated):
    view = View("size", "Tamanho", {"test_loss": "Perda"})
    found = recorded.estimates([row for row in ROWS if row["kind"] == "a"], view, "test_loss")
    assert {at: point.mean for at, point in found[""].items()} == pytest.approx({2: 0.021, 10: 0.101})
    assert found[""][2].low == pytest.approx(mean_over_splits([0.02, 0.021, 0.022]).low)


@pytest.mark.parametrize(("gpus", "told"), [
    (0, ""), (1, " Parte dos treinos foi feita em uma GPU (X), com o Keras sobre JAX."),
    (2, " Os treinos foram feitos em uma GPU (X), com o Keras sobre JAX.")])
def test_trainings_on_a_gpu_are_told(gpus, told):
    assert recorded.machine([{"versions": {"gpu": "X"}}] * gpus + [{"versions": {}}] * (2 - gpus)) == told


def test_a_change_is_paired_by_split(shown):
    changed = change("small", "test_loss", {"kind": "a", "size": 2}, {"kind": "a", "size": 10})
    assert (changed.mean, changed.p_value) == pytest.approx((0.08, 0), abs=1e-6)


def test_claims_are_told_with_their_change_and_verdict(monkeypatch):
    from IPython import display

    texts = []
    monkeypatch.setattr(display, "display", lambda shown: texts.append(shown.data))
    recorded.mostrar_mudancas({"[Uma](uma.ipynb)": (Estimate(-0.25, -0.3, -0.2), "confirmada"),
                               "Outra": (Estimate(0.1, -0.1, 0.3), "cabe no acaso")})
    assert texts[0].splitlines()[2:] == ["| [Uma](uma.ipynb) | −0,2500 (−0,3000 a −0,2000) | **confirmada** |",
                                         "| Outra | 0,1000 (−0,1000 a 0,3000) | **cabe no acaso** |"]


@pytest.mark.parametrize(("measure", "estimate", "text"), [
    ("test_accuracy", Estimate(0.99, 0.95, 1.03), "0,9900 (0,9500 a 1,0000)"),
    ("test_loss", Estimate(0.9, -0.2, 2.0), "0,9000 (0,0000 a 2,0000)"),
    ("cka", Estimate(0.5, 0.4, 0.6), "0,50 (0,40 a 0,60)")])
def test_intervals_end_where_the_measure_does(measure, estimate, text):
    assert written(estimate, measure) == text


def test_every_probed_layer_has_a_name():
    from catsdogs.study.transfer_runs import PROBED_LAYERS

    assert tuple(VIEWS["layers"].names) == PROBED_LAYERS


def test_intervals_of_digits_know_how_many_there_are():
    from catsdogs.study.digits import TEST, VALIDATION, digit_images

    train = len(digit_images()[0]) - TEST - VALIDATION
    assert VIEWS["digits"].test_to_train == pytest.approx(TEST / train)


def test_an_unknown_name_is_refused(refused):
    assert "forgetting" in refused(mostrar, "nada")


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_of_an_experiment_and_of_what_its_rows_hold(name):
    from catsdogs.study.experiments import EXPERIMENTS

    assert set(VIEWS[name].experiments or [name]) <= set(EXPERIMENTS)
    assert set(VIEWS[name].drawn) <= set(VIEWS[name].measures)


def test_ingredients_are_those_that_were_tried():
    from catsdogs.study.experiments import INGREDIENTS

    assert list(VIEWS["ingredients"].names) == list(INGREDIENTS)
