"""The whole road: photos, activations, two phases, metrics, checkpoints, figures, record."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from catsdogs.backbone import Backbone, backbone_of, cut, find_base, load_backbone
from catsdogs.checkpoint import config_of, load_checkpoint, read_metadata, save_checkpoint
from catsdogs.config import (
    PHASE1_CHECKPOINT,
    PHASE2_CHECKPOINT,
    RECORD_FILE,
    Config,
    checkpoint_path,
    images_dir,
    models_dir,
)
from catsdogs.data import PARTS, Photos, Split, bundled_photos, find_photos, limit_photos, split_photos
from catsdogs.errors import CatsdogsError
from catsdogs.evaluation import Scores, score
from catsdogs.features import activations, pooled_features
from catsdogs.files import read_json, write_json
from catsdogs.quiet import keras
from catsdogs.report import save_figures
from catsdogs.storage.provenance import today, versions
from catsdogs.training import (
    Phase,
    activations_to_probabilities,
    assemble,
    build_head,
    find_head,
    fine_tune,
    train_head,
)


@dataclass(frozen=True)
class Materials:
    """What both phases start from.

    Attributes:
        maps: float32 (n, t, t, channels), the trunk's activations, in the photos' order.
    """

    config: Config
    photos: Photos
    split: Split
    backbone: Backbone
    maps: np.ndarray

    @cached_property
    def features(self) -> np.ndarray:
        """What phase 1's head sees, float32 (n, 1280); computed at the first use."""
        return pooled_features(self.backbone.tail, self.maps)


def prepare(config: Config, source: str | Path | None = None, weights: str | Path | None = None) -> Materials:
    """Photos, split, backbone and activations, ready to train on.

    Args:
        source: folder or zip of photos; see ``data.find_photos``.
        weights: backbone weights; see ``backbone.load_backbone``.
    """
    photos = find_photos(config, source)
    backbone = load_backbone(config, weights, shipped=not photos.has_files)
    return Materials(config, photos, split_photos(photos, config), backbone, activations(photos, backbone, config))


def prepare_trained(source: str | Path | None = None) -> Materials:
    """What the checkpoints at hand were trained on, ready to measure them: their settings and their backbone.

    Args:
        source: folder or zip of photos, else ``CATSDOGS_DATA``; without one, the activations that ship if the
            checkpoints learned from them, as nothing has to be downloaded then, else as in ``prepare``.

    Raises:
        CatsdogsError: a checkpoint is missing or damaged, or no photos can be had.
    """
    metadata = read_metadata(checkpoint_path(PHASE2_CHECKPOINT))
    config = config_of(metadata)
    backbone = backbone_of(checkpoint_path(PHASE1_CHECKPOINT), config)
    photos = None if source or os.environ.get("CATSDOGS_DATA") else bundled_photos()
    if photos:
        photos = limit_photos(photos, config.photos_per_class)
        trained_on = training_key(photos, split_photos(photos, config), backbone, config)
    if not photos or metadata.get("key") != trained_on:
        photos = find_photos(config, source)
    return Materials(config, photos, split_photos(photos, config), backbone, activations(photos, backbone, config))


def about(materials: Materials) -> dict:
    """Settings, origins and the key of a run, kept inside its checkpoints and record."""
    return {"key": run_key(materials), "config": materials.config.as_dict(), "backbone": materials.backbone.origin,
            "data": materials.photos.origin, "trunk": materials.backbone.fingerprint}


def run_key(materials: Materials) -> str:
    """A name for the training photos and the trunk.

    A checkpoint with another key may have learned from these test photos, or cannot be
    fed with these activations.
    """
    return training_key(materials.photos, materials.split, materials.backbone, materials.config)


def training_key(photos: Photos, split: Split, backbone: Backbone, config: Config) -> str:
    """``run_key`` of materials whose activations are not at hand."""
    trained_on = [photos.digests[i] for i in split.train]
    parts = [trained_on, config.image_size, backbone.fingerprint]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def train(materials: Materials, say: Callable[[str], None] = print, verbose: int = 0, again: bool = False) -> dict:
    """Run both phases; write checkpoints, figures and ``run.json``; return the record.

    Args:
        say: takes one Portuguese line per step.
        verbose: passed to ``fit``.
        again: train even if this very run is already recorded.
    """
    if not again and (recorded := recorded_run(materials)):
        save_figures(recorded, images_dir())  # that training may have been cut short before it drew them all
        say(f"Nada mudou desde o treino de {recorded['date']}: estes são seus resultados (--again treina de novo).")
        return recorded
    phase1 = None if again else trained_before(PHASE1_CHECKPOINT, materials)
    if phase1:
        say("Fase 1: já treinada antes; a fase 2 parte dela.")
    else:
        say("Fase 1: treinando a cabeça sobre a base congelada…")
        phase1 = train_phase1(materials, verbose)
    # Phase 2 always starts from the file, so that it is the same whether phase 1 ran now or long ago.
    model = load_checkpoint(models_dir() / PHASE1_CHECKPOINT)[0]
    before = probabilities(model, materials)
    say(f"Fase 2: fine-tuning das últimas {materials.config.unfrozen_layers} camadas…")
    phase2 = train_phase2(model, materials, verbose)
    after = probabilities(model, materials)
    record = make_record(materials, (phase1, phase2), (before, after))
    write_json(models_dir() / RECORD_FILE, record)
    save_figures(record, images_dir())
    say(f"Checkpoints e {RECORD_FILE} em {models_dir()}; figuras em {images_dir()}.")
    return record


