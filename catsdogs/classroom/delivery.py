"""The student's own repository: started from a template, and checked against what the challenge asks for."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catsdogs.checkpoint import CLASSES_EXAMPLE, CLASSES_FILE, is_plain, load_checkpoint, plain_classes
from catsdogs.classroom.executed import unfinished
from catsdogs.classroom.published import has_page, page_problems
from catsdogs.classroom.repository import (
    as_pip_reads,
    data_set_photos,
    delivered_files,
    git,
    is_pointer,
    is_repository,
    sections,
)
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT
from catsdogs.errors import CatsdogsError
from catsdogs.photo import read_photo
from catsdogs.report import (
    BLOCKS,
    CURVES,
    MATRICES,
    PHASES,
    README_FILE,
    RECORD_PATH,
    marks,
    read_readme,
    read_record,
    tells_the_numbers,
)
from catsdogs.storage.folders import refuse_used

TEMPLATE = Path(__file__).resolve().parent / "template"
NOTEBOOK_FILE = "treino.ipynb"
SECTIONS = ("Objetivo", "Dados", "Método", "Resultados", "Como executar", "O que aprendi", "Licença e créditos")
CLASSES_PATH = f"models/{CLASSES_FILE}"
CHECKPOINTS = {"phase1": f"models/{PHASE1_CHECKPOINT}", "phase2": f"models/{PHASE2_CHECKPOINT}"}
FIGURES = tuple(f"images/{files[phase]}" for phase in PHASES for files in (CURVES, MATRICES))
LIBRARIES = ("catsdogs", "keras", "tensorflow")
LICENSES = {"LICENSE", "LICENCE", "LICENÇA", "COPYING"}
# What GitHub refuses in a push: docs.github.com, "About large files on GitHub".
MAX_FILE_BYTES = 100 * 2**20


def start(folder: Path) -> None:
    """Copy the template into ``folder``, which is created when it does not exist.

    Raises:
        CatsdogsError: there is already something in its place.
    """
    refuse_used(folder)
    shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for name in ("images", "models"):
        (folder / name).mkdir()


@dataclass(frozen=True)
class Check:
    """One line of the list.

    Attributes:
        name: what was checked.
        problems: a Portuguese sentence each, saying what to do; empty when all is well.
        required: whether a problem means that the delivery is not complete.
    """

    name: str
    problems: tuple[str, ...]
    required: bool

    @property
    def status(self) -> str:
        """``ok``, ``falta`` (something required is missing) or ``aviso``."""
        if not self.problems:
            return "ok"
        return "falta" if self.required else "aviso"


@dataclass(frozen=True)
class Delivery:
    """What the checks look at.

    Attributes:
        folder: the student's repository.
        files: every file that is or can be delivered, relative to ``folder``, with forward slashes.
        record: ``models/run.json``, or None when it is missing or damaged.
    """

    folder: Path
    files: tuple[str, ...]
    record: dict | None

    @property
    def is_plain(self) -> bool:
        """Whether it was made with Keras alone, as the whole game is: its models or class names, and no record."""
        plain_models = (is_plain(self.folder / name) for name in CHECKPOINTS.values())
        return RECORD_PATH not in self.files and (CLASSES_PATH in self.files or any(plain_models))


def check_delivery(folder: Path) -> list[Check]:
    """Compare a student's repository with what the challenge asks for. Nothing in it is changed or executed.

    Raises:
        CatsdogsError: there is no such folder.
    """
    if not folder.is_dir():
        raise CatsdogsError(f"Não encontrei a pasta {folder}: confira o caminho ou crie-a com `catsdogs new`.")
    try:
        record = read_record(folder)
    except CatsdogsError:
        record = None
    delivery = Delivery(folder, delivered_files(folder), record)
    optional = {"Git", *(OPTIONAL_IN_PLAIN_KERAS if delivery.is_plain else ())}
    checks = [Check(name, tuple(find(delivery)), name not in optional) for name, find in CHECKS.items()]
    if has_page(folder, delivery.files):
        checks.append(Check("Página", tuple(page_problems(folder, delivery.files, CHECKPOINTS.values())), False))
    return checks


def _missing(delivery: Delivery, name: str, remedy: str) -> Iterator[str]:
    """A sentence when a file is not there, or is there but would stay behind."""
    if name in delivery.files:
        return
    if (delivery.folder / name).is_file():
        yield f"{name} existe, mas o .gitignore o deixa fora da entrega: tire-o do .gitignore."
    else:
        yield f"Falta {name}: {remedy}."


def _readme_problems(delivery: Delivery) -> Iterator[str]:
    try:
        readme = read_readme(delivery.folder)
    except CatsdogsError as error:
        yield str(error)
        return
    if not readme.strip():
        yield f"{README_FILE} está vazio: diga nele o que o trabalho é e como executá-lo."
    if delivery.is_plain:
        return
    if not delivery.record and not any(mark in readme for name in BLOCKS for mark in marks(name)):
        yield (f"Este repositório não foi começado com `catsdogs new`, e os números e as figuras dele não podem ser "
               f"conferidos: comece um, execute o {NOTEBOOK_FILE} e traga para ele o que você escreveu.")
    written = sections(readme)
    for wanted in SECTIONS:
        texts = [text for heading, text in written.items() if wanted.casefold() in heading.casefold()]
        if not texts:
            yield f"{README_FILE} não tem a seção “{wanted}”: acrescente o título “## {wanted}” e o texto."
        elif not any(texts):
            yield f"A seção “{wanted}” do {README_FILE} está vazia: escreva-a com as suas palavras."


def _number_problems(delivery: Delivery) -> Iterator[str]:
    if delivery.is_plain:
        yield f"Não há {RECORD_PATH}, e por isso os números do {README_FILE} não podem ser conferidos com os do treino."
        return
    try:
        record = read_record(delivery.folder)
    except CatsdogsError as error:
        yield str(error)
        return
    yield from _missing(delivery, RECORD_PATH, "execute o notebook até o fim")
    for phase, name in PHASES.items():
        yield from _impossible(record[phase]["test"], name)
    try:
        readme = read_readme(delivery.folder)
    except CatsdogsError:
        return  # told with the README itself
    try:
        current = tells_the_numbers(readme, record)
    except CatsdogsError as error:
        yield str(error)
        return
    if not current:
        yield f"Os números do {README_FILE} não são os de {RECORD_PATH}: rode `catsdogs report` na pasta."


def _impossible(test: dict, name: str) -> Iterator[str]:
    """A sentence when a phase's test metrics contradict each other or are no better than a constant answer."""
    (a, b), (c, d) = test["confusion"]
    photos, errors = a + b + c + d, b + c
    if (test["photos"], test["errors"]) != (photos, errors) or abs(test["accuracy"] - (1 - errors / photos)) > 1e-9:
        yield f"{name}: acertos, erros e acurácia de {RECORD_PATH} se contradizem; execute o notebook de novo."
    elif test["accuracy"] <= max(a + b, c + d) / photos:
        yield (f"{name}: o modelo acerta no teste tanto quanto quem responde sempre a mesma classe, ou menos; "
               "confira as fotos e as pastas das classes e treine de novo.")


