"""The folder for a laboratory: gathered from a server of our own, and installed from."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from helpers import assert_sentence, body

from catsdogs.classroom import lab, offline
from catsdogs.classroom.offline import SCRIPT_FILE, gather
from catsdogs.classroom.settle import main as settle
from catsdogs.classroom.settle import settle_keras, settle_photos
from catsdogs.cli import main
from catsdogs.config import Config
from catsdogs.data import find_photos
from catsdogs.engines import runtime
from catsdogs.storage.download import official_archive
from catsdogs.storage.limits import READ_SECONDS

BACKEND = '''
import zipfile

def wheel(folder, name, files):
    about = f"{name}-1.0.dist-info/"
    files = {**files, about + "METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n",
             about + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    files[about + "RECORD"] = "".join(f"{path},,\\n" for path in [*files, about + "RECORD"])
    with zipfile.ZipFile(f"{folder}/{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name}-1.0-py3-none-any.whl"

def build_editable(folder, settings=None, metadata=None):
    import os
    return wheel(folder, "catsdogs", {"catsdogs.pth": os.getcwd()})
'''
# Stands for the package: all that the installation calls of it.
SETTLE = "import os, sys\nprint(os.path.getsize(sys.argv[1]), file=open('settled.txt', 'w'))\n"
PIECE, BACKEND_WHEEL = (f"{lab.WHEELS}/{name}-1.0-py3-none-any.whl" for name in ("piece", "backend"))


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """A folder with the wheels of two tiny packages, one of which builds packages."""
    folder = tmp_path_factory.mktemp("index")
    tools = {}
    exec(BACKEND, tools)
    tools["wheel"](folder, "piece", {"piece.py": ""})
    tools["wheel"](folder, "backend", {"backend.py": BACKEND})
    return folder


@pytest.fixture
def checkout(tmp_path, index, monkeypatch):
    """A small repository, and pip and npm that reach no network."""
    root = tmp_path / "repository"
    digest = hashlib.sha256((index / "piece-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    for name, text in {
            "requirements.txt": f"--only-binary :all:\n\npiece==1.0 ; python_version > '3' \\\n"
                                f"    --hash=sha256:{digest}\n", ".gitignore": ".venv/\n_build/\n", ".venv/big.txt": "",
            "_build/other.txt": "", ".git/config": "", "catsdogs/__init__.py": "",
            "catsdogs/classroom/__init__.py": "", "catsdogs/classroom/settle.py": SETTLE,
            "catsdogs/classroom/template/.gitignore": "",
            "book/web/package.json": "{}", "book/web/package-lock.json": "[1]",
            "pyproject.toml": '[build-system]\nrequires = ["backend"]\nbuild-backend = "backend"\n'
                              '[project]\nname = "catsdogs"\nversion = "1.0"\n'}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(offline, "CHECKOUT", root)
    monkeypatch.setattr(offline, "BESIDES", ("backend",))
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    # Leaves a package behind, and a note of having been called.
    script = tmp_path / "npm.py"
    script.write_text("import os, pathlib\nos.makedirs('node_modules')\npathlib.Path('node_modules/a.js').touch()\n"
                      f"open({str(tmp_path / 'npm.log')!r}, 'a').write('x')\n", encoding="utf-8")
    monkeypatch.setattr(offline.shutil, "which", lambda name: sys.executable)
    monkeypatch.setattr(runtime, "NPM", (str(script),))
    return root


def photos_zip(tmp_path, photo_folder):
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as content:
        for path in photo_folder.rglob("*.jpg"):
            content.write(path, Path("cats_and_dogs_filtered", "train") / path.relative_to(photo_folder))
    return archive.read_bytes()


@pytest.fixture
def source(serve, checkout, tmp_path, photo_folder, monkeypatch):
    """The server of photos: the requests it saw, and how to change its answer."""
    photos = photos_zip(tmp_path, photo_folder)

    def answer(other=None):
        url, asked = serve(other or body(photos))
        monkeypatch.setattr(offline, "OFFICIAL_URL", url)
        monkeypatch.setattr(offline, "OFFICIAL_BYTES", len(photos))
        return asked

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    answer.photos = photos
    return answer


def installer(folder):
    """The program in a prepared folder, as a module."""
    about = importlib.util.spec_from_file_location("instalar", folder / SCRIPT_FILE)
    module = importlib.util.module_from_spec(about)
    about.loader.exec_module(module)
    return module


def statuses(items):
    return {item.name: item.status for item in items}


@pytest.mark.slow
def test_everything_is_gathered_and_nothing_twice(source, checkout, tmp_path, monkeypatch):
    asked = source()
    (checkout / "_build" / "html").mkdir(parents=True)
    (checkout / "_build" / "html" / "index.html").touch()
    folder = tmp_path / "pen drive"
    assert set(statuses(gather(folder)).values()) == {"ok"}
    assert (folder / lab.PHOTOS).read_bytes() == source.photos
    assert sorted(path.name for path in (folder / lab.WHEELS).iterdir()) == [
        "backend-1.0-py3-none-any.whl", "piece-1.0-py3-none-any.whl"]
    assert (folder / "livro" / "index.html").exists()
    prepared = installer(folder).PREPARED
    assert prepared["files"] == {name: ((folder / name).stat().st_size, digest_of(folder / name))
                                 for name in (lab.PHOTOS, lab.REPOSITORY, lab.NPM)}
    assert prepared["requirements"] == (f"backend==1.0 --hash=sha256:{digest_of(folder / BACKEND_WHEEL)}\n"
                                        f"piece==1.0 --hash=sha256:{digest_of(folder / PIECE)}\n")
    names = set(zipfile.ZipFile(folder / lab.REPOSITORY).namelist())
    assert {"requirements.txt", ".gitignore", "catsdogs/classroom/template/.gitignore"} <= names
    assert not any(name.startswith((".venv", ".git/", "_build")) for name in names)
    assert "node_modules/a.js" in zipfile.ZipFile(folder / lab.NPM).namelist()

    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    (folder / lab.WHEELS / "piece-0.9-py3-none-any.whl").touch()
    assert set(statuses(gather(folder)).values()) == {"ok"}
    assert len(asked) == 1
    assert (tmp_path / "npm.log").read_text() == "x"
    assert len(list((folder / lab.WHEELS).iterdir())) == 2  # none of an earlier version

    (folder / lab.NPM).write_bytes(b"half a zip")
    assert set(statuses(gather(folder)).values()) == {"ok"}
    assert (tmp_path / "npm.log").read_text() == "xx" and zipfile.is_zipfile(folder / lab.NPM)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_missing_source_leaves_the_rest_and_says_so(source, tmp_path, capsys):
    source(body(b"", status=404))
    folder = tmp_path / "folder"
    assert main(["offline", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("falta")] == [["falta", "Fotos"]]
    assert "respondeu 404" in lines[0] and "o que já veio fica" in lines[-1]
    assert not (folder / lab.PHOTOS).exists() and (folder / lab.REPOSITORY).exists()


@pytest.mark.slow
def test_an_interrupted_download_is_made_up_for_next_time(source, tmp_path):
    folder = tmp_path / "folder"
    source(body(source.photos, declared=len(source.photos) + 5000))
    found = gather(folder)
    assert statuses(found)["Fotos"] == "falta" and "interrompida" in found[0].text
    source()
    assert statuses(gather(folder))["Fotos"] == "ok"
    assert (folder / lab.PHOTOS).read_bytes() == source.photos


def test_every_problem_is_a_sentence(source, checkout, tmp_path, monkeypatch):
    source(body(b"<html>"))
    monkeypatch.setattr(offline, "OFFICIAL_BYTES", None)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    monkeypatch.setattr(offline.shutil, "which", lambda name: None)
    found = gather(tmp_path / "folder")
    assert statuses(found) == {"Fotos": "falta", "Pacotes do Python": "falta", "Repositório": "ok",
                               "Pacotes do npm": "aviso", "Livro construído": "aviso", "Instalador": "ok"}
    for item in found:
        if item.status != "ok":
            assert_sentence(item.text)


@pytest.mark.slow
def test_the_folder_may_lie_in_the_repository(source, checkout):
    source()
    gather(checkout / "laboratorio")
    gather(checkout / "laboratorio")
    names = zipfile.ZipFile(checkout / "laboratorio" / lab.REPOSITORY).namelist()
    assert "requirements.txt" in names and not any(name.startswith("laboratorio") for name in names)


def test_a_file_in_the_folders_place_and_a_package_without_repository_are_refused(checkout, tmp_path, refused,
                                                                                  monkeypatch):
    (tmp_path / "file").touch()
    assert "é um arquivo" in refused(gather, tmp_path / "file")
    monkeypatch.setattr(offline, "CHECKOUT", tmp_path)
    assert "repositório" in refused(gather, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


# The laboratory

@pytest.fixture
def prepared(source, tmp_path, workshop):
    """A gathered folder of this test's own, and the address at which it is served."""
    source()
    gathered, folder = workshop / "gathered", tmp_path / "pen drive"
    if not gathered.exists():  # once for all tests, as pip takes seconds
        gather(gathered)
    shutil.copytree(gathered, folder)

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def machine(tmp_path):
    """The folder in which a machine of the laboratory installs."""
    folder = tmp_path / "machine in the lab"
    folder.mkdir()
    return folder


