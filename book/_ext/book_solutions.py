"""In a quick build, the solutions of a page's exercises are executed after it, unseen: a page's test is a test of them.

A solution is a block of Python code in the page's section of exercises.
"""

import os
import re
from pathlib import Path

import nbformat

SECTION = re.compile(r"^## Exercícios$(.*?)(?=^\*\*Próximo capítulo:\*\*|\Z)", re.MULTILINE | re.DOTALL)
EXERCISE = re.compile(r"^\*\*(?=\d+\.\*\* )", re.MULTILINE)
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def exercises(notebook):
    """The text of each exercise of a page, with its hint and its solution."""
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    section = SECTION.search(prose)
    return EXERCISE.split(section[1])[1:] if section else []


def solutions(notebook):
    """The code of every solution, in order."""
    return [code for text in exercises(notebook) for code in CODE.findall(text)]


def add_solutions(notebook):
    """Append a page's solutions as cells that are executed but not shown."""
    notebook.cells += [nbformat.v4.new_code_cell(code, id=f"solution-{number}", metadata={"tags": ["remove-cell"]})
                       for number, code in enumerate(solutions(notebook), start=1)]
    return notebook


def executed(text, quick):
    """The text of a page's notebook as a build executes it."""
    return nbformat.writes(add_solutions(nbformat.reads(text, as_version=4))) if quick else text


def read_executed(app, docname, source):
    """Let Sphinx read what is executed."""
    if Path(app.env.doc2path(docname)).suffix == ".ipynb":
        source[0] = executed(source[0], os.environ.get("CATSDOGS_QUICK") == "1")


def setup(app):
    """Connect the step."""
    app.connect("source-read", read_executed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
