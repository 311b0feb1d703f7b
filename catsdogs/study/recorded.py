"""``mostrar``: the figure and the table of a recorded experiment, ready to be read, in one call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from catsdogs import plots
from catsdogs.errors import CatsdogsError
from catsdogs.evaluation import TEST_TO_TRAIN, Estimate, change_over_splits, mean_over_splits
from catsdogs.study import figures
from catsdogs.study.results import by_factor, factor_value, load_results
from catsdogs.text import integer, markdown_table, number

ACCURACY, LOSS = {"test_accuracy": "Acurácia no teste"}, {"test_loss": "Perda no teste"}
RATE = "Taxa de aprendizado"
LAYERS = {0: "nenhuma", 11: "11 (um bloco)", 20: "20 (dois blocos)", 29: "29 (três blocos)"}


@dataclass(frozen=True)
class View:
    """How an experiment is shown.

    Attributes:
        factor: what differs from one point to the next, a factor or a field of ``Config``.
        axis: its name, in Portuguese.
        measures: the columns of the table, in order: key of a row → name.
        drawn: the measures that have a figure.
        series: what tells the lines of a figure apart, and the name of each of its values.
        names: of the factor's values; numbers are written as such.
        log: whether the factor is drawn on a logarithmic axis.
        only: which rows count.
        test_to_train: test photos per training photo, for the intervals.
        experiments: whose rows they are, when not of the one with the view's own name.
    """

    factor: str
    axis: str
    measures: dict[str, str]
    drawn: Sequence[str] = ("test_accuracy",)
    series: tuple[str, dict] | None = None
    names: dict = field(default_factory=dict)
    log: bool = False
    only: Callable[[dict], bool] = lambda row: True
    test_to_train: float = TEST_TO_TRAIN
    experiments: Sequence[str] = ()


VIEWS = {
    "forgetting": View("fine_tune_learning_rate", RATE, {
        **ACCURACY, "sharpness_probe": "Sonda de nitidez", "brightness_probe": "Sonda de brilho",
        "cka": "Semelhança (CKA)"}, ("test_accuracy", "sharpness_probe"),
        ("batch_norm", {"frozen": "BatchNorm congelada", "trained": "BatchNorm treinada"}), log=True),
    "unfreezing": View("unfrozen_layers", "Camadas descongeladas", {**ACCURACY, **LOSS}, ("test_loss",),
                       ("fine_tune_learning_rate", {1e-5: "taxa 1e-5", 3e-5: "taxa 3e-5", 1e-4: "taxa 1e-4"}),
                       names=LAYERS),
    "digits": View("phase", "Fase", {**ACCURACY, **LOSS}, names={1: "base congelada", 2: "depois do fine-tuning"},
                   test_to_train=600 / 997),
    "head_rates": View("head_learning_rate", "Taxa de aprendizado da cabeça",
                       {"validation_loss": "Perda na validação", "validation_accuracy": "Acurácia na validação"},
                       ("validation_loss",), log=True),
    "pooling": View("train_photos", "Fotos de treino", {**ACCURACY, **LOSS}, ("test_loss",),
                    ("pooling", {"gap": "GAP", "flatten": "Flatten"})),
    "dropout": View("dropout", "Dropout", {**ACCURACY, **LOSS}, ("test_loss",),
                    ("train_photos", {100: "100 fotos", 2400: "2.400 fotos"})),
    "batch_norm": View("batch_norm", "BatchNorm", {**ACCURACY, **LOSS}, names={
        "frozen": "congelada", "inference": "só training=False", "trained": "treinada"}),
    "transfer": View("train_photos", "Fotos de treino", ACCURACY, series=("start", {
        "pretrained": "pesos da ImageNet, congelados", "random": "pesos aleatórios, congelados",
        "small": "rede pequena, do zero", "mobilenet": "MobileNetV2, do zero"}), log=True,
        only=lambda row: "layer" not in row, experiments=("transfer", "scratch")),
    "layers": View("layer", "Camada, da foto à resposta", {"test_accuracy": "Acurácia da sonda no teste"}, series=(
        "start", {"pretrained": "pesos da ImageNet", "random": "pesos aleatórios"}), names={
            **{f"block_{n}_project_BN": f"block_{n}" for n in (1, 3, 6, 10, 13)}, "out_relu": "out_relu"},
        only=lambda row: "layer" in row, experiments=("transfer",)),
    "augmentation": View("train_photos", "Fotos de treino", {**ACCURACY, **LOSS}, ("test_loss",), (
        "augmentation", {"none": "sem variar", "mirror": "espelho", "rotation": "rotação", "zoom": "zoom",
                         "crop": "recorte"}), log=True),
    "ingredients": View("ingredient", "Receita", {
        "validation_loss": "Perda na validação", "validation_accuracy": "Acurácia na validação"}, ("validation_loss",),
        names={name: name for name in ("receita", "só 224 px", "sem espelho", "sem dropout nas características",
                                       "20 camadas", "sem média dos pesos")}),
    "repeated_runs": View("phase", "Receita e fase", {**ACCURACY, "test_auc": "AUC no teste", **LOSS}, ("test_loss",), (
        "recipe", {"desafio": "receita do desafio", "melhor": "receita melhor"}), names={1: "fase 1", 2: "fase 2"}),
}


def mostrar(name: str) -> None:
    """Show a recorded experiment in a notebook: a figure per drawn measure, a table, and what made them.

    Args:
        name: one of ``VIEWS``.

    Raises:
        CatsdogsError: there is no such experiment, or it was never run.
    """
    from IPython.display import Markdown, display

    if name not in VIEWS:
        raise CatsdogsError(f"Não conheço o experimento {name}: escolha entre {', '.join(VIEWS)}.")
    view, rows = VIEWS[name], rows_of(name)
    for measure in view.drawn:
        series, label = estimates(rows, view, measure), view.measures[measure]
        plots.show(figures.estimates(series, view.axis, label, decimals(measure), view.log), alt(series, view, label))
    display(Markdown(table(rows, view) + "\n\n" + conditions(rows)))


def mostrar_mudancas(found: dict[str, tuple[Estimate, str]]) -> None:
    """Show claims in a notebook, as a table: claim, in Markdown → its change and what that says of it."""
    from IPython.display import Markdown, display

    lines = [[claim, f"{number(change.mean)} ({number(change.low)} a {number(change.high)})", f"**{verdict}**"]
             for claim, (change, verdict) in found.items()]
    display(Markdown(markdown_table(["Afirmação", "Mudança (95%)", "Veredito"], lines)))


def rows_of(name: str) -> list[dict]:
    """The recorded rows that a view shows."""
    view = VIEWS[name]
    return [row for each in view.experiments or (name,) for row in load_results(each) if view.only(row)]


def estimates(rows: Sequence[dict], view: View, measure: str) -> dict[str, dict]:
    """A measure's mean over the splits: name of the series → value of the factor → ``Estimate``."""
    key, names = view.series or (None, {None: ""})
    found = {}
    for value, name in names.items():
        chosen = [row for row in rows if key is None or factor_value(row, key) == value]
        points = sorted(by_factor(chosen, view.factor, measure).items(), key=lambda item: order(item[0], view))
        found[name] = {view.names.get(at, at): mean_over_splits(values, view.test_to_train) for at, values in points}
    return found


