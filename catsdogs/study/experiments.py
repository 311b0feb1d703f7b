"""Experiments that take longer than a page may: data plus one runner, which can be stopped and resumed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product

from tqdm import tqdm

from catsdogs.config import BetterConfig, Config
from catsdogs.files import read_json, write_json
from catsdogs.pipeline import Materials
from catsdogs.storage.provenance import today, versions
from catsdogs.study.augmentation import KINDS, augmentation_run
from catsdogs.study.digits import digits_run
from catsdogs.study.phase1_runs import head_run
from catsdogs.study.phase2_runs import fine_tune_run
from catsdogs.study.rates import range_run
from catsdogs.study.recipe_runs import ingredient_run, recipe_run
from catsdogs.study.results import results_path
from catsdogs.study.scratch import SCRATCH_SIZES, scratch_run
from catsdogs.study.transfer_runs import transfer_run

CONFIG_FIELDS = {field.name for field in fields(BetterConfig)}


@dataclass(frozen=True)
class Experiment:
    """A question and the runs that answer it.

    Attributes:
        title: the question, in Portuguese.
        measure: ``measure(materials, config, **factors)`` → one dict of measures per model trained.
        settings: per run, the fields in which its ``Config`` differs, and the factors of ``measure``;
            ``seed`` moves both the split and the training.
    """

    title: str
    measure: Callable[..., list[dict]]
    settings: Sequence[dict]


def grid(**choices: Sequence) -> list[dict]:
    """Every combination, the last factor changing fastest: ``grid(a=[1, 2], b=[3])`` → a 1 b 3, a 2 b 3."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


SEEDS = range(5)
# Tried on splits of their own, so that the ten of repeated_runs have no part in the choice.
INGREDIENTS = {
    "receita": {}, "só 224 px": {"scales": 1}, "sem espelho": {"mirror": False},
    "sem dropout nas características": {"feature_dropout": 0.0}, "20 camadas": {"unfrozen_layers": 20},
    "sem média dos pesos": {"average_weights": False},
}
EXPERIMENTS = {
    "repeated_runs": Experiment("Quanto os resultados mudam de uma divisão para outra?", recipe_run,
                                grid(recipe=["desafio", "melhor"], seed=range(10))),
    "ingredients": Experiment("O que cada ingrediente da receita melhor muda?", ingredient_run, [
        {"ingredient": name, **change, "seed": seed}
        for name, change in INGREDIENTS.items() for seed in range(100, 105)]),
    "transfer": Experiment("Quanto vale começar de pesos pré-treinados?", transfer_run,
                           grid(start=["pretrained", "random"], seed=SEEDS)),
    "scratch": Experiment("E treinar a rede inteira do zero?", scratch_run, [
        {"start": start, "train_photos": count, "seed": seed}
        for start, sizes in SCRATCH_SIZES.items() for count in sizes for seed in SEEDS]),
    "augmentation": Experiment("Quanto valem fotos variadas?", augmentation_run,
                               grid(augmentation=KINDS, train_photos=[50, 300, 2400], seed=SEEDS)),
    "unfreezing": Experiment("Quantas camadas descongelar?", fine_tune_run,
                             grid(unfrozen_layers=[0], fine_tune_epochs=[4], seed=SEEDS)
                             + grid(unfrozen_layers=[11, 20, 29], fine_tune_learning_rate=[1e-5, 3e-5, 1e-4],
                                    fine_tune_epochs=[4], seed=SEEDS)),
    "pooling": Experiment("GAP ou Flatten?", head_run,
                          grid(pooling=["gap", "flatten"], train_photos=[300, 2400], seed=SEEDS)),
    "dropout": Experiment("Quanto dropout?", head_run,
                          grid(dropout=[0.0, 0.3, 0.6], train_photos=[100, 2400], head_epochs=[20], seed=SEEDS)),
    "head_rates": Experiment("Que taxa de aprendizado para a cabeça?", head_run,
                             grid(head_learning_rate=[1e-5, 1e-4, 3e-4, 1e-3, 1e-2, 1e-1], seed=SEEDS)),
    "rate_range": Experiment("Até que taxa a perda cai?", range_run, grid(part=["head", "tail"], seed=SEEDS)),
    "digits": Experiment("E em imagens longe da ImageNet?", digits_run,
                         grid(fine_tune_learning_rate=[1e-4], seed=SEEDS)),
    "forgetting": Experiment("O que o fine-tuning faz a rede esquecer?", fine_tune_run,
                             grid(fine_tune_learning_rate=[1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2],
                                  batch_norm=["frozen", "trained"], fine_tune_epochs=[2], seed=SEEDS)),
    "batch_norm": Experiment("Congelar a BatchNorm: basta training=False?", fine_tune_run,
                             grid(batch_norm=["frozen", "inference", "trained"], train_photos=[100],
                                  fine_tune_learning_rate=[1e-4], fine_tune_epochs=[2], seed=SEEDS)),
}


def run_experiment(name: str, materials: Materials) -> list[dict]:
    """Do the runs that are not recorded yet, recording each as it ends, and return all rows.

    Rows made from other photos, another trunk or other settings are made anew.

    Args:
        materials: its photos, backbone and activations are used; each run has its own split.
    """
    experiment, path = EXPERIMENTS[name], results_path(name)
    recorded = read_json(path) if path.exists() else []
    plans = [plan_of(setting, materials) for setting in experiment.settings]
    runs = [[row for row in recorded if plan.items() <= row.items()] for plan in plans]
    origin = {"backbone": materials.backbone.origin, "data": materials.photos.origin, "versions": versions(),
              "date": today()}
    for number, setting in enumerate(tqdm(experiment.settings, desc=name, unit="treino")):
        if not runs[number]:
            measured = run_setting(experiment.measure, materials, setting)
            runs[number] = [{**plans[number], **origin, **measures} for measures in measured]
            write_json(path, [row for rows in runs for row in rows])
    return [row for rows in runs for row in rows]


def plan_of(setting: dict, materials: Materials) -> dict:
    """What tells a run from any other, and comes first in its rows."""
    config, factors = _config_and_factors(setting, materials)
    return {**factors, "split": config.seed, "config": config.as_dict(), "trunk": materials.backbone.fingerprint,
            "photos": len(materials.photos)}


def run_setting(measure: Callable[..., list[dict]], materials: Materials, setting: dict) -> list[dict]:
    """The measures of one run; ``setting`` as in ``Experiment.settings``."""
    config, factors = _config_and_factors(setting, materials)
    return measure(materials, config, **factors)


def factor_names(experiment: Experiment, rows: Sequence[dict]) -> list[str]:
    """What tells one row of an experiment from another, besides the split."""
    names = [name for setting in experiment.settings for name in setting]
    names += [name for row in rows for name in ("phase", "train_photos", "layer", "views") if name in row]
    return [name for name in dict.fromkeys(names) if name != "seed"]


def _config_and_factors(setting: dict, materials: Materials) -> tuple[Config, dict]:
    given = {name: value for name, value in setting.items() if name in CONFIG_FIELDS}
    factors = {name: value for name, value in setting.items() if name not in CONFIG_FIELDS}
    if factors.get("recipe") == "melhor" or "ingredient" in factors:
        # Its own settings, but the photos' as they were prepared.
        same = ("image_size", "validation_fraction", "test_fraction", "photos_per_class")
        return BetterConfig(**{name: getattr(materials.config, name) for name in same} | given), factors
    return replace(materials.config, **given), factors