def install(prepared, folder, *arguments):
    return subprocess.run([sys.executable, prepared[0] / SCRIPT_FILE, *arguments], cwd=folder, capture_output=True,
                          encoding="utf-8", env={**os.environ, "PYTHONPATH": "", "PYTHONUTF8": "1"})


def put_newer_backend(wheels):
    """Leave among the packages one that was not gathered, and that pip would prefer."""
    tools = {}
    exec(BACKEND.replace("-1.0", "-2.0").replace("Version: 1.0", "Version: 2.0"), tools)
    tools["wheel"](wheels, "backend", {"backend.py": "raise SystemExit(1)"})


@pytest.mark.slow
@pytest.mark.parametrize("served", [False, True], ids=["folder", "address"])
def test_installs_without_the_package(prepared, machine, monkeypatch, served):
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    put_newer_backend(prepared[0] / lab.WHEELS)
    arguments = [prepared[1] + "/"] if served else []
    done = install(prepared, machine, *arguments)
    assert done.returncode == 0, done.stderr
    project = machine / lab.PROJECT
    assert (project / "_build" / "web" / "node_modules" / "a.js").exists()
    assert (project / ".venv" / "installed").exists()
    assert int((project / "settled.txt").read_text()) == (prepared[0] / lab.PHOTOS).stat().st_size
    assert list(project.rglob("backend-1.0.dist-info")) and not list(project.rglob("backend-2.0.dist-info"))
    assert [path.name for path in machine.iterdir()] == [project.name]
    imported = subprocess.run([lab.python(project), "-c", "import piece, catsdogs; print(catsdogs.__file__)"],
                              cwd=machine, capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": ""})
    assert Path(imported.stdout.strip()).is_relative_to(project.resolve())

    (project / "mine.txt").touch()  # what a student did is kept
    assert install(prepared, machine, *arguments).returncode == 0 and (project / "mine.txt").exists()


def refusal(done, machine):
    """What the installer says as it refuses; it must have put nothing anywhere."""
    assert done.returncode == 1
    assert not list(machine.iterdir())
    return assert_sentence(done.stderr.strip().removeprefix("instalar.py: "))


def swap(path):
    """Add a file to a zip, so that it says something else."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.py", "")


@pytest.mark.slow
@pytest.mark.fault("Pacotes", "um pacote trocado no caminho até o laboratório",
                   "o pip não instala nenhum, e uma frase diz que os pacotes não foram instalados")
@pytest.mark.parametrize("served", [False, True], ids=["folder", "address"])
@pytest.mark.parametrize("wheel", [PIECE, BACKEND_WHEEL], ids=["required", "besides"])
def test_a_package_that_is_not_the_gathered_one_is_not_installed(prepared, machine, wheel, served):
    swap(prepared[0] / wheel)
    done = install(prepared, machine, *[prepared[1]] * served)
    assert done.returncode == 1 and "DO NOT MATCH" in done.stderr
    assert "instalar os pacotes" in assert_sentence(done.stderr.strip().splitlines()[-1].removeprefix("instalar.py: "))
    assert not [path for name in ("piece", "backend") for path in machine.rglob(f"site-packages/{name}.py")]


@pytest.mark.fault("Pacotes", "o repositório ou as fotos trocados no caminho até o laboratório",
                   "nada é instalado, e uma frase diz qual arquivo não é o que foi reunido")
@pytest.mark.parametrize("served", [False, True], ids=["folder", "address"])
@pytest.mark.parametrize("name", [lab.REPOSITORY, lab.NPM, lab.PHOTOS])
def test_nothing_that_was_swapped_on_the_way_is_used(prepared, machine, name, served):
    path = prepared[0] / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # the same size
    assert name in refusal(install(prepared, machine, *[prepared[1]] * served), machine)


def endless(request):
    """Never stop sending."""
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x" * 2**16)


@pytest.mark.fault("Pacotes", "um servidor do laboratório que não termina o arquivo, o corta, erra ou se cala",
                   "nada é instalado; uma frase")
@pytest.mark.parametrize("trouble", ["endless", "cut", "error", "silent"])
def test_a_server_that_misbehaves_installs_nothing(prepared, machine, serve, monkeypatch, trouble):
    silence = threading.Event()
    url, asked = serve({"endless": endless, "cut": body(b"PK", declared=10**6),
                        "error": body(b"", status=500), "silent": lambda request: silence.wait(20)}[trouble])
    program = installer(prepared[0])
    monkeypatch.setattr(program, "SECONDS", 0.2)
    monkeypatch.chdir(machine)
    with pytest.raises(program.LabError) as error:
        program.install(url.removesuffix("/photos.zip"), program.PROJECT.resolve())
    silence.set()
    assert_sentence(error)
    assert len(asked) == 1 and not list(machine.iterdir())


def test_a_silent_server_is_waited_for_as_elsewhere():
    assert lab.SECONDS == READ_SECONDS


def test_the_program_alone_and_a_full_disk_give_a_sentence(prepared, machine, monkeypatch, capsys):
    done = subprocess.run([sys.executable, lab.__file__], cwd=machine, capture_output=True, encoding="utf-8",
                          env={**os.environ, "PYTHONUTF8": "1"})
    assert "catsdogs offline" in refusal(done, machine)
    program = installer(prepared[0])
    monkeypatch.chdir(machine)
    monkeypatch.setattr(program, "fetch", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert program.main([str(prepared[0])]) == 1
    assert "espaço em disco" in assert_sentence(capsys.readouterr().err.strip())


def test_help_says_what_to_trust(prepared, machine):
    done = install(prepared, machine, "--help")
    assert done.returncode == 0 and "SHA-256" in done.stdout and not list(machine.iterdir())


@pytest.mark.fault("Pacotes", "um pacote trocado no registro", "o pip o recusa, e a pasta fica sem ele")
def test_a_package_that_is_not_the_pinned_one_is_not_gathered(source, checkout, tmp_path, capfd):
    source()
    requirements = checkout / "requirements.txt"
    requirements.write_text("piece==1.0 --hash=sha256:" + "0" * 64, encoding="utf-8")
    assert statuses(gather(tmp_path / "folder"))["Pacotes do Python"] == "falta"
    assert "DO NOT MATCH" in capfd.readouterr().err
    assert not (tmp_path / "folder" / lab.WHEELS / "piece-1.0-py3-none-any.whl").exists()


@pytest.mark.parametrize("trouble", ["another python", "nothing there", "torn", "never gathered", "no server"])
def test_trouble_gives_one_sentence_and_leaves_no_half(prepared, machine, trouble):
    folder, arguments = prepared[0], []
    if trouble == "another python":
        script = folder / SCRIPT_FILE
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace(f"'python': '{lab.python_version()}'", "'python': '2.7'"), encoding="utf-8")
    elif trouble == "nothing there":
        (folder / lab.REPOSITORY).unlink()
    elif trouble == "torn":
        (folder / lab.REPOSITORY).write_bytes(b"PK")
    elif trouble == "never gathered":
        (folder / lab.REPOSITORY).unlink()
        offline._installer(folder)
    else:
        arguments = ["http://127.0.0.1:9"]
    refusal(install(prepared, machine, *arguments), machine)


def test_settled_photos_are_where_they_are_looked_for(prepared):
    for _ in range(2):
        settle_photos(prepared[0] / lab.PHOTOS)
    photos = find_photos(Config(), url="http://127.0.0.1:9/never.zip", expected_bytes=None)
    assert photos.has_files and len(photos) == 48


def test_photos_that_were_not_gathered_are_not_settled(tmp_path):
    settle_photos(tmp_path / lab.PHOTOS)
    assert not official_archive().exists()


def test_the_settled_base_is_the_repositorys_and_needs_no_network(shipped, new_backbone, tmp_path, monkeypatch):
    from keras.src.utils import file_utils

    from catsdogs.quiet import keras

    def get_file(name, *_, cache_subdir, **__):  # as Keras's own, but for a home that is not that of its import
        return str(Path(os.environ["KERAS_HOME"], cache_subdir, name))

    settle_keras(tmp_path / lab.PHOTOS)
    monkeypatch.setattr(file_utils, "get_file", get_file)
    found = keras.applications.MobileNetV2(input_shape=(224, 224, 3), include_top=False, weights="imagenet")
    for one, other in zip(found.get_weights(), new_backbone.base.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_keras_finds_the_settled_photos_without_a_download(shipped, prepared):
    from catsdogs.backbone import keras_path
    from catsdogs.quiet import keras

    settle_keras(prepared[0] / lab.PHOTOS)
    folder = keras.utils.get_file(official_archive().name, "http://127.0.0.1:9/never.zip", extract=True,
                                  cache_dir=keras_path().parents[1])
    assert len(list(Path(folder).rglob("*.jpg"))) == 48


def test_what_lies_where_keras_looks_is_not_touched(shipped, prepared):
    from catsdogs.backbone import keras_path

    photos = keras_path().parents[1] / "datasets" / official_archive().name
    for path in (keras_path(), photos):
        path.parent.mkdir(parents=True)
        path.write_text("mine")
    settle_keras(prepared[0] / lab.PHOTOS)
    for path in (keras_path(), photos):
        assert path.read_text() == "mine" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("trouble", ["no folder", "full disk"])
def test_what_keras_cannot_be_given_is_told_and_spoils_nothing(shipped, prepared, monkeypatch, capsys, trouble):
    from catsdogs import backbone

    home = backbone.keras_path().parents[1]
    if trouble == "no folder":
        home.write_text("a file")
    else:
        monkeypatch.setattr(backbone.keras.Model, "save", full_disk)
    settle(prepared[0] / lab.PHOTOS)
    assert "instalar.py" in assert_sentence(capsys.readouterr().err.strip())
    assert official_archive().exists() and not (home / "models" / backbone.KERAS_FILE).exists()


def full_disk(model, path):
    """What h5py does when the disk takes no more."""
    path.write_bytes(b"half")
    raise RuntimeError("Can't decrement id ref count (unable to extend file properly, errno = 28)")
