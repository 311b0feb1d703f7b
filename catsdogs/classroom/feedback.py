"""What grading leaves to read: a page for each student, a table and a chart of the class."""

import csv
import hashlib
import re
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from catsdogs import plots
from catsdogs.classroom.grade import Grade
from catsdogs.files import atomic_path
from catsdogs.text import harmless, markdown_table, number

# Beside the name of a file goes the name of a temporary one, longer by some 20 bytes; file systems take 255.
PAGE_NAME_BYTES = 200


def page_name(student: str) -> str:
    """What a student's files are called, without suffix: as the student, or shorter where no disk would take that."""
    if len(student.encode()) <= PAGE_NAME_BYTES:
        return student
    return f"{student[:PAGE_NAME_BYTES // 8]}-{hashlib.sha256(student.encode()).hexdigest()[:16]}"


def feedback(grade: Grade, possible: dict[str, float]) -> str:
    """The page for one student: points, what the visible tests say, and the written answers for a person to grade."""
    rows = [[name, number(grade.points(name), 1), number(points, 1)] for name, points in possible.items()]
    total = ["total", number(grade.total, 1), number(sum(possible.values()), 1)]
    student, status = (text.replace("<", "&lt;") for text in (grade.student, grade.status))  # a name is no HTML
    lines = [f"# {student}", "", f"Situação: {status.rstrip('.')}.", "",
             markdown_table(["Questão", "Pontos", "De"], [*rows, total])]
    for name in possible:
        found = grade.questions.get(name, {"messages": [], "hidden": 0})
        hidden = [f"{found['hidden']} conferência(s) com outros dados não passou(aram)."] if found["hidden"] else []
        if told := [*found["messages"], *hidden]:
            lines += ["", f"## {name}", "", *(f"- {message}" for message in told)]
    if grade.answers:
        lines += ["", "## Respostas escritas", "", "Uma pessoa as corrige pela rubrica da tarefa."]
        for answer in grade.answers:
            lines += ["", *(f"> {harmless(line)}" for line in answer.splitlines()), "", "Pontos: ____"]
    return "\n".join(lines) + "\n"


def write_csv(grades: list[Grade], possible: dict[str, float], out: Path) -> None:
    """One line per student, points of each question and in all."""
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["estudante", "situacao", *possible, "total", "possivel"])
        for grade in grades:
            writer.writerow([no_formula(grade.student), no_formula(grade.status),
                             *(grade.points(name) for name in possible), grade.total, sum(possible.values())])


def no_formula(text: str) -> str:
    """Text that a spreadsheet does not take for a formula, not even one that parts lines at semicolons."""
    return re.sub(r"((?:^|[;,])\s*)(?=[=+@-])", r"\1'", text)


def draw_grades(grades: list[Grade], possible: dict[str, float], out: Path) -> None:
    """A chart of the totals, and of the share of each question's points that the class earned on average.

    Args:
        possible: question → its points.
    """
    figure, (left, right) = plots.new_figure(9, 3.6, columns=2)
    totals = [grade.total for grade in grades]
    left.hist(totals, np.linspace(0, sum(possible.values()), 11), color=plots.SERIES_COLORS[0])
    left.set_xlabel("Pontos")
    left.set_ylabel("Estudantes")
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    shares = [np.mean([grade.points(name) for grade in grades]) / points for name, points in possible.items()]
    right.barh(list(possible), shares, color=plots.SERIES_COLORS[2])
    right.invert_yaxis()
    right.set_xlim(0, 1)
    right.set_xlabel("Parte dos pontos, em média")
    right.set_ylabel("Questão")
    plots.decimal_comma(right.xaxis, 1)
    figure.suptitle(f"{len(grades)} entregas")
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=plots.DPI)
