"""Whether a notebook was executed from top to bottom without errors, as far as the file tells."""

import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from catsdogs.files import read_json


def unfinished(path: Path, name: str) -> Iterator[str]:
    """A Portuguese sentence for each thing that shows that a notebook was not executed from top to bottom.

    Args:
        name: what to call it.
    """
    import nbformat

    try:
        notebook = nbformat.from_dict(read_json(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without ids, as Colab writes them
            nbformat.validate(notebook)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "".join(cell.source).strip()]
    except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError):
        yield f"{name} não é um notebook válido: abra-o no Jupyter ou no Colab e salve-o de novo."
        return
    widgets = notebook.metadata.get("widgets")
    if widgets and not all("state" in each for each in widgets.values()):
        yield (f"{name} guarda barras de progresso interativas sem o estado delas, e o GitHub não o mostra: rode, na "
               "pasta dele, `jupyter nbconvert --to notebook --inplace --ClearMetadataPreprocessor.enabled=True "
               f"{path.name}`.")
    counts = [cell.execution_count for cell in cells]
    if None in counts or not counts:
        yield f"{name} não foi executado até o fim: execute todas as células, de cima a baixo, e salve."
    elif any(one >= other for one, other in pairwise(counts)):
        yield f"{name} foi executado fora de ordem: reinicie, execute todas as células, de cima a baixo, e salve."
    if any(output.output_type == "error" for cell in cells for output in cell.outputs):
        yield f"{name} tem uma célula que terminou em erro: corrija-a, execute todas de novo e salve."
