"""Rewrite the results in README.md from models/run.json: ``python book/update_readme.py``.

With ``--check`` nothing is written; the exit code is 1 when the README is not current.
"""

import argparse
import sys
from pathlib import Path

from catsdogs.files import read_json
from catsdogs.report import data_line, reading, tested_line, with_block
from catsdogs.study.challenge import beside_challenge, load_challenge

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def main(arguments=None):
    """Bring the README up to date, or only say whether it is, and return the exit code."""
    parser = argparse.ArgumentParser(description="Atualiza os resultados do README.md a partir de models/run.json.")
    parser.add_argument("--check", action="store_true", help="só confere; sai com 1 se o README estiver desatualizado")
    options = parser.parse_args(arguments)
    old = README.read_text(encoding="utf-8")
    new = with_results(old, read_json(ROOT / "models" / "run.json"), load_challenge())
    if old == new:
        print("README.md está em dia.")
    elif options.check:
        print("README.md está desatualizado: rode python book/update_readme.py.", file=sys.stderr)
        return 1
    else:
        README.write_text(new, encoding="utf-8", newline="\n")
        print("README.md atualizado.")
    return 0


def with_results(readme, record, challenge):
    """The README's text with its generated block made anew."""
    return with_block(readme, "resultados", results(record, challenge))


def results(record, challenge):
    """The generated block: the table, how to read it and how it was made."""
    return "\n\n".join([beside_challenge(record, "Este projeto", challenge), reading(record),
                        making(record)])


def making(record):
    """Backbone, data, seed, split and versions of the run."""
    return "\n".join([f"- **Backbone:** {record['backbone']}.", f"- **Dados:** {data_line(record)}.",
                      f"- **Testado com** {tested_line(record)}."])


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
