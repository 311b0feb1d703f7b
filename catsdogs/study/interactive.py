"""Figures that a reader plays with on the site; elsewhere, and without JavaScript, a sentence stands in their place.

Each call writes data into the page; a script of the call's name in ``book/_static/interativo`` makes the figure of it.
"""

import json
from collections.abc import Sequence
from html import escape

import numpy as np

from catsdogs.errors import CatsdogsError
from catsdogs.text import display_name


def convolution(kernel: np.ndarray, learned: np.ndarray) -> None:
    """A photo under a filter of nine numbers, which the reader changes.

    Args:
        kernel: (3, 3).
        learned: the first layer's kernels, (3, 3, 3, n). The one most like ``kernel`` is offered, its three colours
            summed, as it answers to grey, and made as strong as ``kernel``.
    """
    summed = learned.sum(axis=2).reshape(9, -1).astype(float)
    alike = summed / np.maximum(np.linalg.norm(summed, axis=0), 1e-9)
    chosen = (np.linalg.norm(kernel) * alike[:, np.argmax(kernel.ravel() @ alike)]).round(2)
    _place("convolution", "você muda aqui os nove números de um filtro e vê a foto mudar", kernel=chosen.tolist())


def threshold(probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> None:
    """A slider over a threshold, and what it makes of the confusion matrix, precision, recall and the point of the ROC.

    Args:
        probabilities: of the second class, (n,).
        labels: (n,), 0 or 1.

    Raises:
        CatsdogsError: one of the classes has no photos.
    """
    if set(np.unique(labels)) != {0, 1}:
        raise CatsdogsError("Para mover o limiar, é preciso ter fotos das duas classes: use uma parte que as tenha.")
    # Four decimals, cut rather than rounded, so that none reaches a threshold of two decimals that it does not pass.
    cut = np.floor(probabilities * 1e4 + 1e-7) / 1e4
    _place("threshold", "um controle deslizante move aqui o limiar e mostra os acertos e os erros de cada um",
           probabilities=cut.round(4).tolist(), labels=labels.tolist(),
           names=[display_name(name) for name in class_names])


def _place(name: str, what: str, **data) -> None:
    """Display the place of a figure, with its data and the sentence."""
    from IPython.display import HTML, display

    attributes = "".join(f' data-{key}="{escape(json.dumps(value))}"' for key, value in data.items())
    display(HTML(f'<div data-interativo="{name}"{attributes}><p>No site do livro, com JavaScript, {what}.</p></div>'))
