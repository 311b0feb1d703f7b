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
