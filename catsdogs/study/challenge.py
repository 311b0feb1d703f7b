"""The numbers published with the challenge, kept in one data file of the book, and ours beside them."""

from dataclasses import asdict

import numpy as np

from catsdogs.config import book_dir
from catsdogs.errors import CatsdogsError
from catsdogs.files import read_json
from catsdogs.pipeline import Materials, score_part
from catsdogs.report import results_table


def load_challenge() -> dict:
    """Published metrics as ``{"phase1": {"validation": …, "test": …}, "phase2": …, "source": …}``.

    Each part holds ``accuracy``, ``auc``, ``loss``, ``errors`` and ``photos``; None where
    nothing was published.

    Raises:
        CatsdogsError: the package runs without the repository around it.
    """
    path = book_dir() / "dados" / "desafio.json"
    if not path.exists():
        raise CatsdogsError("Os números do desafio ficam no repositório: clone-o e use `pip install -e .` dentro dele.")
    return read_json(path)


def beside_challenge(ours: dict, who: str, challenge: dict) -> str:
    """A run's metrics after the published ones, a Markdown table and where those are from.

    Args:
        ours: as ``load_challenge``, without the source.
        who: what the run's columns are called.
    """
    columns = {f"{name}, fase {number}": run[f"phase{number}"]
               for name, run in (("Desafio", challenge), (who, ours)) for number in (1, 2)}
    return f"{results_table(columns)}\n\n{challenge['source']} O travessão marca o que não foi publicado."


def mostrar_ao_lado(materials: Materials, *answers: np.ndarray) -> None:
    """Show the two phases' metrics beside the challenge's in a notebook.

    Args:
        answers: per phase, the probabilities (n, 2) for all photos.
    """
    from IPython.display import Markdown, display

    ours = {f"phase{number}": {part: asdict(score_part(materials, given, part)) for part in ("validation", "test")}
            for number, given in enumerate(answers, 1)}
    display(Markdown(beside_challenge(ours, "Aqui", load_challenge())))