def _notebook_problems(delivery: Delivery) -> Iterator[str]:
    names = [name for name in delivery.files if name.endswith(".ipynb")]
    if not names:
        yield f"Falta o notebook: ponha na pasta o seu, como o {NOTEBOOK_FILE} de `catsdogs new`, executado até o fim."
    for name in names:
        yield from unfinished(delivery.folder / name, name)


def _figure_problems(delivery: Delivery) -> Iterator[str]:
    if delivery.is_plain:  # they stand in the notebook
        return
    for name in FIGURES:
        if problems := list(_missing(delivery, name, "rode `catsdogs report` na pasta")):
            yield from problems
            continue
        try:
            read_photo(delivery.folder / name)
        except CatsdogsError:
            yield f"{name} não abre como imagem: rode `catsdogs report` na pasta."


def _checkpoint_problems(delivery: Delivery) -> Iterator[str]:
    classes_problems = list(_classes_problems(delivery))
    yield from classes_problems
    for name in CHECKPOINTS.values():
        if problems := list(_missing(delivery, name, "execute o notebook até o fim")):
            yield from problems
            continue
        if is_pointer(delivery.folder / name):
            yield f"{name} é só o ponteiro do Git LFS, sem o modelo: rode `git lfs pull` na pasta e confira de novo."
            continue
        if classes_problems:  # nothing can be said of the model
            continue
        try:
            key = load_checkpoint(delivery.folder / name)[1].get("key")
        except CatsdogsError:
            made_with = "modelo do Keras" if delivery.is_plain else "checkpoint do catsdogs"
            yield f"{name} não abre, em modo seguro, como {made_with}: execute o notebook de novo."
            continue
        if delivery.record and key != delivery.record.get("key"):
            yield f"{name} não é do treino que está em {RECORD_PATH}: execute o notebook de novo, até o fim."


