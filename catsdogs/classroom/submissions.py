"""What students sent: one notebook each, wherever it lies."""

import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath, PurePosixPath

import nbformat

from catsdogs.classroom.assignment import IGNORED_TAG
from catsdogs.config import cache_dir
from catsdogs.errors import CatsdogsError, printable
from catsdogs.files import file_digest
from catsdogs.layout import is_of_the_system
from catsdogs.storage.archive import unpack
from catsdogs.storage.limits import MAX_NOTEBOOK_BYTES, MIB


def find_submissions(folder: Path, own: Iterable[Path]) -> list[Path]:
    """Notebooks, zips with one, and folders with one, of one student each.

    Args:
        folder: what holds them: a folder, or a zip as platforms of courses give it.
        own: files and folders of the grader's, which may lie there too.

    Raises:
        CatsdogsError: there are none, or several of one student.
    """
    if folder.is_file() and folder.suffix.lower() == ".zip":
        folder = only_wrapped(unpack(folder, cache_dir() / "submissions" / f"{folder.stem}-{file_digest(folder)[:12]}"))
    if not folder.is_dir():
        raise CatsdogsError(f"Não encontrei a pasta {folder}: indique a que tem as entregas dos estudantes.")
    not_these = {os.path.realpath(path) for path in own}
    submissions = sorted(path for path in submitted(folder) if os.path.realpath(path) not in not_these)
    if not submissions:
        raise CatsdogsError(f"Não há entregas em {folder}: ponha nela um notebook por estudante.")
    names = [student_name(path) for path in submissions]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise CatsdogsError(f"Há mais de uma entrega de {repeated[0]} em {folder}: deixe só a que vale.")
    return submissions


def submitted(folder: Path) -> list[Path]:
    """What a folder holds, without what systems leave in folders and zips."""
    return [path for path in folder.iterdir() if not is_of_the_system(path.name) and path.name != "__MACOSX"]


def only_wrapped(folder: Path) -> Path:
    """The one folder that another consists of, if it holds several submissions; else that other one."""
    inside = submitted(folder)
    several = len(inside) == 1 and inside[0].is_dir() and sum(
        path.is_dir() or path.suffix.lower() in (".ipynb", ".zip") for path in inside[0].iterdir()) > 1
    return inside[0] if several else folder


def student_name(submission: Path) -> str:
    """How a submission is called: its file's name without extension, or its folder's, harmless to show."""
    return printable(submission.name if submission.is_dir() else submission.stem)


def notebook_bytes(submission: Path) -> bytes:
    """The one notebook of a submission: the file itself, or the only one inside a folder or zip.

    Raises:
        CatsdogsError: there is none, or more than one, or it is too large, damaged or a symbolic link.
    """
    # A link could lead to another's notebook, or to the solution.
    if submission.is_symlink():
        raise CatsdogsError(f"{submission.name} é um link simbólico, que a correção não segue: ponha no lugar dele o "
                            "próprio notebook.")
    try:
        if submission.is_file() and submission.suffix.lower() == ".zip":
            with zipfile.ZipFile(submission) as archive:
                found = [info for info in archive.infolist() if is_notebook(PurePosixPath(info.filename))]
                return _unpacked(archive, _only(found, submission, lambda info: info.file_size))
        paths = submission.rglob("*") if submission.is_dir() else [submission]
        found = [path for path in paths if is_notebook(path.relative_to(submission.parent)) and path.is_file()
                 and not path.is_symlink()]
        return _only(found, submission, lambda path: path.stat().st_size).read_bytes()
    except CatsdogsError:
        raise
    except Exception as error:  # the readers of zip have many
        raise CatsdogsError(f"{submission.name} não abre: peça ao estudante que envie de novo.") from error


def is_notebook(path: PurePath) -> bool:
    """Whether a file counts as a notebook: not what Jupyter and macOS keep beside it, ``.ipynb_checkpoints`` say."""
    return path.suffix.lower() == ".ipynb" and not any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member of a zip, unpacked no further than to the size that it claims."""
    # ``zipfile`` unpacks the others at once, whatever their size.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("unusual compression")
    with archive.open(member) as content:
        return content.read(member.file_size)


def _only(found: list, submission: Path, size: Callable):
    if len(found) != 1:
        raise CatsdogsError(f"{submission.name} tem {len(found)} notebooks, e deveria ter um: peça ao estudante que "
                            "envie só o da tarefa.")
    if size(found[0]) > MAX_NOTEBOOK_BYTES:
        raise CatsdogsError(f"O notebook de {submission.name} tem mais de {MAX_NOTEBOOK_BYTES // MIB} MiB: peça ao "
                            "estudante que o envie sem as saídas.")
    return found[0]


def read_cells(content: bytes) -> tuple[list[str], tuple[str, ...], bool]:
    """The code cells that count and the written answers, in the notebook's order; whether it was this assignment's.

    Not validated: programs write ids, tags and outputs otherwise than the format says, and nothing of that matters.
    """
    notebook = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
    cells = [(cell.cell_type, (cell.get("metadata") or {}).get("tags") or [], "".join(cell.source))
             for cell in notebook.cells]
    checks = [source.strip().startswith("grader.check") for _, _, source in cells]
    return ([source for (kind, tags, source), check in zip(cells, checks, strict=True)
             if kind == "code" and IGNORED_TAG not in tags and source.strip() and not check],
            tuple(source for kind, tags, source in cells if kind == "markdown" and "otter_answer_cell" in tags),
            any(checks) or any("otter_answer_cell" in tags for _, tags, _ in cells))
