"""The files behind the pages Experimente and Treine aqui: LiteRT.js and TensorFlow.js from npm, the model and the
book's photos in a browser's form.

Without npm, or without a network at the first build, the book is built all the same and the pages
say what is missing.
"""

import json
import re
import shutil
from pathlib import Path

from dependencies import contents, digest, file_hash, needed, pinned_versions
from sphinx.util import logging

from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, checkpoint_path
from catsdogs.engines import runtime

EXPORT = "from catsdogs.engines.web import export_web"
EXPORT_PHOTOS = "from catsdogs.engines.web_photos import export_photos"
WEB = Path(__file__).resolve().parent.parent / "web"
BROWSER = WEB.parent.parent / "catsdogs" / "engines" / "browser"
# What TensorFlow.js imports in Node alone.
NODE_ONLY = re.compile(r'from"(?:fs|os|path|perf_hooks)"')


def add_browser_files(app, exception):
    """Put everything under ``_static/experimente``."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "experimente"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(BROWSER, target)
    packages = installed_packages(Path(app.outdir).parent / "web", runtime.WITHOUT_LINTER)
    if packages is None:
        logging.getLogger(__name__).info("npm is not at hand: the page Experimente goes without its model")
        return
    runtime.copy_litert(packages, target / "litert")
    copy_training(packages / "@tensorflow", target.parent / "treino" / "tfjs")
    kept = Path(app.outdir).parent / "web"
    bring_up_to_date(kept / "model", write_model, [*contents(needed(EXPORT)), *map(file_hash, checkpoints())])
    bring_up_to_date(kept / "photos", write_photos, contents(needed(EXPORT_PHOTOS)))
    for name in ("modelo.tflite", "modelo.json"):
        shutil.copy2(kept / "model" / name, target / name)
    photos = target.parent / "treino" / "fotos"
    photos.mkdir(parents=True, exist_ok=True)
    for name in ("fotos.gz", "fotos.json"):
        shutil.copy2(kept / "photos" / name, photos / name)


def bring_up_to_date(folder, write, sources):
    """Let ``write`` fill a folder, unless it did so from the same sources and versions."""
    made_from = digest([*sources, json.dumps(pinned_versions())])
    stamp = folder / "made_from.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != made_from:
        write(folder)
        stamp.write_text(made_from, encoding="utf-8")


def write_model(folder):
    """The two phases' model, by TensorFlow, which takes its time to load."""
    from catsdogs.engines.web import export_web

    export_web(folder)


def write_photos(folder):
    """The features of the book's photos, by TensorFlow too."""
    from catsdogs.engines.web_photos import export_photos

    export_photos(folder)


def checkpoints():
    """The two phases' models, as this build trained them."""
    return [checkpoint_path(name) for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT)]


def installed_packages(folder, *options):
    """``node_modules`` of the book, as ``runtime.installed_packages``; None without npm."""
    return runtime.installed_packages(WEB, folder, *options)


def copy_training(packages, target):
    """TensorFlow.js, with the text of its licence: the modules of three packages, which import each other by address,
    and the binaries without threads.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in ("core", "layers", "backend-wasm"):
        code = (packages / f"tfjs-{name}" / "dist" / f"tf-{name}.fesm.min.js").read_text(encoding="utf-8")
        code = code.replace('from"@tensorflow/tfjs-core"', 'from"./core.js"')
        code = NODE_ONLY.sub('from"./node.js"', code)
        (target / f"{name}.js").write_text(code.replace("//# sourceMappingURL=", "// "), encoding="utf-8")
    (target / "node.js").write_text("export default {};\n", encoding="utf-8")
    for name in ("tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"):
        shutil.copy2(packages / "tfjs-backend-wasm" / "dist" / name, target / name)
    shutil.copy2(WEB.parent.parent / "LICENSE", target / "LICENSE.txt")


def setup(app):
    """Connect the step."""
    app.connect("build-finished", add_browser_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
