"""The page that a delivery publishes from ``docs/``: whole, and of the delivered model.

That no file is too large for GitHub is asked of every file, there as elsewhere.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from catsdogs.config import PHASE2_CHECKPOINT
from catsdogs.engines.pages import INDEX_FILE, PROGRAM
from catsdogs.files import file_digest, read_json

PAGE_FOLDER = "docs"
INDEX = f"{PAGE_FOLDER}/{INDEX_FILE}"
ABOUT = f"{PAGE_FOLDER}/{PROGRAM}/modelo.json"
MODEL = f"{PAGE_FOLDER}/{PROGRAM}/modelo.tflite"
NEEDED = (f"{PAGE_FOLDER}/{PROGRAM}/start.js", f"{PAGE_FOLDER}/{PROGRAM}/litert/index.js", ABOUT, MODEL)
AGAIN = (f"apague a pasta {PAGE_FOLDER} e rode `catsdogs page {PAGE_FOLDER} --checkpoint "
         f"models/{PHASE2_CHECKPOINT}`")


def has_page(folder: Path, files: Collection[str]) -> bool:
    """Whether a page that ``catsdogs page`` made is delivered; ``docs/`` may hold something else."""
    return INDEX in files and f"{PROGRAM}/start.js" in (folder / INDEX).read_text(encoding="utf-8", errors="replace")


def page_problems(folder: Path, files: Collection[str], checkpoints: Collection[str]) -> Iterator[str]:
    """A Portuguese sentence on what is wrong with the page, at most one.

    Args:
        files: all that is delivered, relative to ``folder``.
        checkpoints: those of them that a page may have been made from.
    """
    if lacking := [name for name in NEEDED if name not in files]:
        yield (f"Falta à página {lacking[0]}, e assim ela não funciona: se ele existe, tire-o do .gitignore; se não, "
               f"{AGAIN}.")
        return
    try:
        about = read_json(folder / ABOUT)
        model, checkpoint = about["sha256"], about["checkpoint"]
    except (ValueError, KeyError, TypeError):
        yield f"{ABOUT} está danificado: {AGAIN}."
        return
    if file_digest(folder / MODEL) != model:
        yield f"{MODEL} não é o modelo com que a página foi feita: {AGAIN}."
    elif checkpoint not in [file_digest(folder / name) for name in checkpoints if name in files]:
        yield f"A página é de outro treino, e não do modelo que está em models/: {AGAIN}."
