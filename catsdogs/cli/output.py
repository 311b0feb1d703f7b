"""What several commands print."""

import json
import sys
from collections.abc import Sequence

from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT
from catsdogs.errors import printable
from catsdogs.text import plain_table

PHASES = {"1": PHASE1_CHECKPOINT, "2": PHASE2_CHECKPOINT}
SHOWN = 20


def say(line: str) -> None:
    """Progress goes to the error output, so that the standard output holds only results."""
    print(line, file=sys.stderr, flush=True)


def say_found(photos, backbone) -> None:
    """Tell which photos and backbone are used, and which files are left out."""
    say(f"Fotos: {photos.origin}.")
    say(f"Backbone: {backbone.origin}.")
    if photos.skipped:
        say(f"{len(photos.skipped)} arquivo(s) deixado(s) de fora:")
        for name, trouble in photos.skipped[:SHOWN]:
            say(printable(f"  {name}: {trouble}"))
        if len(photos.skipped) > SHOWN:
            say(f"  e mais {len(photos.skipped) - SHOWN}; `catsdogs info --json` mostra todos")


def print_scores(record: dict, as_json: bool) -> None:
    """A record's metrics as tables, or all of it as JSON."""
    from catsdogs.evaluation import METRICS_HEADER, REPORT_HEADER, Scores, metrics_row, report_rows

    if as_json:
        print(json.dumps(record, ensure_ascii=False))
        return
    models = {f"fase {phase}": record[f"phase{phase}"] for phase in PHASES} if "phase1" in record \
        else {f"receita {record['recipe']}": record}
    scores = {(part, name): Scores(**model[part]) for part in ("validation", "test") for name, model in models.items()}
    parts = {"validation": "Validação", "test": "Teste"}
    print(plain_table(METRICS_HEADER, [metrics_row(f"{parts[part]}, {name}", row)
                                       for (part, name), row in scores.items()]))
    for name in models:
        print(f"\nTeste, {name}")
        print(plain_table(REPORT_HEADER, report_rows(scores["test", name])))


def print_checks(rows: Sequence[tuple[str, str, str]]) -> None:
    """A line for each status, name and text, the first two aligned."""
    width = max(len(name) for _, name, _ in rows)
    for status, name, text in rows:
        print(f"{status:<5}  {name:<{width}}  {text}".rstrip())


def first_files(names: Sequence[str], shown: int = 5) -> list[str]:
    """The first names, and how many more there are."""
    more = len(names) - shown
    return [f"- {name}" for name in names[:shown]] + ([f"- e mais {more}; --json mostra todas"] if more > 0 else [])