def _classes_problems(delivery: Delivery) -> Iterator[str]:
    """A sentence when models in plain Keras have no class names beside them."""
    if not delivery.is_plain:
        return
    wanted = f"os nomes das duas classes, na ordem das respostas, como {CLASSES_EXAMPLE}"
    yield from _missing(delivery, CLASSES_PATH, f"grave-o ao lado dos modelos, com {wanted}")
    if CLASSES_PATH in delivery.files and not _plain_classes(delivery):
        yield f"{CLASSES_PATH} não diz as classes: grave nele só {wanted}."


def _plain_classes(delivery: Delivery) -> list[str]:
    """The class names of models in plain Keras; none when they are not told as they should be."""
    try:
        return plain_classes(delivery.folder / CLASSES_PATH)
    except CatsdogsError:
        return []


def _requirement_problems(delivery: Delivery) -> Iterator[str]:
    if problems := list(_missing(delivery, "requirements.txt", "liste nele os pacotes que o notebook usa")):
        yield from problems
        return
    text = as_pip_reads((delivery.folder / "requirements.txt").read_bytes())
    lines = [line.strip().lower() for line in text.splitlines()]
    if not any(line.startswith(LIBRARIES) for line in lines):
        yield f"requirements.txt não cita nenhum destes pacotes: {', '.join(LIBRARIES)}; liste os que o notebook usa."


def _license_problems(delivery: Delivery) -> Iterator[str]:
    found = [name for name in delivery.files if PurePosixPath(name).stem.upper() in LICENSES and "/" not in name]
    if not any((delivery.folder / name).stat().st_size for name in found):
        yield "Falta a licença: ponha na pasta um arquivo LICENSE com o texto da que você escolheu."


def _size_problems(delivery: Delivery) -> Iterator[str]:
    for name in delivery.files:
        size = (delivery.folder / name).stat().st_size
        if size > MAX_FILE_BYTES:
            yield (f"{name} tem {size / 2**20:.0f} MiB, e o GitHub recusa arquivos de mais de "
                   f"{MAX_FILE_BYTES // 2**20} MiB: tire-o da pasta ou do Git (`git rm --cached`).")


def _photo_problems(delivery: Delivery) -> Iterator[str]:
    """A sentence when there are photos of a data set."""
    record = delivery.record or {"class_names": _plain_classes(delivery) or ["cats", "dogs"]}
    recorded = {PurePosixPath(photo).name for phase in PHASES
                for part in record.get(phase, {}).get("probabilities", {}).values() for photo in part}
    if found := data_set_photos(delivery.folder, delivery.files, record["class_names"], recorded):
        others = f" e mais {len(found) - 1}" if len(found) > 1 else ""
        yield (f"Há fotos do conjunto de dados entre os arquivos ({found[0]}{others}), e elas não fazem parte da "
               "entrega: tire-as da pasta ou, num repositório Git, cite-as no .gitignore e use `git rm -r --cached`.")


def _git_problems(delivery: Delivery) -> Iterator[str]:
    if not is_repository(delivery.folder):
        yield "A pasta ainda não é um repositório Git: rode nela `git init`, `git add .` e `git commit`."
    elif not git(delivery.folder, "remote").strip():
        yield "O repositório não tem endereço remoto: crie um no GitHub e rode `git remote add origin ENDEREÇO`."


# What a delivery in plain Keras may leave out.
OPTIONAL_IN_PLAIN_KERAS = ("Números", "Licença")
# In the order of the answer, which ends with the page, where there is one. All are required but the last.
CHECKS = {
    "README": _readme_problems,
    "Números": _number_problems,
    "Notebook": _notebook_problems,
    "Figuras": _figure_problems,
    "Checkpoints": _checkpoint_problems,
    "Requisitos": _requirement_problems,
    "Licença": _license_problems,
    "Tamanhos": _size_problems,
    "Fotos": _photo_problems,
    "Git": _git_problems,
}
