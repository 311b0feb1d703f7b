"""What the reader sees in words: class names, numbers and tables in Brazilian Portuguese."""

import unicodedata

from catsdogs.errors import printable

DISPLAY_NAMES = {"cats": "gato", "cat": "gato", "dogs": "cachorro", "dog": "cachorro"}


def display_name(class_name: str) -> str:
    """A class folder's name as shown to the reader; unknown names stay as they are, but on one line."""
    return DISPLAY_NAMES.get(class_name.lower(), printable(class_name))


def harmless(line: str) -> str:
    """A line that a stranger wrote, with escapes for what commands the terminal or is no character.

    Unlike ``printable``, it leaves what people may mean: tabs, hard spaces, joined emoji.
    """
    return "".join(ascii(character)[1:-1] if character != "\t" and unicodedata.category(character) in ("Cc", "Cs")
                   else character for character in line)


def number(value: float, digits: int = 4) -> str:
    """A number with a decimal comma and a real minus sign: ``-0.98333`` → ``−0,9833``; what rounds to zero has none."""
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace(".", ",").replace("-", "−")


def percent(value: float, digits: int = 1) -> str:
    """A fraction as a percentage: ``0.98333`` → ``98,3%``."""
    return number(100 * value, digits) + "%"


def integer(value: int) -> str:
    """A whole number with dots between thousands: ``62720`` → ``62.720``."""
    return f"{value:,}".replace(",", ".")


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is left-aligned, the others right-aligned."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain_table(header: list[str], rows: list[list[str]]) -> str:
    """The same table for a terminal, aligned with spaces."""
    widths = [max(len(line[column]) for line in [header, *rows]) for column in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(line, widths, strict=True)))
                     for line in [header, *rows])