def recorded_run(materials: Materials) -> dict | None:
    """The record of this very run, if its checkpoints are there too: same photos, trunk, settings and versions."""
    try:
        record = read_json(models_dir() / RECORD_FILE)
        saved = [read_metadata(models_dir() / name) for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT)]
    except (OSError, ValueError, CatsdogsError):
        return None
    whole = isinstance(record, dict) and all(_is_of(each, materials) for each in (record, *saved))
    return record if whole else None


def trained_before(name: str, materials: Materials) -> Phase | None:
    """What a phase of this very run left in its checkpoint, if a training that was cut short got as far."""
    try:
        metadata = read_metadata(models_dir() / name)
    except CatsdogsError:
        return None
    same = _is_of(metadata, materials) and "history" in metadata
    return Phase(metadata["history"], metadata["best_epoch"]) if same else None


def _is_of(made: dict, materials: Materials) -> bool:
    """Whether a record or a checkpoint's metadata tells of these materials and versions."""
    return {**about(materials), "versions": versions()}.items() <= made.items()


def train_phase1(materials: Materials, verbose: int = 0) -> Phase:
    """Train a new head on the frozen base and save the whole model."""
    config, backbone = materials.config, materials.backbone
    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    phase = train_head(head, materials.features, materials.photos.labels, materials.split, config, verbose)
    save_phase(assemble(backbone.base, head, config), PHASE1_CHECKPOINT, materials, phase)
    return phase


def train_phase2(model: keras.Model, materials: Materials, verbose: int = 0) -> Phase:
    """Fine-tune phase 1's whole model in place and save it."""
    _, tail = cut(find_base(model), materials.config.unfrozen_layers)
    phase = fine_tune(tail, find_head(model), materials.maps, materials.photos.labels, materials.split,
                      materials.config, verbose)
    save_phase(model, PHASE2_CHECKPOINT, materials, phase)
    return phase


def save_phase(model: keras.Model, name: str, materials: Materials, phase: Phase | None = None) -> None:
    """Write a whole model to ``models_dir()`` under ``name``, with what it was made from and how its training went."""
    made = {**about(materials), "versions": versions(), **(asdict(phase) if phase else {})}
    save_checkpoint(model, models_dir() / name, materials.photos.class_names, made)


def phase1_model(materials: Materials) -> keras.Model:
    """Phase 1's whole model for these training photos, trained now if there is none.

    A checkpoint trained on other photos is not used: it could have seen these test photos.
    """
    if not _is_saved(PHASE1_CHECKPOINT, materials):
        train_phase1(materials)
    return load_checkpoint(checkpoint_path(PHASE1_CHECKPOINT))[0]


def phase2_model(materials: Materials) -> keras.Model:
    """Phase 2's whole model for these training photos, trained now if there is none."""
    if not _is_saved(PHASE2_CHECKPOINT, materials):
        train_phase2(phase1_model(materials), materials)
    return load_checkpoint(checkpoint_path(PHASE2_CHECKPOINT))[0]


def _is_saved(name: str, materials: Materials) -> bool:
    path = checkpoint_path(name)
    return path.exists() and read_metadata(path).get("key") == run_key(materials)


def make_record(materials: Materials, phases: tuple[Phase, Phase],
                answers: tuple[np.ndarray, np.ndarray]) -> dict:
    """Everything worth keeping of a run, as plain JSON values.

    Args:
        answers: per phase, the probabilities (n, 2) for all photos.
    """
    photos, split = materials.photos, materials.split
    record = {
        **about(materials),
        "date": today(),
        "versions": versions(),
        "class_names": list(photos.class_names),
        "skipped": len(photos.skipped),
        "sizes": {part: len(getattr(split, part)) for part in PARTS},
    }
    for name, phase, given in zip(("phase1", "phase2"), phases, answers, strict=True):
        record[name] = {
            "history": phase.history, "best_epoch": phase.best_epoch,
            **{part: asdict(score_part(materials, given, part)) for part in ("validation", "test")},
            # The second class's probability; the first one's is what is missing to 1.
            "probabilities": {part: {photos.names[i]: round(float(given[i, 1]), 6) for i in getattr(split, part)}
                              for part in ("validation", "test")},
        }
    return record


def score_part(materials: Materials, probabilities: np.ndarray, part: str) -> Scores:
    """Metrics of (n, 2) probabilities on one part of the split."""
    rows = getattr(materials.split, part)
    return score(probabilities[rows], materials.photos.labels[rows], materials.photos.class_names)


def probabilities(model: keras.Model, materials: Materials, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """A whole model's answers, float32 (n, 2), for these rows of the photos, or all, from their stored activations."""
    return activations_to_probabilities(model, materials.config).predict(materials.maps[rows], verbose=0)


def evaluate_checkpoints(materials: Materials) -> dict:
    """Metrics of both checkpoints, as ``{"phase1": {"validation": …, "test": …}, "phase2": …}``.

    Raises:
        CatsdogsError: a checkpoint is missing, or was trained on other photos or another split.
    """
    result = {}
    for phase, name in (("phase1", PHASE1_CHECKPOINT), ("phase2", PHASE2_CHECKPOINT)):
        model, metadata = load_checkpoint(checkpoint_path(name))
        if metadata.get("key") != run_key(materials):
            raise CatsdogsError(f"{name} foi treinado com outras fotos ou outra divisão, e o teste poderia conter "
                                "fotos de treino: rode `catsdogs train` com estas fotos antes de avaliar.")
        result[phase] = {}
        for part in ("validation", "test"):
            rows = getattr(materials.split, part)
            answers = probabilities(model, materials, rows)
            result[phase][part] = asdict(score(answers, materials.photos.labels[rows], materials.photos.class_names))
    return result
