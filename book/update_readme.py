"""Rewrite the results in README.md from models/run.json: ``python book/update_readme.py``.

With ``--check`` nothing is written; the exit code is 1 when the README is not current.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

from catsdogs.challenge import load_challenge
from catsdogs.files import read_json
from catsdogs.text import integer, markdown_table, number

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

BEGIN, END = "<!-- resultados:início -->", "<!-- resultados:fim -->"
PARTS = {"validation": "Validação", "test": "Teste"}
METRICS = {"accuracy": "acurácia", "auc": "AUC", "loss": "perda", "errors": "erros"}
PACKAGES = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy",
            "scikit-learn": "scikit-learn", "pillow": "Pillow", "ai-edge-litert": "ai-edge-litert"}

# McNemar's exact test on photos that exactly one of two models gets wrong: with a difference of n
# errors the smallest two-sided p-value is 2·½ⁿ, which falls below 5% at n = 6.
SMALLEST_SIGNIFICANT_DIFFERENCE = 6


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
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{results(record, challenge)}\n{END}{after}"


def results(record, challenge):
    """The generated block: the table, how to read it and how it was made."""
    return "\n\n".join([table(record, challenge), challenge["source"] + " O travessão marca o que não foi publicado.",
                        reading(record), making(record)])


def table(record, challenge):
    """Both phases on validation and test, the challenge's numbers beside this project's."""
    columns = [run[phase] for run in (challenge, record) for phase in ("phase1", "phase2")]
    header = ["", "Desafio, fase 1", "Desafio, fase 2", "Este projeto, fase 1", "Este projeto, fase 2"]
    rows = [[f"{part_name}: {metric_name}", *(cell(column[part][metric]) for column in columns)]
            for part, part_name in PARTS.items() for metric, metric_name in METRICS.items()]
    return markdown_table(header, rows)


def cell(value):
    """A count or a measure as the reader sees it; a dash for what was not published."""
    if value is None:
        return "—"
    return integer(value) if isinstance(value, int) else number(value)


def reading(record):
    """What one photo is worth and how the two phases compare on the test photos."""
    first, second = (record[phase]["test"] for phase in ("phase1", "phase2"))
    difference = second["errors"] - first["errors"]
    photos = "1 foto" if abs(difference) == 1 else f"{integer(abs(difference))} fotos"
    compared = f"{photos} a {'mais' if difference > 0 else 'menos'} que" if difference else "tantas fotos quanto"
    return (f"**Como ler.** No teste, a fase 2 deste projeto errou {compared} a fase 1. Em "
            f"{integer(first['photos'])} fotos, uma só vale {number(100 / first['photos'], 2)} ponto percentual de "
            f"acurácia, e uma diferença de menos de {SMALLEST_SIGNIFICANT_DIFFERENCE} erros entre dois modelos nunca "
            "é significativa a 5% (teste exato de McNemar).")


def making(record):
    """Backbone, data, seed, split and versions of the run."""
    sizes = {part: integer(size) for part, size in record["sizes"].items()}
    versions = record["versions"]
    tested = [f"{name} {versions[package]}" for package, name in PACKAGES.items() if versions[package]]
    return "\n".join([
        f"- **Backbone:** {record['backbone']}.",
        f"- **Dados:** {record['data']}; {sizes['train']} de treino, {sizes['validation']} de validação e "
        f"{sizes['test']} de teste, com semente {record['config']['seed']}.",
        f"- **Testado com** {', '.join(tested)}, em {versions['platform']}; treino de "
        f"{date.fromisoformat(record['date']):%d/%m/%Y}.",
    ])


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
