"""The student's repository: started, filled by its own notebook, and checked."""

import json
import os
import re
import shutil
import subprocess
import unicodedata
import zipfile
from pathlib import Path

import nbformat
import pytest
from helpers import assert_sentence, tiny_photos

from catsdogs.checkpoint import load_checkpoint, save_checkpoint
from catsdogs.classroom import delivery
from catsdogs.classroom.assignment import SOURCE
from catsdogs.classroom.delivery import (
    NOTEBOOK_FILE,
    SECTIONS,
    TEMPLATE,
    check_delivery,
    start,
)
from catsdogs.classroom.repository import delivered_files, sections
from catsdogs.cli import main
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT
from catsdogs.quiet import keras
from catsdogs.report import PHASES, with_blocks, write_report

ROOT = Path(__file__).resolve().parents[2]
LEARNINGS = "A fase 2 mudou pouco, e o teste é pequeno para dizer mais."
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(scope="module")
def complete(trained, tmp_path_factory):
    """A complete delivery, outside Git. Read only."""
    folder = tmp_path_factory.mktemp("complete") / "entrega"
    start(folder)
    for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT):
        shutil.copy(trained.models / name, folder / "models")
    # Trained on so few photos, a phase may do no better than a constant answer.
    good = {"accuracy": 0.9, "errors": 1, "photos": 10, "confusion": [[5, 0], [1, 4]]}
    record = {**trained.record, **{phase: {**trained.record[phase], "test": {**trained.record[phase]["test"], **good}}
                                   for phase in PHASES}}
    (folder / "models" / "run.json").write_text(json.dumps(record), encoding="utf-8")
    write_report(folder)
    heading = "## O que aprendi\n"
    change_text(folder / "README.md", lambda text: text.replace(heading, f"{heading}\n{LEARNINGS}\n"))
    change_notebook(folder, execute)
    return folder


@pytest.fixture(scope="module")
def lacking(complete):
    """What each check says of the complete delivery."""
    return {check.name: check.problems for check in check_delivery(complete)}


@pytest.fixture
def delivered(complete, tmp_path):
    """A complete delivery of this test's own."""
    return shutil.copytree(complete, tmp_path / "entrega")


def change_text(path: Path, change) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def change_notebook(folder: Path, change) -> None:
    notebook = nbformat.read(folder / NOTEBOOK_FILE, as_version=4)
    change([cell for cell in notebook.cells if cell.cell_type == "code"])
    nbformat.write(notebook, folder / NOTEBOOK_FILE)


def execute(cells) -> None:
    """What running all cells leaves behind, as far as the check can see."""
    for count, cell in enumerate(cells, 1):
        cell.execution_count = count


def change_record(folder: Path, change) -> None:
    """Another record, with a README that agrees."""
    path = folder / "models" / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")
    change_text(folder / "README.md", lambda text: with_blocks(text, record))


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Estudante", "-c", "user.email=estudante@example.org"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True, capture_output=True, env=environment)


def problems(folder: Path, name: str, monkeypatch) -> list[str]:
    """What one check says, each a sentence."""
    monkeypatch.setattr(delivery, "CHECKS", {name: delivery.CHECKS[name]})
    check, = check_delivery(folder)
    return [assert_sentence(problem) for problem in check.problems]


# The template

def test_template_reaches_every_installation():
    tomllib = pytest.importorskip("tomllib")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packed = {path for pattern in settings["package-data"]["catsdogs.classroom"]
              for path in (ROOT / "catsdogs" / "classroom").glob(pattern)}
    assert packed == {path for folder in (TEMPLATE, SOURCE.parent) for path in folder.rglob("*") if path.is_file()}


def test_template_has_the_challenges_sections():
    written = sections((TEMPLATE / "README.md").read_text(encoding="utf-8"))
    assert tuple(written) == SECTIONS
    assert [name for name, text in written.items() if not text] == ["O que aprendi"]  # the student's own words


