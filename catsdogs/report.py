"""What a README says of a run, made from its record: no number or figure is made by hand."""

import re
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np

from catsdogs import plots
from catsdogs.config import RECORD_FILE
from catsdogs.errors import CatsdogsError
from catsdogs.evaluation import Scores
from catsdogs.files import atomic_path, read_json
from catsdogs.text import display_name, integer, markdown_table, number

README_FILE = "README.md"
RECORD_PATH = f"models/{RECORD_FILE}"
PARTS = {"validation": "Validação", "test": "Teste"}
METRICS = {"accuracy": "acurácia", "auc": "AUC", "loss": "perda", "errors": "erros"}
PHASES = {"phase1": "Fase 1: base congelada", "phase2": "Fase 2: fine-tuning"}
CURVES = {"phase1": "curves_freeze.png", "phase2": "curves_ft.png"}
MATRICES = {"phase1": "confmat_phase1.png", "phase2": "confmat_phase2.png"}
PACKAGES = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy",
            "scikit-learn": "scikit-learn", "pillow": "Pillow", "ai-edge-litert": "ai-edge-litert"}

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

# McNemar's exact test on photos that exactly one of two models gets wrong: with a difference of n
# errors the smallest two-sided p-value is 2·½ⁿ, which falls below 5% at n = 6.
SMALLEST_SIGNIFICANT_DIFFERENCE = 6


def write_report(folder: Path | str = ".") -> None:
    """Draw ``images/`` and fill the generated blocks of ``README.md`` from ``models/run.json``, all below ``folder``.

    What stands outside the blocks stays as it is.

    Raises:
        CatsdogsError: the record or the README is missing or damaged; nothing is written then.
    """
    folder = Path(folder)
    record = read_record(folder)
    readme = with_blocks(read_readme(folder), record)
    save_figures(record, folder / "images")
    with atomic_path(readme_path(folder)) as temporary:
        temporary.write_text(readme, encoding="utf-8", newline="\n")


def read_record(folder: Path) -> dict:
    """The record of a run in ``folder``, complete enough for a README and its figures.

    Raises:
        CatsdogsError: it is missing, damaged or incomplete.
    """
    path = folder / RECORD_PATH
    if not path.is_file():
        raise CatsdogsError(f"Falta {RECORD_PATH}, o registro do treino: execute o notebook até o fim.")
    try:
        record = read_json(path)
        for phase in PHASES:
            (_, _), (_, _) = Scores(**record[phase]["test"]).confusion
        for make in BLOCKS.values():
            make(record)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CatsdogsError(f"{RECORD_PATH} está danificado ou incompleto: execute o notebook de novo.") from error
    return record


def read_readme(folder: Path) -> str:
    """The text of ``README.md`` in ``folder``.

    Raises:
        CatsdogsError: it is missing or not in UTF-8.
    """
    path = readme_path(folder)
    if not path.is_file():
        raise CatsdogsError(f"Falta {README_FILE}: comece a pasta com `catsdogs new` ou copie o dela.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CatsdogsError(f"{README_FILE} não está em UTF-8: salve-o com essa codificação.") from error


def readme_path(folder: Path) -> Path:
    """``README.md`` in ``folder``, whatever its letter case, in which GitHub shows it, too."""
    found = [path for path in sorted(folder.glob("*")) if path.name.lower() == README_FILE.lower()]
    return found[0] if found else folder / README_FILE


def tells_the_numbers(readme: str, record: dict) -> bool:
    """Whether a README's blocks hold every number of the record's tables; the sentences around them may be others.

    Raises:
        CatsdogsError: the blocks are not there.
    """
    with_blocks(readme, record)  # says which marks are missing
    told = Counter(number for name in BLOCKS for number in NUMBER.findall(_between(readme, name)))
    columns = {name: record[phase] for phase, name in PHASES.items()}
    return Counter(NUMBER.findall(results_table(columns))) <= told


def _between(readme: str, name: str) -> str:
    begin, end = marks(name)
    return readme.partition(begin)[2].partition(end)[0]


def with_blocks(readme: str, record: dict) -> str:
    """A student's README with its generated blocks made anew.

    Raises:
        CatsdogsError: as ``with_block``.
    """
    for name, make in BLOCKS.items():
        readme = with_block(readme, name, make(record))
    return readme


def with_block(readme: str, name: str, content: str) -> str:
    """A README with ``content`` between its two marks called ``name``.

    Raises:
        CatsdogsError: the marks do not stand there once each, in order.
    """
    begin, end = marks(name)
    before, found, rest = readme.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed) or readme.count(begin) > 1 or readme.count(end) > 1:
        raise CatsdogsError(f"{README_FILE} precisa ter, uma vez cada e nesta ordem, as linhas {begin} e {end}: "
                            "copie-as de um README novo, feito com `catsdogs new`.")
    return f"{before}{begin}\n{content}\n{end}{after}"


def marks(name: str) -> tuple[str, str]:
    """What stands before and after a generated block of a README."""
    return f"<!-- {name}:início -->", f"<!-- {name}:fim -->"


def data_block(record: dict) -> str:
    """Which photos, and how many in each part."""
    names = " e ".join(display_name(name) for name in record["class_names"])
    skipped = f" Ficaram de fora {integer(record['skipped'])} arquivo(s), ilegíveis ou repetidos." \
        if record["skipped"] else ""
    return f"As classes são {names}. Fotos deste treino: {data_line(record)}.{skipped}"


