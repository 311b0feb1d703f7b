"""The shipped checkpoints on another machine: how far its answers to the test photos are from this one's.

    python benchmarks/machines.py pack FOLDER
        here: put into FOLDER what the other machine needs besides this checkout
    python benchmarks/machines.py answer FOLDER ENGINE
        there: leave in FOLDER what one engine answers; needs NumPy, Pillow and that engine, not TensorFlow
    python benchmarks/machines.py compare FOLDER
        here: hold every answer found in FOLDER against the usual road and write ``book/results/machines.json``
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the other machine has the checkout, not the package

from repeat import processor

from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, Config
from catsdogs.errors import CatsdogsError
from catsdogs.files import read_json, write_json
from catsdogs.provenance import today, versions
from catsdogs.text import plain_table

RESULTS = ROOT / "book" / "results" / "machines.json"
PHASES = {"phase1": PHASE1_CHECKPOINT, "phase2": PHASE2_CHECKPOINT}
BATCH = 50
PACKAGES = ("keras", "jax", "torch", "ai-edge-litert", "numpy", "pillow")
# Both frameworks let a GPU round the factors of a convolution to TF32, 10 bits instead of 23, unless told otherwise.
ENGINES = {
    "litert": ("LiteRT na extração", {}),
    "jax-cpu": ("Keras com JAX", {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}),
    "torch-cpu": ("Keras com PyTorch", {"KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": ""}),
    "jax-gpu": ("Keras com JAX, na GPU", {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cuda"}),
    "jax-gpu-float32": ("Keras com JAX, na GPU, sem TF32", {
        "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cuda", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}),
    "torch-gpu": ("Keras com PyTorch, na GPU", {"KERAS_BACKEND": "torch"}),
}


def pack(folder: Path) -> None:
    """The test photos, in order, and the trunk as LiteRT."""
    from catsdogs.features import export_trunk

    materials = usual_materials()
    (folder / "photos").mkdir(parents=True)
    for place, row in enumerate(materials.split.test):
        shutil.copyfile(materials.photos.path(row), folder / "photos" / f"{place:03}.jpg")
    (folder / "trunk.tflite").write_bytes(export_trunk(materials.backbone))


def answer(folder: Path, engine: str) -> None:
    """Leave ``ENGINE.npz``, with the trunk's ``maps`` or both phases' ``probabilities``, and ``ENGINE.json``."""
    os.environ.update(ENGINES[engine][1])
    pixels, run = test_pixels(folder), litert_trunk(folder) if engine == "litert" else keras_phases()
    again = [run(pixels) for _ in range(2)]
    np.savez(folder / f"{engine}.npz", **{"maps" if engine == "litert" else "probabilities": again[0]})
    write_json(folder / f"{engine}.json", {
        "date": today(), "environment": ENGINES[engine][1], "gpu": gpu_name(engine), **processor(),
        "versions": {name: found for name, found in versions(PACKAGES).items() if found},
        "twice_identical": again[0].tobytes() == again[1].tobytes()})


def test_pixels(folder: Path) -> np.ndarray:
    """The packed photos as the network takes them, float32 (n, 224, 224, 3) in [0, 255]."""
    from catsdogs.photo import read_photo, resize_photo

    paths = sorted((folder / "photos").iterdir())
    return np.stack([resize_photo(read_photo(path), Config().image_size) for path in paths]).astype(np.float32)


def litert_trunk(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Photos → the trunk's output, float32 (n, 7, 7, 160)."""
    from catsdogs.litert import make_runner

    run = make_runner((folder / "trunk.tflite").read_bytes(), BATCH)
    return lambda pixels: np.concatenate([run(pixels[start:start + BATCH] / np.float32(127.5) - 1)
                                          for start in range(0, len(pixels), BATCH)])


def keras_phases() -> Callable[[np.ndarray], np.ndarray]:
    """Photos → both phases' answers, float32 (2, n, 2)."""
    import keras

    models = [keras.saving.load_model(ROOT / "models" / name, compile=False) for name in PHASES.values()]
    return lambda pixels: np.stack([model.predict(pixels, batch_size=BATCH, verbose=0) for model in models])


