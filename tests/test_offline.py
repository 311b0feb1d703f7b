"""The folder for a laboratory: gathered from a server of our own, and installed from."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from helpers import assert_sentence, body

from catsdogs import lab, offline
from catsdogs.cli import main
from catsdogs.config import Config
from catsdogs.data import find_photos
from catsdogs.offline import PHOTOS_FILE, SCRIPT_FILE, WEIGHTS_FILE, gather, settle

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
SETTLE = "def settle(source):\n    open('settled.txt', 'w').write(source)\n    return []\n"


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
            "_build/other.txt": "", ".git/config": "", "catsdogs/__init__.py": "", "catsdogs/offline.py": SETTLE,
            "catsdogs/template/.gitignore": "", "book/web/package.json": "{}", "book/web/package-lock.json": "[1]",
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
    monkeypatch.setattr(offline, "NPM", (str(script),))
    return root


def photos_zip(tmp_path, photo_folder):
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as content:
        for path in photo_folder.rglob("*.jpg"):
            content.write(path, Path("cats_and_dogs_filtered", "train") / path.relative_to(photo_folder))
    return archive.read_bytes()


@pytest.fixture
def sources(serve, checkout, tmp_path, photo_folder, weights_file, monkeypatch):
    """The servers of photos and weights: the requests they saw, and how to change their answers."""
    photos, weights = photos_zip(tmp_path, photo_folder), weights_file.read_bytes()

    def answers(photos_answer=None, weights_answer=None):
        photos_url, asked_photos = serve(photos_answer or body(photos))
        weights_url, asked_weights = serve(weights_answer or body(weights))
        monkeypatch.setattr(offline, "OFFICIAL_URL", photos_url)
        monkeypatch.setattr(offline, "OFFICIAL_BYTES", len(photos))
        monkeypatch.setattr(offline, "WEIGHTS_URL", weights_url + "?")
        monkeypatch.setattr(offline, "WEIGHTS_BYTES", {224: len(weights)})
        return asked_photos, asked_weights

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    answers.photos, answers.weights = photos, weights
    return answers


def statuses(items):
    return {item.name: item.status for item in items}


def test_everything_is_gathered_and_nothing_twice(sources, checkout, tmp_path, monkeypatch):
    asked = sources()
    (checkout / "_build" / "html").mkdir(parents=True)
    (checkout / "_build" / "html" / "index.html").touch()
    folder = tmp_path / "pen drive"
    assert set(statuses(gather(folder)).values()) == {"ok"}
    assert (folder / PHOTOS_FILE).read_bytes() == sources.photos
    assert (folder / WEIGHTS_FILE).read_bytes() == sources.weights
    assert sorted(path.name for path in (folder / lab.WHEELS).iterdir()) == [
        "backend-1.0-py3-none-any.whl", "piece-1.0-py3-none-any.whl"]
    assert (folder / "livro" / "index.html").exists()
    assert (folder / SCRIPT_FILE).read_text(encoding="utf-8") == Path(lab.__file__).read_text(encoding="utf-8")
    names = set(zipfile.ZipFile(folder / lab.REPOSITORY).namelist())
    assert {"requirements.txt", ".gitignore", "catsdogs/template/.gitignore"} <= names
    assert not any(name.startswith((".venv", ".git/", "_build")) for name in names)
    assert "node_modules/a.js" in zipfile.ZipFile(folder / lab.NPM).namelist()

    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    assert set(statuses(gather(folder)).values()) == {"ok"}
    assert [len(requests) for requests in asked] == [1, 1]
    assert (tmp_path / "npm.log").read_text() == "x"
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_missing_source_leaves_the_rest_and_says_so(sources, tmp_path, capsys):
    sources(photos_answer=body(b"", status=404))
    folder = tmp_path / "folder"
    assert main(["offline", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("falta")] == [["falta", "Fotos"]]
    assert "respondeu 404" in lines[0] and "o que já veio fica" in lines[-1]
    assert not (folder / PHOTOS_FILE).exists()
    assert (folder / WEIGHTS_FILE).exists() and (folder / lab.REPOSITORY).exists()


def test_an_interrupted_download_is_made_up_for_next_time(sources, tmp_path):
    folder = tmp_path / "folder"
    _, first_weights = sources(photos_answer=body(sources.photos, declared=len(sources.photos) + 5000))
    found = gather(folder)
    assert statuses(found)["Fotos"] == "falta" and "interrompida" in found[0].text
    photos, again = sources()
    assert statuses(gather(folder))["Fotos"] == "ok"
    assert (folder / PHOTOS_FILE).read_bytes() == sources.photos
    assert len(first_weights) == 1 and (len(photos), len(again)) == (1, 0)


def test_every_problem_is_a_sentence(sources, checkout, tmp_path, monkeypatch):
    sources(photos_answer=body(b"<html>"), weights_answer=body(b"<html>" * 99))
    monkeypatch.setattr(offline, "OFFICIAL_BYTES", None)
    monkeypatch.setattr(offline, "WEIGHTS_BYTES", {224: None})
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    monkeypatch.setattr(offline.shutil, "which", lambda name: None)
    found = gather(tmp_path / "folder")
    assert statuses(found) == {"Fotos": "falta", "Pesos da ImageNet": "falta", "Pacotes do Python": "falta",
                               "Repositório": "ok", "Pacotes do npm": "aviso", "Livro construído": "aviso"}
    for item in found:
        if item.status != "ok":
            assert_sentence(item.text)


def test_the_folder_may_lie_in_the_repository(sources, checkout):
    sources()
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
def prepared(sources, tmp_path):
    """A gathered folder, and the address at which it is served."""
    sources()
    folder = tmp_path / "pen drive"
    gather(folder)

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def install(prepared, folder, *arguments):
    return subprocess.run([sys.executable, prepared[0] / SCRIPT_FILE, *arguments], cwd=folder, capture_output=True,
                          encoding="utf-8", env={**os.environ, "PYTHONPATH": "", "PYTHONUTF8": "1"})


@pytest.mark.parametrize("served", [False, True], ids=["folder", "address"])
def test_installs_without_the_package(prepared, tmp_path, monkeypatch, served):
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    machine = tmp_path / "machine in the lab"
    machine.mkdir()
    arguments = [prepared[1] + "/"] if served else []
    done = install(prepared, machine, *arguments)
    assert done.returncode == 0, done.stderr
    project = machine / lab.PROJECT
    assert (project / "_build" / "web" / "node_modules" / "a.js").exists()
    assert (project / ".venv" / "installed").exists()
    assert (project / "settled.txt").read_text() == (prepared[1] if served else str(prepared[0].resolve()))
    imported = subprocess.run([lab.python(project), "-c", "import piece, catsdogs; print(catsdogs.__file__)"],
                              cwd=machine, capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": ""})
    assert Path(imported.stdout.strip()).is_relative_to(project.resolve())

    (project / "mine.txt").touch()  # what a student did is kept
    assert install(prepared, machine, *arguments).returncode == 0 and (project / "mine.txt").exists()


@pytest.mark.fault("Pacotes", "um pacote trocado no caminho até o laboratório",
                   "a instalação para antes de pôr o pacote no ambiente, com uma frase")
def test_a_package_that_is_not_the_pinned_one_is_not_installed(prepared, tmp_path):
    wheel = prepared[0] / lab.WHEELS / "piece-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("more.py", "")
    done = install(prepared, tmp_path)
    assert done.returncode == 1
    assert_sentence(done.stderr.strip().splitlines()[-1].removeprefix("instalar.py: "))
    assert not list((tmp_path / lab.PROJECT).rglob("piece.py"))


@pytest.mark.fault("Pacotes", "um pacote trocado no registro", "o pip o recusa, e a pasta fica sem ele")
def test_a_package_that_is_not_the_pinned_one_is_not_gathered(sources, checkout, tmp_path, capfd):
    sources()
    requirements = checkout / "requirements.txt"
    requirements.write_text("piece==1.0 --hash=sha256:" + "0" * 64, encoding="utf-8")
    assert statuses(gather(tmp_path / "folder"))["Pacotes do Python"] == "falta"
    assert "DO NOT MATCH" in capfd.readouterr().err
    assert not (tmp_path / "folder" / lab.WHEELS / "piece-1.0-py3-none-any.whl").exists()


@pytest.mark.parametrize("trouble", ["another python", "nothing there", "torn", "no server"])
def test_trouble_gives_one_sentence_and_leaves_no_half(prepared, tmp_path, trouble):
    folder, arguments = prepared[0], []
    if trouble == "another python":
        (folder / lab.ABOUT).write_text(json.dumps({"python": "2.7", "platform": "Haiku", "besides": []}))
    elif trouble == "nothing there":
        (folder / lab.REPOSITORY).unlink()
    elif trouble == "torn":
        (folder / lab.REPOSITORY).write_bytes(b"PK")
    else:
        arguments = ["http://127.0.0.1:9"]
    machine = tmp_path / "machine in the lab"
    machine.mkdir()
    done = install(prepared, machine, *arguments)
    assert done.returncode == 1
    assert_sentence(done.stderr.strip().removeprefix("instalar.py: "))
    assert not list(machine.iterdir())


@pytest.mark.parametrize("served", [False, True], ids=["folder", "address"])
def test_settled_photos_and_weights_are_where_they_are_looked_for(prepared, sources, served):
    source = prepared[1] if served else str(prepared[0])
    assert settle(source) == []
    photos = find_photos(Config(), url="http://127.0.0.1:9/never.zip", expected_bytes=None)
    assert photos.has_files and len(photos) == 48
    assert (offline.keras_models_dir() / WEIGHTS_FILE).read_bytes() == sources.weights
    for name in (PHOTOS_FILE, WEIGHTS_FILE):
        (prepared[0] / name).unlink()
    assert settle(source) == []  # what is in place is not asked for again


@pytest.mark.parametrize("served", [False, True], ids=["folder", "address"])
def test_what_the_folder_lacks_is_told(prepared, served, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    (prepared[0] / PHOTOS_FILE).unlink()
    (prepared[0] / WEIGHTS_FILE).write_bytes(b"torn")
    problems = settle(prepared[1] if served else str(prepared[0]))
    assert len(problems) == 2 and all(map(assert_sentence, problems))
    assert not offline.official_archive().exists() and not (offline.keras_models_dir() / WEIGHTS_FILE).exists()
