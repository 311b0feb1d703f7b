"""The numbers published with the challenge, kept in one data file of the book."""

from catsdogs.config import book_dir
from catsdogs.errors import CatsdogsError
from catsdogs.files import read_json


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
