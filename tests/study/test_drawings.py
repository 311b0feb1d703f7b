"""Drawings: each shows what it was given, and its texts keep clear of each other and of the borders."""

import io
import warnings
from itertools import combinations

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from sklearn.metrics import roc_auc_score

from catsdogs.study import drawings
from catsdogs.text import number

BLOCKS = {"início a\nblock_12": 500_000, "block_13": 104_000, "block_14": 320_000, "block_15": 319_999,
          "block_16": 470_001, "Conv_1": 409_600}
CATS, DOGS = (0.03, 0.1, 0.22, 0.45, 0.7), (0.35, 0.62, 0.85, 0.93, 0.98)
DRAWINGS = {
    "head": lambda: drawings.head(7, 1280, 256, 0.3),
    "head of small images": lambda: drawings.head(5, 96, 16, 0),
    "phases": lambda: drawings.phases(134, 20, ("0,0001", "0,00001")),
    "ordering": lambda: drawings.ordering(CATS, DOGS),
    "transfer": lambda: drawings.transfer(134, 20),
    "unfreezing": lambda: drawings.unfreezing(BLOCKS),
    "unfreezing, every block": lambda: drawings.unfreezing(BLOCKS, (0, 6)),
    "gap_and_flatten": lambda: drawings.gap_and_flatten(7, 1280),
    "gap_and_flatten of a small map": lambda: drawings.gap_and_flatten(5, 96),
    "dropout": lambda: drawings.dropout(0.3),
    "forgetting": drawings.forgetting,
    "batch_norm": drawings.batch_norm,
}


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def marked(figure, gid):
    return sum(patch.get_gid() == gid for patch in figure.axes[0].patches)


@pytest.fixture(params=DRAWINGS)
def drawn(request):
    """A figure drawn at the book's resolution, with the rectangle of each of its texts, in pixels."""
    figure = DRAWINGS[request.param]()
    assert isinstance(figure, Figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format="png", dpi=figure.dpi)
    return figure, {text: text.get_window_extent() for text in figure.axes[0].texts if text.get_text()}


def test_every_text_is_legible_inside_the_canvas_and_apart_from_the_others(drawn):
    figure, boxes = drawn
    width, height = figure.bbox.size
    for text, box in boxes.items():
        assert text.get_fontsize() >= 10
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text.get_text()
    for (one, box), (other, other_box) in combinations(boxes.items(), 2):
        assert not box.overlaps(other_box), (one.get_text(), other.get_text())


def test_no_text_crosses_the_edge_of_a_box(drawn):
    figure, boxes = drawn
    frames = [patch.get_window_extent() for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    for text, box in boxes.items():
        for frame in frames:
            inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
            assert inside or not box.overlaps(frame), text.get_text()


def test_head_says_what_each_part_hands_on():
    shown = texts(drawings.head(5, 96, 16, 0.3))
    assert {"5 × 5 × 96", "96", "16", "Dense 16,\nReLU", "Dropout\n0,3"} <= set(shown)


def test_phases_lock_the_trunk_in_both_and_the_tail_in_the_first():
    figure = drawings.phases(111, 43, ("0,1", "0,01"))
    assert marked(figure, "lock") == 2 + 1 + 1  # and one in the legend
    assert {"Fase 1, com taxa 0,1", "Fase 2, com taxa 0,01", "cauda: as últimas\n43, congelada",
            "cauda: as últimas\n43, em treino"} <= set(texts(figure))


def test_ordering_counts_wrong_answers_and_pairs_as_scikit_learn_does():
    figure = drawings.ordering(CATS, DOGS)
    assert (marked(figure, "right"), marked(figure, "wrong")) == (8, 2)
    auc = roc_auc_score([0] * 5 + [1] * 5, [*CATS, *DOGS])
    assert f"pares na ordem certa: 22 de 25; AUC {number(auc, 2)}" in texts(figure)


def test_transfer_shows_the_layers_of_both_parts():
    shown = " ".join(texts(drawings.transfer(111, 43)))
    assert "primeiras 111 camadas" in shown and "últimas 43" in shown


def test_unfreezing_locks_what_is_frozen_and_counts_what_is_trained():
    figure = drawings.unfreezing(BLOCKS, (0, 1, 3))
    assert marked(figure, "lock") == 6 + 5 + 3 + 1  # and one in the legend
    shown = texts(figure)
    assert {"0", "409.600", "1.199.600", "só a cabeça", "+ 1 bloco", "+ 3 blocos"} <= set(shown)
    heights = {text.get_text(): text.get_position()[1] for text in figure.axes[0].texts}
    assert heights["0"] > heights["409.600"] > heights["1.199.600"]
    assert heights["+ 3 blocos"] == heights["1.199.600"]


def test_gap_and_flatten_compute_the_inputs_of_the_head():
    shown = " ".join(texts(drawings.gap_and_flatten(7, 1280)))
    assert "7 × 7 posições" in shown and "1.280\nentradas" in shown and "62.720\nentradas" in shown
    assert "2.400\nentradas" in " ".join(texts(drawings.gap_and_flatten(5, 96)))


@pytest.mark.parametrize(("rate", "off", "scale"), [(0, 0, "1,00"), (0.3, 3, "1,43"), (0.5, 5, "2,00")])
def test_the_rate_decides_how_many_units_are_off(rate, off, scale):
    figure = drawings.dropout(rate)
    assert marked(figure, "off") == off
    shown = " ".join(texts(figure))
    assert f"{100 * rate:.0f}%" in shown and f"multiplicadas por {scale}" in shown
