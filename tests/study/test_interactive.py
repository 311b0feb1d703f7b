"""Figures to play with: what the page's script is given, and what stands there without it."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from catsdogs.study import interactive

EDGES = np.array([[-1, 0, 1]] * 3)


@pytest.fixture
def shown(monkeypatch):
    """The element that a call displays."""
    given = []
    monkeypatch.setattr("IPython.display.display", given.append)
    return lambda: ElementTree.fromstring(given.pop().data)


def test_the_network_s_filter_most_like_the_page_s_is_offered_its_colours_summed_and_as_strong(shown):
    learned = np.zeros((3, 3, 3, 4))
    learned[..., 0] = 50 * EDGES.T[:, :, None]
    learned[..., 1] = -EDGES[:, :, None]
    learned[..., 2] = EDGES[:, :, None] * [0.3, 0.2, -0.1]
    learned[1, 1, :, 2] = 0.4 / 3
    learned[..., 3] = 100 * EDGES[:, :, None] + 80
    interactive.convolution(EDGES, learned)
    place = shown()
    assert place.get("data-interativo") == "convolution"
    assert json.loads(place.get("data-kernel")) == [-0.93, 0, 0.93, -0.93, 0.93, 0.93, -0.93, 0, 0.93]


def test_without_a_script_a_sentence_says_where_it_runs(shown):
    interactive.convolution(EDGES, EDGES[:, :, None, None] * np.ones((1, 1, 3, 1)))
    assert shown().findtext("p") == ("No site do livro, com JavaScript, você muda aqui os nove números de um filtro e "
                                     "vê a foto mudar.")


def test_cut_probabilities_count_as_the_whole_ones_at_every_threshold_of_the_slider(shown):
    rng = np.random.default_rng(5)
    given = np.concatenate([rng.random(300), np.arange(101) / 100, [0.49999, 1 - 1e-9]])
    labels = np.arange(len(given)) % 2
    interactive.threshold(given, labels, ("cats", "Persa <3"))
    place = shown()
    cut = np.array(json.loads(place.get("data-probabilities")))
    assert place.get("data-interativo") == "threshold" and np.abs(cut - given).max() < 1e-4
    assert json.loads(place.get("data-labels")) == labels.tolist()
    assert json.loads(place.get("data-names")) == ["gato", "Persa <3"]
    for step in range(101):
        assert np.array_equal(cut >= step / 100, given >= step / 100), step


def test_a_threshold_needs_both_classes(shown, refused):
    assert "duas classes" in refused(interactive.threshold, np.array([0.1, 0.9]), np.array([1, 1]), ("a", "b"))
