"""Small photos, random weights and one trained run, shared by all tests; isolation from the machine; faults counted."""

import contextlib
import hashlib
import os
import pickle
import shutil
import socket
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

# What imports TensorFlow, which takes seconds, is imported where it is needed.
from catsdogs import config as settings
from catsdogs.engines import litert
from catsdogs.engines.litert import convert
from catsdogs.errors import CatsdogsError

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "book"), str(TESTS.parent / "book" / "_ext")]  # importlib mode does not

from browsing import CHROMIUM, opened, serving
from fault_record import FaultRecord
from helpers import CONFIG, FULL, assert_sentence, make_photos, missing, photo_pixels
from kept import kept

ROOT = TESTS.parent
LOOPBACK = ("127.", "localhost", "::1")
ENVIRONMENT = ("CATSDOGS_DATA", "CATSDOGS_WEIGHTS", "CATSDOGS_QUICK", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
               "http_proxy", "https_proxy", "all_proxy")
LONGEST = ("test_trials", "test_order", "test_colab", "test_browser", "test_grading", "test_lab_page",
           "test_own_classes", "test_phase2_runs", "test_offline", "test_delivery", "test_cli", "test_verify",
           "test_pipeline", "test_web", "test_recipe", "test_recipe_runs", "test_installed", "test_own_page",
           "test_build", "test_check", "test_scratch", "test_transfer_runs", "test_interactive")
# With several workers, the cores fall to them in equal parts: more threads than cores mostly wait, and do so busily.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(max(1, os.cpu_count() // workers)))
# Each test has shipped models of its own. The modules that look for them import this function by its name, later.
SHIPPED = {"folder": settings.shipped_models_dir()}
settings.shipped_models_dir = lambda: SHIPPED["folder"]


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes seconds, or needs more than Python; `make check` leaves it out")
    config.addinivalue_line("markers", "built: looks at the built site, or needs a browser")
    config.addinivalue_line("markers", "compiled: trains with compiled steps, as users do; other studies need not")
    config.addinivalue_line("markers", "long: takes minutes by itself; `make test` leaves it out, `make long` has it")
    config.addinivalue_line("markers", "fault(area, fault, outcome): causes a fault, told to the book's reader so")
    # Only a whole `make trials` speaks for the project.
    if FULL and config.option.markexpr == "fault":
        config.pluginmanager.register(FaultRecord(ROOT / "book" / "results" / "reliability.json"))


@pytest.hookimpl(tryfirst=True)  # before those are left out that -m does not name
def pytest_collection_modifyitems(items):
    """Mark as slow what needs one of these; put the files first that would keep one worker busy at the end."""
    for item in items:
        if {"site", "browser"} & set(item.fixturenames):
            item.add_marker("built")
        if {"site", "browser", "isolation", "python"} & set(item.fixturenames) or item.get_closest_marker("long"):
            item.add_marker("slow")
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def convert_once(model, float16=False):
    """``litert.convert``, which takes seconds, once for all models that give the same answer to noise."""
    _, *size = model.inputs[0].shape
    noise = np.random.default_rng(0).random((1, *size), np.float32)
    answers = model(noise, training=False)
    answers = answers if isinstance(answers, list) else [answers]
    of_model = hashlib.sha256(b"".join([bytes([float16]), *(np.asarray(answer).tobytes() for answer in answers)]))

    def make(folder):
        (folder / "model.tflite").write_bytes(convert(model, float16))

    return (kept(f"converted-{of_model.hexdigest()}", make) / "model.tflite").read_bytes()


