"""Whether a notebook was executed to its end."""

import nbformat
import pytest
from helpers import assert_sentence

from catsdogs.classroom.executed import unfinished


def notebook(*counts, error=False, **metadata):
    cells = [nbformat.v4.new_code_cell("1", execution_count=count) for count in counts]
    if error:
        cells[-1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("a"), *cells], metadata=metadata)


@pytest.mark.parametrize(("made", "words"), [
    (notebook(1, None), "não foi executado até o fim"), (notebook(), "não foi executado até o fim"),
    (notebook(2, 1), "fora de ordem"), (notebook(1, 2, error=True), "terminou em erro"),
    (notebook(1, widgets={"application/x": {}}), "barras de progresso")])
def test_each_sign_is_one_sentence(tmp_path, made, words):
    nbformat.write(made, tmp_path / "a.ipynb")
    (told,) = unfinished(tmp_path / "a.ipynb", "a.ipynb")
    assert words in assert_sentence(told)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cells": 1}', "\x00"])
def test_what_is_no_notebook_is_told(tmp_path, content):
    (tmp_path / "a.ipynb").write_text(content)
    assert "não é um notebook válido" in assert_sentence(*unfinished(tmp_path / "a.ipynb", "a.ipynb"))


def test_a_finished_one_has_nothing_to_tell(tmp_path):
    nbformat.write(notebook(1, 3), tmp_path / "a.ipynb")
    assert not list(unfinished(tmp_path / "a.ipynb", "a.ipynb"))