def order(value, view: View):
    """Where a value of the factor comes: as its name does in ``view.names``, else by size."""
    return list(view.names).index(value) if value in view.names else value


def change(name: str, measure: str, before: dict, after: dict) -> Estimate:
    """The paired change of a measure between two settings of a recorded experiment, over its splits.

    Args:
        before, after: factors or fields of ``Config`` and their values, which tell the rows of each.
    """
    rows = sorted(rows_of(name), key=lambda row: row["split"])
    first, second = ([row[measure] for row in rows
                      if all(factor_value(row, key) == value for key, value in setting.items())]
                     for setting in (before, after))
    return change_over_splits(first, second, VIEWS[name].test_to_train)


def decimals(measure: str) -> int:
    """How many decimals a measure is written with."""
    return 4 if measure.endswith(("accuracy", "loss", "auc")) else 2


def table(rows: Sequence[dict], view: View) -> str:
    """Means and 95% intervals, a line per series and value of the factor, in Markdown."""
    columns = {measure: estimates(rows, view, measure) for measure in view.measures}
    lines = [[f"{name}, {figures.factor_text(at)}".removeprefix(", "),
              *[written(columns[measure][name][at], measure) for measure in view.measures]]
             for name, points in next(iter(columns.values())).items() for at in points]
    return markdown_table([view.axis, *view.measures.values()], lines)


def written(estimate: Estimate, measure: str) -> str:
    """``0,9850 (0,9760 a 0,9940)``; the interval ends where the measure does: at 0 and, losses apart, at 1."""
    most = float("inf") if measure.endswith("loss") else 1.0
    low, high = (number(min(max(end, 0.0), most), decimals(measure)) for end in (estimate.low, estimate.high))
    return f"{number(estimate.mean, decimals(measure))} ({low} a {high})"


def alt(series: dict[str, dict], view: View, label: str) -> str:
    """What a figure shows, for those who cannot see it."""
    lines = [f"{name}: ".removeprefix(": ") + ", ".join(
        f"{number(point.mean, 3)} com {figures.factor_text(at)}" for at, point in points.items())
        for name, points in series.items()]
    return f"{label} conforme {view.axis[0].lower()}{view.axis[1:]}. {'; '.join(lines)}."


def conditions(rows: Sequence[dict]) -> str:
    """What made the rows."""
    first, splits = rows[0], len({row["split"] for row in rows})
    images = first.get("source") or f"{integer(first['photos'])} fotos"
    return (f"*Média e intervalo de 95% em {splits} divisões, que não são a dos capítulos; {images}. "
            f"Backbone: {first['backbone']}.{machine(rows)}*")


def machine(rows: Sequence[dict]) -> str:
    """Where the trainings ran, when TensorFlow on a CPU did not make them all."""
    on_gpu = [row["versions"]["gpu"] for row in rows if "gpu" in row["versions"]]
    if not on_gpu:
        return ""
    part = "Os treinos foram feitos" if len(on_gpu) == len(rows) else "Parte dos treinos foi feita"
    return f" {part} em uma GPU ({on_gpu[0]}), com o Keras sobre JAX."