def isolate(monkeypatch, folder):
    """Send everything the package reads and writes by default to ``folder``, and refuse the network."""
    monkeypatch.setattr(litert, "convert", convert_once)
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CATSDOGS_CACHE", str(folder / "cache"))
    monkeypatch.setenv("CATSDOGS_MODELS", str(folder / "models"))
    monkeypatch.setenv("KERAS_HOME", str(folder / "keras"))
    monkeypatch.setitem(SHIPPED, "folder", folder / "shipped")
    connect = socket.socket.connect

    def connect_locally(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise OSError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(autouse=True)
def isolated(tmp_path, monkeypatch):
    """The folder that stands for the machine: cache/, models/ and shipped/, all absent at first."""
    folder = tmp_path / "machine"
    isolate(monkeypatch, folder)
    return folder


@pytest.fixture
def repository_models(isolated, monkeypatch):
    """The shipped models are the repository's."""
    monkeypatch.setitem(SHIPPED, "folder", ROOT / "models")


@pytest.fixture
def open_folder():
    """A folder that every user can reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def refused():
    """Run something that must be refused with one sentence, which is returned."""
    def run(function, *arguments, **options) -> str:
        with pytest.raises(CatsdogsError) as error:
            function(*arguments, **options)
        return assert_sentence(error)
    return run


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    """A folder for what the whole session shares."""
    return tmp_path_factory.mktemp("workshop")


@pytest.fixture(scope="session")
def photo_folder(workshop):
    """cats/ and dogs/, 24 JPEG photos each. Read only."""
    return make_photos(workshop / "photos")


def make_weights(folder):
    """Random weights, with BatchNorm statistics that keep the activations at the usual size."""
    from catsdogs.quiet import keras

    keras.utils.set_random_seed(7)
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(96, 96, 3))
    norms = [layer for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0  # the statistics become those of the one batch below
    batch = np.stack([photo_pixels(seed % 2, 1000 + seed, 96, 96) for seed in range(8)]) / np.float32(127.5) - 1
    base(batch, training=True)
    rng = np.random.default_rng(7)
    for layer in norms:  # so that no statistic or factor keeps its tell-tale starting value
        layer.gamma.assign(rng.uniform(0.8, 1.2, layer.gamma.shape))
        layer.beta.assign(rng.uniform(-0.2, 0.2, layer.beta.shape))
    base.save_weights(folder / "random.weights.h5")


@pytest.fixture(scope="session")
def weights_file():
    """Random weights."""
    return kept("weights", make_weights) / "random.weights.h5"


@pytest.fixture(scope="session")
def backbone(weights_file):
    """A backbone that no test trains."""
    from catsdogs.backbone import load_backbone

    return load_backbone(CONFIG, weights_file)


@pytest.fixture
def new_backbone(weights_file):
    """A backbone to train on."""
    from catsdogs.backbone import load_backbone

    return load_backbone(CONFIG, weights_file)


@pytest.fixture(scope="session")
def studied(workshop, photo_folder, backbone):
    """Photos, split and activations of the small set; ``cache`` is where they lie. Read only."""
    from catsdogs.data import find_photos, split_photos
    from catsdogs.features import activations

    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, workshop)
        photos = find_photos(CONFIG, photo_folder)
        maps = activations(photos, backbone, CONFIG)
    return SimpleNamespace(photos=photos, split=split_photos(photos, CONFIG), maps=maps, cache=workshop / "cache")


@pytest.fixture(scope="session")
def trained(workshop, photo_folder, weights_file, studied):
    """One run of ``pipeline.train``: its materials, record and models folder, and its base afterwards. Read only."""
    from catsdogs.backbone import fingerprint
    from catsdogs.pipeline import prepare, train

    def make(folder):
        lines = []
        patch.setenv("CATSDOGS_MODELS", str(folder / "models"))
        record = train(materials, say=lines.append)
        (folder / "told").write_bytes(pickle.dumps((record, lines, fingerprint(materials.backbone.base))))

    with pytest.MonkeyPatch.context() as patch:
        isolate(patch, workshop)
        materials = prepare(CONFIG, photo_folder, weights_file)
        folder = shutil.copytree(kept("trained", make), workshop / "trained")
    record, lines, base = pickle.loads((folder / "told").read_bytes())
    return SimpleNamespace(materials=materials, record=record, models=folder / "models", lines=lines, base=base,
                           cache=studied.cache)


@pytest.fixture
def trained_here(trained, isolated, monkeypatch):
    """The trained checkpoints, copied to this test's models folder, and the shared cache."""
    shutil.copytree(trained.models, isolated / "models")
    monkeypatch.setenv("CATSDOGS_CACHE", str(trained.cache))
    return trained


@pytest.fixture
def shipped(trained_here, isolated):
    """The trained phase 1 checkpoint stands for the one of the repository."""
    (isolated / "models").rename(isolated / "shipped")
    return trained_here


@pytest.fixture(scope="session")
def small_file(workshop):
    """A checkpoint that converts quickly: at 8 pixels, and with a mirror image inside, as in the better recipe."""
    from catsdogs.checkpoint import save_checkpoint
    from catsdogs.quiet import keras

    keras.utils.set_random_seed(5)
    photo = keras.Input((None, None, 3))
    resized = keras.layers.Rescaling(1 / 255)(keras.layers.Resizing(8, 8)(photo))
    seen = keras.layers.Concatenate()([resized, keras.ops.flip(resized, axis=2)])
    answer = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(seen))
    save_checkpoint(keras.Model(photo, answer), workshop / "small.keras", ("cats", "dogs"),
                    {"config": {"image_size": 8}})
    return workshop / "small.keras"


@pytest.fixture
def serve():
    """Start a local server that gives these answers in turn, the last one for ever; returns (url, requests)."""
    servers = []

    def start(*answers):
        seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.path)
                with contextlib.suppress(OSError):  # the client went away
                    answers[min(len(seen), len(answers)) - 1](self)
                self.close_connection = True

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/photos.zip", seen

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def site():
    """The folder with the built pages: that of ``make rehearsal``, unless ``CATSDOGS_SITE`` names another."""
    folder = Path(os.environ.get("CATSDOGS_SITE", ROOT / "_build" / "rehearsal" / "_build" / "html"))
    if not (folder / "index.html").exists():
        pytest.fail(f"{folder} holds no site: run `make rehearsal` first")
    return folder


@pytest.fixture(scope="session")
def address(site):
    """Where a local server shows the site."""
    with serving(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """Chromium, driven by Playwright. Without it tests are skipped, but not where ``CI`` is set."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        missing("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture(scope="session")
def shipped_export(tmp_path_factory):
    """The repository's checkpoints for the browser; they are better trained than those of a book built in a hurry."""
    from catsdogs.engines.web import export_web

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CATSDOGS_MODELS", str(ROOT / "models"))
        folder = tmp_path_factory.mktemp("export")
        export_web(folder)
    return folder


@pytest.fixture
def tab(browser, address):
    """A page of the site, whatever it complains of, and the addresses it asks for outside the site."""
    page = opened(browser, address)
    yield page
    page.close()