def gpu_name(engine: str) -> str | None:
    """The GPU that the engine has just used."""
    if not engine.partition("-")[2].startswith("gpu"):
        return None
    if engine.startswith("jax"):
        import jax

        return jax.devices("cuda")[0].device_kind
    import torch

    return torch.cuda.get_device_name()


def compare(folder: Path) -> list[dict]:
    """A row per engine, in the order of ``ENGINES``."""
    from catsdogs.pipeline import about

    materials = usual_materials()
    usual_maps = np.asarray(materials.maps[materials.split.test])
    usual = {"maps": usual_maps, "probabilities": probabilities_of(usual_maps, materials.config)}
    made = {**{key: about(materials)[key] for key in ("config", "backbone", "data", "trunk")},
            "photos": len(materials.split.test),
            "reference": {**processor(), "versions": versions()}}
    rows = [row(engine, folder, usual, materials, made) for engine in ENGINES if (folder / f"{engine}.json").exists()]
    write_json(RESULTS, rows)
    return rows


def usual_materials():
    """What the checkpoints were trained on, photos included."""
    from catsdogs.pipeline import prepare_trained

    materials = prepare_trained()
    if not materials.photos.has_files:
        raise CatsdogsError("São precisas as fotos do treino: indique a pasta ou o zip delas com CATSDOGS_DATA.")
    return materials


def probabilities_of(maps: np.ndarray, config: Config) -> np.ndarray:
    """Both shipped checkpoints' answers, float32 (2, n, 2), from the trunk's output."""
    from catsdogs.checkpoint import load_checkpoint
    from catsdogs.training import activations_to_probabilities

    models = [load_checkpoint(ROOT / "models" / name)[0] for name in PHASES.values()]
    return np.stack([activations_to_probabilities(model, config).predict(maps, verbose=0) for model in models])


def row(engine: str, folder: Path, usual: dict[str, np.ndarray], materials, made: dict) -> dict:
    """What made an engine's answers, and how far they are from the usual ones.

    ``activations_difference`` is the largest one over the largest usual activation, None where the engine gives
    probabilities only; the other differences are absolute, the largest over the photos or the phases.
    """
    from reproducibility import answer_differences

    with np.load(folder / f"{engine}.npz") as arrays:
        found = dict(arrays)
    change = None
    if "maps" in found:
        change = float(np.abs(found["maps"] - usual["maps"]).max() / np.abs(usual["maps"]).max())
        found["probabilities"] = probabilities_of(found["maps"], materials.config)
    pair = found["probabilities"], usual["probabilities"]
    labels, names = materials.photos.labels[materials.split.test], materials.photos.class_names
    return {"name": engine, "title": ENGINES[engine][0], **read_json(folder / f"{engine}.json"), **made,
            "activations_difference": change,
            **answer_differences(*pair),
            "metric_difference": metric_difference(*pair, labels, names)}


def metric_difference(found: np.ndarray, usual: np.ndarray, labels: np.ndarray, names: tuple[str, str]) -> dict:
    """The largest difference of each metric over the phases."""
    from catsdogs.evaluation import score
    from catsdogs.verify import TOLERANCES

    scores = [[score(answers, labels, names) for answers in pair] for pair in zip(found, usual, strict=True)]
    return {metric: max(abs(getattr(one, metric) - getattr(other, metric)) for one, other in scores)
            for metric in TOLERANCES}


def table(rows: list[dict]) -> str:
    """The rows for a terminal."""
    header = ["motor", "aparelho", "ativações", "probabilidades", "respostas", "perda", "duas vezes"]
    return plain_table(header, [[
        line["title"], line["gpu"] or line["processor"],
        "" if line["activations_difference"] is None else f"{line['activations_difference']:.1e}",
        f"{max(line['probability_difference'].values()):.1e}", str(max(line["answers_changed"].values())),
        f"{line['metric_difference']['loss']:.1e}",
        "iguais" if line["twice_identical"] else "outras"] for line in rows])


def main() -> int:
    """One of the three steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("pack", "answer", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("engine", nargs="?", choices=ENGINES)
    options = parser.parse_args()
    if options.step == "answer" and not options.engine:
        parser.error("answer needs an engine")
    try:
        if options.step == "pack":
            pack(options.folder)
        elif options.step == "answer":
            answer(options.folder, options.engine)
        else:
            print(table(compare(options.folder)))
    except CatsdogsError as error:
        print(f"machines.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
