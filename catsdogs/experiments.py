"""Experiments that take longer than a page may: settings as data, one runner, results as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catsdogs.backbone import cut, new_base
from catsdogs.config import Config, book_dir, results_dir
from catsdogs.data import split_photos
from catsdogs.errors import CatsdogsError
from catsdogs.evaluation import Scores
from catsdogs.features import pooled_features
from catsdogs.files import read_json, write_json
from catsdogs.pipeline import Materials, score_part, versions
from catsdogs.quiet import keras
from catsdogs.training import build_head, fine_tune, tail_and_head, train_head


@dataclass(frozen=True)
class Experiment:
    """A question and the runs that answer it.

    Attributes:
        title: the question, in Portuguese.
        recipe: the name its rows carry.
        settings: per run, what differs from ``Config()``; ``seed`` moves both the split and the training.
    """

    title: str
    recipe: str
    settings: Sequence[dict]


EXPERIMENTS = {
    "repeated_runs": Experiment("Quanto os resultados mudam de uma divisão para outra?", "desafio",
                                [{"seed": seed} for seed in range(10)]),
}


def load_results(name: str) -> list[dict]:
    """The rows of an experiment, one per run and phase: this machine's, else the book's.

    Raises:
        CatsdogsError: it was never run.
    """
    for path in (results_path(name), book_dir() / "results" / f"{name}.json"):
        if path.exists():
            return read_json(path)
    raise CatsdogsError(f"Ainda não há resultados de {name}: rode `catsdogs experiment {name}`.")


def results_path(name: str) -> Path:
    """Where this machine keeps an experiment's rows."""
    return results_dir() / f"{name}.json"


def run_experiment(name: str, materials: Materials) -> list[dict]:
    """Do the runs that are not recorded yet, recording each as it ends, and return all rows.

    Rows made from other photos, another trunk or other settings are made anew.

    Args:
        materials: its photos, backbone and activations are used; each run has its own split.
    """
    experiment, path = EXPERIMENTS[name], results_path(name)
    recorded = read_json(path) if path.exists() else []
    configs = [replace(materials.config, **setting) for setting in experiment.settings]
    plans = [{"recipe": experiment.recipe, "split": config.seed, "config": config.as_dict(),
              "trunk": materials.backbone.fingerprint, "photos": len(materials.photos)} for config in configs]
    runs = [[row for row in recorded if plan.items() <= row.items()] for plan in plans]
    for number, (config, plan) in enumerate(zip(tqdm(configs, desc=name, unit="treino"), plans, strict=True)):
        if not runs[number]:
            origin = {"backbone": materials.backbone.origin, "data": materials.photos.origin, "versions": versions()}
            runs[number] = [{**plan, **origin, **measures} for measures in run_once(materials, config)]
            write_json(path, [row for rows in runs for row in rows])
    return [row for rows in runs for row in rows]


def run_once(materials: Materials, config: Config) -> list[dict]:
    """Both phases with these settings, on a split of their own, leaving no checkpoint.

    Returns:
        for each phase, ``phase``, the epochs it took, and the metrics of validation and test.
    """
    photos, maps = materials.photos, materials.maps
    split = split_photos(photos, config)
    tail = _copy_of_tail(materials, config)
    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    phase1 = train_head(head, pooled_features(tail, maps), photos.labels, split, config)
    before = tail_and_head(tail, head).predict(maps, verbose=0)
    # A new head with the same weights, as when phase 2 starts from phase 1's file.
    fresh = build_head(config)
    fresh.set_weights(head.get_weights())
    phase2 = fine_tune(tail, fresh, maps, photos.labels, split, config)
    after = tail_and_head(tail, fresh).predict(maps, verbose=0)
    own = replace(materials, config=config, split=split)
    return [{"phase": number, "epochs": len(phase.history["loss"]), **_measures(own, answers)}
            for number, phase, answers in ((1, phase1, before), (2, phase2, after))]


def _copy_of_tail(materials: Materials, config: Config) -> keras.Model:
    keras.utils.clear_session()
    base = new_base(config.image_size)
    base.set_weights(materials.backbone.base.get_weights())
    base.trainable = False
    return cut(base, config.unfrozen_layers)[1]


def _measures(materials: Materials, answers: np.ndarray) -> dict:
    measures = {}
    for part in ("validation", "test"):
        scores: Scores = score_part(materials, answers, part)
        measures |= {f"{part}_{key}": value for key, value in asdict(scores).items()
                     if key in ("accuracy", "auc", "loss", "errors", "confusion")}
    return measures