def test_template_has_no_numbers_of_another_run():
    generated = re.findall(r"início -->\n(.*?)\n<!--", (TEMPLATE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(generated) == 3 and set(generated) == {"Ainda não há números: execute o notebook."}


def test_template_is_under_the_projects_licence():
    assert (TEMPLATE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_template_notebook_is_valid_and_stripped():
    notebook = nbformat.read(TEMPLATE / NOTEBOOK_FILE, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


# What deliveries under way were started from; their repositories install the newest package.
FROZEN = ROOT / "tests" / "frozen"
STARTED_FROM = {(folder / NOTEBOOK_FILE).read_bytes(): folder for folder in (FROZEN, TEMPLATE)}


@pytest.mark.slow
@pytest.mark.parametrize("origin", STARTED_FROM.values(), ids=lambda folder: folder.name)
def test_template_notebook_fills_the_delivery(origin, photo_folder, weights_file, studied, tmp_path, monkeypatch):
    """On the small photos, with options of the student's: everything but the student's own words is there."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("CATSDOGS_WEIGHTS", str(weights_file))
    monkeypatch.setenv("CATSDOGS_CACHE", str(studied.cache))
    folder = tmp_path / "entrega"
    start(folder)
    shutil.copyfile(origin / NOTEBOOK_FILE, folder / NOTEBOOK_FILE)
    change_text(folder / NOTEBOOK_FILE, lambda text: text.replace(
        "FOTOS = None", f"FOTOS = '{photo_folder.as_posix()}'").replace(
        "seed=42)", "image_size=96, dropout=0.25, head_epochs=10, head_learning_rate=1e-3, fine_tune_epochs=1)"))
    notebook = nbformat.read(folder / NOTEBOOK_FILE, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    nbformat.write(notebook, folder / NOTEBOOK_FILE)

    checks = {check.name: check for check in check_delivery(folder)}
    assert [name for name, check in checks.items() if check.status == "falta"] == ["README"], checks
    problem, = checks["README"].problems
    assert "O que aprendi" in problem
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "Dropout(0,25)" in readme and "96 px" in readme and "0,001 |" in readme
    assert "pasta photos" in readme
    assert len([o for cell in notebook.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]) == 4


# Starting

@pytest.mark.parametrize("exists", [True, False])
def test_start_makes_a_new_or_empty_folder(tmp_path, exists):
    folder = tmp_path / "nova" / "entrega"
    if exists:
        folder.mkdir(parents=True)
    start(folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {path.name for path in TEMPLATE.iterdir()} | {"images", "models"}


@pytest.mark.parametrize("is_file", [True, False])
def test_start_loses_nothing(tmp_path, refused, is_file):
    place = tmp_path / "entrega"
    kept = place if is_file else place / "README.md"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("meu texto")
    assert "outro nome" in refused(start, place)
    assert kept.read_text() == "meu texto" and list(tmp_path.rglob("*.md")) == ([] if is_file else [kept])


# Checking

def test_a_complete_delivery_lacks_nothing_but_git(delivered, capsys):
    assert main(["check-delivery", str(delivered)]) == 0
    out = capsys.readouterr().out
    assert "falta" not in out and "Entrega completa." in out
    assert re.search(r"^aviso +Git +A pasta ainda não é um repositório Git", out, re.MULTILINE)


def test_a_new_folder_lacks_what_the_student_makes(tmp_path, monkeypatch):
    start(tmp_path / "entrega")
    checks = check_delivery(tmp_path / "entrega")
    missing = [check.name for check in checks if check.status == "falta"]
    assert missing == ["README", "Números", "Notebook", "Figuras", "Checkpoints"]
    for check in checks:
        for problem in check.problems:
            assert_sentence(problem)


def test_an_empty_folder_lacks_everything_and_breaks_nothing(tmp_path):
    lacking = [check.name for check in check_delivery(tmp_path) if check.problems]
    assert set(delivery.CHECKS) - set(lacking) == {"Tamanhos", "Fotos"}


@pytest.mark.parametrize(("name", "break_it", "words"), [
    ("README", lambda f: (f / "README.md").unlink(), ["Falta README.md"]),
    ("README", lambda f: change_text(f / "README.md", lambda t: t.replace(LEARNINGS, "<!-- depois -->")),
     ["“O que aprendi” do README.md está vazia"]),
    ("README", lambda f: change_text(f / "README.md", lambda t: t.replace("## Dados", "## Outra coisa")),
     ["não tem a seção “Dados”"]),
    ("Números", lambda f: (f / "models" / "run.json").unlink(), ["Falta models/run.json"]),
    ("Números", lambda f: (f / "models" / "run.json").write_text("{}"), ["danificado ou incompleto"]),
    ("Números", lambda f: change_text(f / "README.md", lambda t: t.replace("acurácia | 0", "acurácia | 1")),
     ["não são os de models/run.json"]),
    ("Números", lambda f: change_text(f / "README.md", lambda t: t.replace("<!-- dados:fim -->", "")),
     ["dados:fim"]),
    ("Números", lambda f: change_record(f, lambda r: r["phase1"]["test"].update(accuracy=0.123)),
     ["Fase 1", "se contradizem"]),
    ("Números", lambda f: change_record(f, lambda r: r["phase2"]["test"].update(
        accuracy=0.75, errors=1, photos=4, confusion=[[3, 0], [1, 0]])), ["Fase 2", "sempre a mesma classe"]),
    ("Notebook", lambda f: (f / NOTEBOOK_FILE).unlink(), ["Falta o notebook"]),
    ("Notebook", lambda f: (f / NOTEBOOK_FILE).write_text("{"), ["não é um notebook válido"]),
    ("Notebook", lambda f: (f / NOTEBOOK_FILE).write_text("[]"), ["não é um notebook válido"]),
    ("Notebook", lambda f: (f / NOTEBOOK_FILE).write_text('{"nbformat": 4, "nbformat_minor": 5}'),
     ["não é um notebook válido"]),
    ("Notebook", lambda f: change_notebook(f, lambda cells: cells[-1].update(execution_count=None)),
     ["não foi executado até o fim"]),
    ("Notebook", lambda f: change_notebook(f, lambda cells: cells[0].update(execution_count=99)), ["fora de ordem"]),
    ("Notebook", lambda f: change_notebook(f, lambda cells: cells[1].outputs.append(
        nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[]))), ["terminou em erro"]),
    ("Figuras", lambda f: (f / "images" / "curves_ft.png").unlink(), ["Falta images/curves_ft.png"]),
    ("Figuras", lambda f: (f / "images" / "confmat_phase1.png").write_bytes(b"x"), ["não abre como imagem"]),
    ("Checkpoints", lambda f: (f / "models" / PHASE1_CHECKPOINT).unlink(), [f"Falta models/{PHASE1_CHECKPOINT}"]),
    ("Checkpoints", lambda f: (f / "models" / PHASE2_CHECKPOINT).write_bytes(b"PK"), ["não abre, em modo seguro"]),
    ("Checkpoints", lambda f: resave(f / "models" / PHASE1_CHECKPOINT, key="outro"), ["não é do treino"]),
    ("Requisitos", lambda f: (f / "requirements.txt").unlink(), ["Falta requirements.txt"]),
    ("Requisitos", lambda f: (f / "requirements.txt").write_text("# keras\nnumpy\n"), ["não cita"]),
    ("Licença", lambda f: (f / "LICENSE").unlink(), ["Falta a licença"]),
    ("Licença", lambda f: (f / "LICENSE").write_text(""), ["Falta a licença"]),
    ("Fotos", lambda f: tiny_photos(f / "fotos", count=2), ["fotos/cats/000.jpg e mais 3"]),
    ("Fotos", lambda f: zip_of_photos(f / "dados.zip"), ["(dados.zip)"]),
    ("Fotos", lambda f: tiny_photos(f / "PetImages", names=("Abyssinian", "beagle")), ["PetImages/", "e mais 19"]),
    ("Notebook", lambda f: change_metadata(f, widgets={"application/vnd.jupyter.widget-state+json": {"a": {}}}),
     ["o GitHub não o mostra", "ClearMetadataPreprocessor"]),
    ("Checkpoints", lambda f: (f / "models" / PHASE2_CHECKPOINT).write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"), ["git lfs pull"]),
], ids=lambda value: value if isinstance(value, str) else "")
def test_each_lack_is_told_and_what_to_do(delivered, lacking, monkeypatch, name, break_it, words):
    assert not lacking[name]
    break_it(delivered)
    problem, = problems(delivered, name, monkeypatch)
    for word in words:
        assert word in problem


@pytest.mark.parametrize("change", [
    lambda f: (f / "README.md").rename(f / "readme.md"),
    lambda f: change_text(f / "README.md", lambda t: re.sub(r"^## (.+)$", r"\1\n===", t, flags=re.MULTILINE)),
    lambda f: change_text(f / "README.md", lambda t: re.sub(r"^## (.+)$", r"\1\n---", t, flags=re.MULTILINE)),
    lambda f: change_text(f / "README.md", lambda t: re.sub(
        r"^## .+$", lambda heading: unicodedata.normalize("NFD", heading[0]), t, flags=re.MULTILINE)),
    lambda f: change_text(f / "README.md", lambda t: t.replace("**Como ler.** No teste", "**Leia assim.** Nas fotos")),
    lambda f: (f / "requirements.txt").write_text("keras==3.15\n", encoding="utf-16"),
    lambda f: tiny_photos(f / "images", names=("errors",), extensions=(".png",)),
    lambda f: change_metadata(f, widgets={"application/vnd.jupyter.widget-state+json": {"state": {}}}),
], ids=["small letters", "double line", "single line", "decomposed", "other sentence", "UTF-16", "figures", "widgets"])
def test_what_github_and_pip_take_is_no_lack(delivered, change):
    change(delivered)
    assert not [check for check in check_delivery(delivered) if check.required and check.problems]


def test_a_repository_begun_otherwise_is_told_so_first(tmp_path):
    (tmp_path / "README.md").write_text("# Meu projeto\n\n## Dados\n\nGatos.\n", encoding="utf-8")
    checks = {check.name: check for check in check_delivery(tmp_path)}
    first, *others = checks["README"].problems
    assert "não foi começado com `catsdogs new`" in first and not any("“Dados”" in other for other in others)


def change_metadata(folder: Path, **change) -> None:
    notebook = nbformat.read(folder / NOTEBOOK_FILE, as_version=4)
    notebook.metadata.update(change)
    nbformat.write(notebook, folder / NOTEBOOK_FILE)


def resave(path: Path, **change) -> None:
    model, metadata = load_checkpoint(path)
    about = {**metadata, **change}
    save_checkpoint(model, path, about.pop("class_names"), about)


def zip_of_photos(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dados/gatos/1.jpg", b"x")


@pytest.fixture
def plain(tmp_path):
    """A delivery in plain Keras: notebook, two models, their class names, README and requirements."""
    folder = tmp_path / "entrega"
    (folder / "models").mkdir(parents=True)
    photo = keras.Input((8, 8, 3))
    model = keras.Model(photo, keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(photo)))
    for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT):
        model.save(folder / "models" / name)
    (folder / "models" / "classes.json").write_text('["maçã", "pera"]', encoding="utf-8")
    (folder / "README.md").write_text("# Maçã ou pera\n\nExecute jogo.ipynb.\n", encoding="utf-8")
    (folder / "requirements.txt").write_text("tensorflow\n")
    cells = [nbformat.v4.new_code_cell("1", execution_count=1)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "jogo.ipynb")
    return folder


def test_a_delivery_in_plain_keras_lacks_nothing_that_is_required(plain):
    checks = {check.name: check for check in check_delivery(plain)}
    assert {name for name, check in checks.items() if check.status != "ok"} == {"Números", "Licença", "Git"}
    assert all(check.status != "falta" for check in checks.values())
    for check in checks.values():
        for problem in check.problems:
            assert_sentence(problem)


@pytest.mark.parametrize(("name", "path", "words"), [
    ("README", "README.md", "README.md"), ("Notebook", "jogo.ipynb", "notebook"),
    ("Checkpoints", f"models/{PHASE1_CHECKPOINT}", PHASE1_CHECKPOINT),
    ("Requisitos", "requirements.txt", "requirements")])
def test_of_a_delivery_in_plain_keras_these_are_required(plain, monkeypatch, name, path, words):
    (plain / path).unlink()
    assert any(words in told for told in problems(plain, name, monkeypatch))
    assert check_delivery(plain)[0].status == "falta"


def test_of_a_delivery_in_plain_keras_what_is_wrong_is_told(plain, monkeypatch):
    (plain / "README.md").write_text(" \n")
    assert "vazio" in problems(plain, "README", monkeypatch)[0]
    monkeypatch.undo()
    (plain / "models" / PHASE2_CHECKPOINT).write_bytes(b"PK")
    assert "modelo do Keras" in problems(plain, "Checkpoints", monkeypatch)[0]
    monkeypatch.undo()
    tiny_photos(plain / "fotos", names=("maçã", "pera"), count=2)
    assert "fotos" in problems(plain, "Fotos", monkeypatch)[0]


@pytest.mark.parametrize("classes", [None, "", "[]", "7", '["maçã"]', "[1, 2]"])
def test_without_class_names_a_delivery_in_plain_keras_is_told_to_write_them(plain, classes):
    path = plain / "models" / "classes.json"
    path.unlink()
    if classes is not None:
        path.write_text(classes, encoding="utf-8")
    checks = check_delivery(plain)
    assert [check.name for check in checks if check.status == "falta"] == ["Checkpoints"]
    told, = next(check for check in checks if check.name == "Checkpoints").problems
    assert "models/classes.json" in assert_sentence(told) and 'como ["cats", "dogs"]' in told
    assert not any("catsdogs new" in problem for check in checks for problem in check.problems)


def test_a_checkpoint_with_code_of_its_own_is_not_run(delivered, monkeypatch):
    """Keras keeps a Lambda's code in the file; safe mode does not load it."""
    from catsdogs.quiet import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
    save_checkpoint(model, delivered / "models" / PHASE1_CHECKPOINT, ("cats", "dogs"), {})
    problem, = problems(delivered, "Checkpoints", monkeypatch)
    assert "modo seguro" in problem


def test_sections_may_be_decorated_and_other_files_may_stand_beside(delivered, monkeypatch):
    change_text(delivered / "README.md", lambda text: text.replace("## Objetivo", "## 🎯 1. Objetivo do projeto"))
    (delivered / "images" / "desenho.png").write_bytes(b"x")
    zipfile.ZipFile(delivered / "textos.zip", "w").close()
    assert all(check.status == "ok" for check in check_delivery(delivered) if check.required)


def test_a_photo_of_the_run_is_known_by_its_name(delivered, trained, monkeypatch):
    name = Path(next(iter(trained.record["phase1"]["probabilities"]["test"]))).name
    (delivered / "images" / name).write_bytes(b"x")
    problem, = problems(delivered, "Fotos", monkeypatch)
    assert f"images/{name}" in problem


def test_files_that_github_refuses(delivered, monkeypatch):
    limit = (delivered / "LICENSE").stat().st_size
    monkeypatch.setattr(delivery, "MAX_FILE_BYTES", limit)
    told = " ".join(problems(delivered, "Tamanhos", monkeypatch))
    assert PHASE1_CHECKPOINT in told and "LICENSE" not in told


def test_a_lost_folder_is_one_sentence(tmp_path, refused):
    assert "catsdogs new" in refused(check_delivery, tmp_path / "nada")


@needs_git
def test_git_decides_what_is_delivered(delivered, monkeypatch):
    tiny_photos(delivered / "fotos", count=2)
    git(delivered, "init")
    assert not any(name.startswith("fotos/") for name in delivered_files(delivered))  # ignored, and not yet added
    assert NOTEBOOK_FILE in delivered_files(delivered)
    git(delivered, "add", "--force", "fotos")
    told, = problems(delivered, "Fotos", monkeypatch)
    assert "git rm" in told


@needs_git
def test_what_git_ignores_is_not_delivered(delivered, monkeypatch):
    git(delivered, "init")
    change_text(delivered / ".gitignore", lambda text: text + "*.keras\n")
    told = problems(delivered, "Checkpoints", monkeypatch)
    assert len(told) == 2 and all(".gitignore" in problem for problem in told)


@needs_git
def test_git_without_and_with_a_remote(delivered, monkeypatch):
    git(delivered, "init")
    told, = problems(delivered, "Git", monkeypatch)
    assert "git remote add" in told
    git(delivered, "remote", "add", "origin", "https://example.org/eu/entrega.git")
    assert not problems(delivered, "Git", monkeypatch)


@needs_git
def test_a_folder_inside_another_repository_is_not_one(delivered, monkeypatch):
    git(delivered.parent, "init")
    told, = problems(delivered, "Git", monkeypatch)
    assert "git init" in told
    assert NOTEBOOK_FILE in delivered_files(delivered)


def test_without_git_installed_nothing_breaks(delivered, monkeypatch):
    monkeypatch.setenv("PATH", "")
    told, = problems(delivered, "Git", monkeypatch)
    assert "git init" in told and NOTEBOOK_FILE in delivered_files(delivered)


# The commands

def test_commands_from_start_to_check(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new", "entrega"]) == 0
    assert NOTEBOOK_FILE in capsys.readouterr().out
    monkeypatch.chdir("entrega")
    assert main(["report"]) == 1
    assert "até o fim" in assert_sentence(capsys.readouterr().err.strip().removeprefix("catsdogs: "))
    shutil.copy(trained.models / "run.json", "models")
    assert main(["report"]) == 0
    assert "refeitos" in capsys.readouterr().out
    assert main(["check-delivery", "--json"]) == 1
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["delivered"] is False
    statuses = {check["name"]: check["status"] for check in result["checks"]}
    assert statuses["Figuras"] == "ok" and statuses["Checkpoints"] == "falta"
    assert all(bool(check["problems"]) == (check["status"] != "ok") for check in result["checks"])
    assert main(["new", "."]) == 1
    assert "pasta vazia" in capsys.readouterr().err


def test_text_counts_what_is_missing(delivered, capsys):
    (delivered / "LICENSE").unlink()
    assert main(["check-delivery", str(delivered)]) == 1
    out = capsys.readouterr().out
    assert out.rstrip().endswith(f"Falta resolver 1 de {len(delivery.CHECKS)} itens.")
    assert re.search(r"^falta +Licença +Falta a licença", out, re.MULTILINE)
