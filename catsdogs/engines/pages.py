"""A static page that classifies photos into a checkpoint's two classes, in the browser of who opens it."""

import shutil
from collections.abc import Callable
from html import escape
from pathlib import Path
from string import Template

from catsdogs.checkpoint import read_metadata
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, RECORD_FILE
from catsdogs.engines.notices import all_notices
from catsdogs.engines.runtime import BINARIES, add_litert
from catsdogs.errors import printable
from catsdogs.files import read_json
from catsdogs.storage.folders import new_folder
from catsdogs.text import integer, number, percent

HERE = Path(__file__).resolve().parent
PARTS = HERE / "page"
INDEX_FILE = "index.html"
STYLE_FILE = "estilo.css"
NOTICES_FILE = "LICENCAS.txt"
# Where the scripts, the model and LiteRT.js lie in the page's folder.
PROGRAM = "classificador"
# What else a browser downloads at the first photo, besides the model.
DOWNLOADED = (*BINARIES[:2], "../index.js")
PHASE_OF = {PHASE1_CHECKPOINT: "phase1", PHASE2_CHECKPOINT: "phase2"}


def make_page(folder: Path, checkpoint: Path, title: str = "", runtime: Path | None = None,
              say: Callable[[str], None] = lambda line: None) -> dict:
    """Write the page into ``folder``, which is new or empty; nothing is left there when it fails.

    Args:
        checkpoint: of this project, or a model that plain Keras saved, with its classes beside it.
        title: of the page; the two classes as a question when empty.
        runtime: a folder that has LiteRT.js; from npm when None.
        say: takes one Portuguese line per step.

    Returns:
        ``title``, ``classes``, ``bytes`` (of the whole page) and ``training`` (see ``training_facts``, or None).

    Raises:
        CatsdogsError: the folder is not empty, LiteRT.js is not at hand, or the checkpoint does not serve.
    """
    metadata = read_metadata(checkpoint)
    with new_folder(folder) as place:
        say("Buscando o LiteRT.js, que roda o modelo no navegador…")
        program = place / PROGRAM
        shutil.copytree(HERE / "browser", program)
        add_litert(program / "litert", runtime)
        say("Convertendo o modelo…")
        from catsdogs.engines.web import export_one  # with TensorFlow, which takes its time

        about = export_one(checkpoint, program)
        say("Escrevendo a página…")
        title = printable(title) or question(about["classes"])
        facts = training_facts(checkpoint, metadata)
        litert = program / "litert" / "wasm"
        download = about["bytes"] + sum((litert / name).stat().st_size for name in DOWNLOADED)
        (place / INDEX_FILE).write_text(page_text(title, about["classes"], download, facts), encoding="utf-8")
        (place / NOTICES_FILE).write_text(all_notices(), encoding="utf-8")
        shutil.copyfile(PARTS / "style.css", place / STYLE_FILE)
        (place / ".nojekyll").touch()  # GitHub Pages then shows the files as they are
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return {"title": title, "classes": about["classes"], "bytes": size, "training": facts}


def question(classes: list[str]) -> str:
    """The two classes as a page's title: ``Gato ou cachorro?``."""
    first, second = classes
    return f"{first[:1].upper()}{first[1:]} ou {second}?"


def page_text(title: str, classes: list[str], download: int, facts: dict | None) -> str:
    """The page's HTML.

    Args:
        download: bytes that the first photo asks for.
    """
    first, second = map(escape, classes)
    return Template((PARTS / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title), first=first, second=second, megabytes=number(download / 1e6, 0),
        section=(PARTS / "section.html").read_text(encoding="utf-8"), facts=facts_text(facts) if facts else "")


def facts_text(facts: dict) -> str:
    """What the page tells of the training, as a paragraph."""
    right = facts["test"] - facts["errors"]
    return (f"<p>Ele aprendeu com {integer(facts['train'])} fotos. Em outras {integer(facts['test'])}, que não viu no "
            f"treino, acertou {integer(right)} ({percent(right / facts['test'])}).</p>\n")


def training_facts(checkpoint: Path, metadata: dict) -> dict | None:
    """How many photos a checkpoint learned from, and its test, from the record beside it.

    Returns:
        ``train``, ``test`` and ``errors``, each a number of photos; None when no record of the same training is there.
    """
    try:
        record = read_json(checkpoint.parent / RECORD_FILE)
        if record["key"] != metadata["key"]:
            return None
        test = record[PHASE_OF[checkpoint.name]]["test"]
        facts = {"train": record["sizes"]["train"], "test": test["photos"], "errors": test["errors"]}
    except (OSError, ValueError, LookupError, TypeError):
        return None
    whole = all(type(value) is int for value in facts.values())
    return facts if whole and facts["train"] > 0 and 0 <= facts["errors"] <= facts["test"] > 0 else None
