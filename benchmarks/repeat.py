"""One training in a process of its own, for ``reproducibility.py``: everything it gave, to the last bit.

``python benchmarks/repeat.py FOLDER key=value …`` trains and leaves ``run.npz`` and ``run.json`` in FOLDER. The
settings are those of ``repeat``. It runs with the oldest Python and packages that catsdogs accepts.
"""

import functools
import hashlib
import json
import os
import platform
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

CPU_FLAGS = ("sse2", "sse4_1", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd")


def repeat(folder: Path, train_photos: int, threads: int = 0, engine: str = "", source: str = "",
           training_seed: int = 0) -> None:
    """Split, extract and train both phases with the challenge's settings, and judge the shipped checkpoints.

    The split is of all photos. To save time, training sees only some of its training photos, drawn by the seed;
    validation and test are whole.

    Args:
        folder: where to leave the results.
        train_photos: how many training photos.
        threads: as if there were so many processors; as many as there are when 0.
        engine: ``keras`` extracts as on a machine with a GPU, ``plain-litert`` without XNNPACK; else as usual here.
        source: ``bundle`` starts from the activations of the repository; else from the photos.
        training_seed: of the training alone; when 0, the challenge's.
    """
    if threads:
        os.cpu_count = lambda: threads
    if engine:
        ENGINES[engine]()
    from catsdogs.config import Config, models_dir
    from catsdogs.pipeline import about, train
    from catsdogs.provenance import today, versions

    config = Config()
    photos, split = _photos(source, config)
    materials = _materials(photos, split, config, train_photos)
    shipped = _shipped(materials)
    if training_seed:
        materials = replace(materials, config=replace(config, seed=training_seed))
    record = train(materials, say=lambda line: None, again=True)
    answers, weights = zip(*[_trained(models_dir() / name, materials) for name in _names()], strict=True)
    parts = np.concatenate([materials.split.validation, materials.split.test])
    np.savez(folder / "run.npz", maps=materials.maps, labels=materials.photos.labels[parts],
             probabilities=np.stack([given[parts] for given in answers]))
    result = {
        "date": today(), "versions": versions(), **processor(),
        **{name: about(materials)[name] for name in ("config", "backbone", "trunk")},
        "sizes": {part: len(rows) for part, rows in asdict(materials.split).items()},
        "split": {part: _hash("".join(photos.digests[i] for i in rows).encode())
                  for part, rows in asdict(split).items()},
        "activations": _hash(np.ascontiguousarray(materials.maps).tobytes()),
        "weights": dict(zip(("phase1", "phase2"), weights, strict=True)),
        "metrics": {phase: {part: {metric: record[phase][part][metric] for metric in ("accuracy", "auc", "loss")}
                            for part in ("validation", "test")} for phase in ("phase1", "phase2")},
        "shipped": shipped,
    }
    (folder / "run.json").write_text(json.dumps(result), encoding="utf-8")


def _keras_engine() -> None:
    from catsdogs import litert

    litert.is_installed = lambda: False


def _plain_litert_engine() -> None:
    from ai_edge_litert import interpreter

    interpreter.Interpreter = functools.partial(
        interpreter.Interpreter,
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)


ENGINES = {"keras": _keras_engine, "plain-litert": _plain_litert_engine}


def _photos(source: str, config):
    """All photos, of the folder ``CATSDOGS_DATA`` or of the bundle, and their split."""
    from catsdogs.data import bundled_photos, find_photos, split_photos

    photos = bundled_photos() if source == "bundle" else find_photos(config)
    return photos, split_photos(photos, config)


def _materials(photos, split, config, train_photos: int):
    """Some training photos and all others, with their activations."""
    from catsdogs.backbone import load_backbone
    from catsdogs.data import Split, draw_photos
    from catsdogs.features import activations
    from catsdogs.pipeline import Materials

    parts = (draw_photos(split.train, photos.labels, train_photos, config.seed), split.validation, split.test)
    kept = np.sort(np.concatenate(parts))
    some = photos.subset(kept)
    backbone = load_backbone(config, shipped=True)
    return Materials(config, some, Split(*(np.searchsorted(kept, rows) for rows in parts)), backbone,
                     activations(some, backbone, config))


def _names() -> tuple[str, str]:
    from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT

    return PHASE1_CHECKPOINT, PHASE2_CHECKPOINT


def _shipped(materials) -> dict:
    """By phase and part, how far the shipped checkpoints' metrics are from those of the shipped record."""
    from catsdogs.checkpoint import load_checkpoint
    from catsdogs.config import RECORD_FILE, shipped_models_dir
    from catsdogs.files import read_json
    from catsdogs.pipeline import probabilities, score_part

    record, found = read_json(shipped_models_dir() / RECORD_FILE), {}
    for phase, name in zip(("phase1", "phase2"), _names(), strict=True):
        answers = probabilities(load_checkpoint(shipped_models_dir() / name)[0], materials)
        found[phase] = {}
        for part in ("validation", "test"):
            scores = asdict(score_part(materials, answers, part))
            found[phase][part] = {metric: abs(scores[metric] - record[phase][part][metric])
                                  for metric in ("accuracy", "auc", "loss")}
    return found


def _trained(path: Path, materials) -> tuple[np.ndarray, str]:
    """A checkpoint's probabilities for all photos, float32 (n, 2), and a hash of its weights."""
    from catsdogs.checkpoint import load_checkpoint
    from catsdogs.pipeline import probabilities

    model = load_checkpoint(path)[0]
    return probabilities(model, materials), _hash(b"".join(array.tobytes() for array in model.get_weights()))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def processor() -> dict:
    """The processor's name and those of its vector instructions that change how sums are done."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {"processor": platform.processor(), "cpu_flags": []}
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = found.get("flags", found.get("Features", "")).split()
    return {"processor": found.get("model name", platform.machine()),
            "cpu_flags": [flag for flag in CPU_FLAGS if flag in flags]}


if __name__ == "__main__":
    folder, *settings = sys.argv[1:]
    given = dict(pair.split("=", 1) for pair in settings)
    repeat(Path(folder), **{key: int(value) if value.isdigit() else value for key, value in given.items()})