def method_block(record: dict) -> str:
    """The model and what each phase trains, from the settings of the run."""
    config = record["config"]
    model = (f"MobileNetV2 → GAP → Dense({config['head_units']}, ReLU) → Dropout({_decimal(config['dropout'])}) → "
             f"Dense(2, softmax), com imagens de {config['image_size']} px. Backbone: {record['backbone']}.")
    learns = ["só a cabeça", f"a cabeça e as últimas {config['unfrozen_layers']} camadas, fora as BatchNormalization"]
    rates = [_decimal(config[key]) for key in ("head_learning_rate", "fine_tune_learning_rate")]
    epochs = [f"{len(record[phase]['history']['loss'])} (guardada a {record[phase]['best_epoch'] + 1}ª)"
              for phase in PHASES]
    return model + "\n\n" + markdown_table(["", *PHASES.values()], [
        ["Aprende", *learns], ["Taxa de aprendizado (Adam)", *rates], ["Épocas", *epochs]])


def _decimal(value: float) -> str:
    """A number with as many decimals as it has: ``1e-05`` → ``0,00001``."""
    return np.format_float_positional(value, trim="-").replace(".", ",")


def results_block(record: dict) -> str:
    """The table, how to read it, the figures and what they were made with."""
    table = results_table({name: record[phase] for phase, name in PHASES.items()})
    figures = [f"![{alternative_text(record, phase, kind)}](images/{files[phase]})"
               for phase in PHASES for kind, files in (("curves", CURVES), ("matrix", MATRICES))]
    return "\n\n".join([table, reading(record), *figures, f"Feito com {tested_line(record)}."])


def alternative_text(record: dict, phase: str, kind: str) -> str:
    """What a figure (``kind`` is ``curves`` or ``matrix``) shows, for those who cannot see it."""
    part, name = record[phase], PHASES[phase]
    if kind == "curves":
        return f"{name}, perda e acurácia por época, no treino e na validação; guardada a {part['best_epoch'] + 1}ª"
    scores = Scores(**part["test"])
    return f"{name}, matriz de confusão no teste, com {scores.photos - scores.errors} acertos e {scores.errors} erros"


def results_table(columns: dict[str, dict]) -> str:
    """A row per metric on validation and test; ``columns`` maps a name to ``{"validation": …, "test": …}``."""
    rows = [[f"{part_name}: {metric_name}", *(_cell(column[part][metric]) for column in columns.values())]
            for part, part_name in PARTS.items() for metric, metric_name in METRICS.items()]
    return markdown_table(["", *columns], rows)


def _cell(value: float | None) -> str:
    """A count or a measure as the reader sees it; a dash for what was not published."""
    if value is None:
        return "—"
    return integer(value) if isinstance(value, int) else number(value)


def reading(record: dict) -> str:
    """What one photo is worth and how the two phases compare on the test photos."""
    first, second = (record[phase]["test"] for phase in PHASES)
    difference = second["errors"] - first["errors"]
    photos = "1 foto" if abs(difference) == 1 else f"{integer(abs(difference))} fotos"
    compared = f"{photos} a {'mais' if difference > 0 else 'menos'} que" if difference else "tantas fotos quanto"
    worth = 100 / first["photos"]
    points = "ponto percentual" if worth < 2 else "pontos percentuais"
    return (f"**Como ler.** No teste, a fase 2 deste projeto errou {compared} a fase 1. Em "
            f"{integer(first['photos'])} fotos, uma só vale {number(worth, 2)} {points} de acurácia, "
            f"e uma diferença de menos de {SMALLEST_SIGNIFICANT_DIFFERENCE} erros entre dois modelos nunca é "
            "significativa a 5% (teste exato de McNemar).")


def data_line(record: dict) -> str:
    """Origin, sizes of the parts and seed."""
    sizes = {part: integer(size) for part, size in record["sizes"].items()}
    return (f"{record['data']}; {sizes['train']} de treino, {sizes['validation']} de validação e {sizes['test']} de "
            f"teste, com semente {record['config']['seed']}")


def tested_line(record: dict) -> str:
    """Versions, platform and date of the run."""
    versions = record["versions"]
    tested = [f"{name} {versions[package]}" for package, name in PACKAGES.items() if versions[package]]
    return f"{', '.join(tested)}, em {versions['platform']}; treino de {date.fromisoformat(record['date']):%d/%m/%Y}"


def save_figures(record: dict, folder: Path) -> None:
    """The four figures of the challenge, drawn from a record, into ``folder``."""
    for phase, title in PHASES.items():
        part = record[phase]
        _save_figure(plots.training_curves(part["history"], part["best_epoch"], title), folder / CURVES[phase])
        scores = Scores(**part["test"])
        _save_figure(plots.confusion(scores, record["class_names"], f"{title} (teste)"), folder / MATRICES[phase])


def _save_figure(figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        # No software version inside, so that the same run gives the same bytes.
        figure.savefig(temporary, dpi=plots.DPI, metadata={"Software": None})


# The generated parts of a student's README, between marks of these names.
BLOCKS = {"dados": data_block, "método": method_block, "resultados": results_block}
