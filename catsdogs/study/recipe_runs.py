"""Whole recipes: the challenge's two phases, and the better one."""

import time

from catsdogs.backbone import copy_of_base, cut
from catsdogs.config import BetterConfig, Config
from catsdogs.data import split_photos
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study.measures import measure_parts
from catsdogs.study.recipe import all_views, mean_over_views, train_better
from catsdogs.training import build_head, fine_tune, tail_and_head, train_head


def recipe_run(materials: Materials, config: Config, recipe: str) -> list[dict]:
    """A whole recipe with these settings.

    Args:
        recipe: "desafio" or "melhor", the keys of ``config.RECIPES``.

    Returns:
        for the challenge's recipe a row per phase, for the better one the end result alone, with
        ``phase`` and the epochs it took.
    """
    return better_run(materials, config) if recipe == "melhor" else _challenge_rows(materials, config)


def _challenge_rows(materials: Materials, config: Config) -> list[dict]:
    photos, maps, split = materials.photos, materials.maps, split_photos(materials.photos, config)
    keras.utils.clear_session()
    tail = cut(copy_of_base(materials.backbone.base), config.unfrozen_layers)[1]
    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    phase1 = train_head(head, materials.features, photos.labels, split, config)
    before = tail_and_head(tail, head).predict(maps, verbose=0)
    # A new head with the same weights, as when phase 2 starts from phase 1's file.
    fresh = build_head(config)
    fresh.set_weights(head.get_weights())
    phase2 = fine_tune(tail, fresh, maps, photos.labels, split, config)
    after = tail_and_head(tail, fresh).predict(maps, verbose=0)
    return [{"phase": number, "epochs": len(phase.history["loss"]), **measure_parts(answers, photos, split)}
            for number, phase, answers in ((1, phase1, before), (2, phase2, after))]


def better_run(materials: Materials, config: BetterConfig) -> list[dict]:
    """The better recipe with these settings; needs the photos.

    Returns:
        one row, for the answers from all ``views`` of each photo.
    """
    photos, split = materials.photos, split_photos(materials.photos, config)
    keras.utils.clear_session()
    views = all_views(materials, config)
    start = time.perf_counter()
    _, model = train_better(materials.backbone.base, views, photos.labels, split, config)
    seconds = time.perf_counter() - start
    return [{"phase": 2, "views": 2 * len(views), "epochs": config.fine_tune_epochs, "seconds": seconds,
             **measure_parts(mean_over_views(model, views), photos, split)}]


def ingredient_run(materials: Materials, config: BetterConfig, ingredient: str) -> list[dict]:
    """The better recipe with one thing changed, which ``config`` says and ``ingredient`` names."""
    return better_run(materials, config)
