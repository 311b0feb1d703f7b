"""The page in a delivery: looked at where there is one, and never required."""

import hashlib
import json
from pathlib import Path

import pytest
from helpers import assert_sentence

from catsdogs.classroom import published
from catsdogs.classroom.delivery import CHECKS, check_delivery, start
from catsdogs.classroom.published import ABOUT, INDEX, MODEL, NEEDED, has_page, page_problems
from catsdogs.engines.pages import page_text

CHECKPOINT = "models/mobilenetv2_finetuned.keras"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def delivered(tmp_path):
    """A folder with a page of its checkpoint, as far as the check looks."""
    for name in (INDEX, *NEEDED, CHECKPOINT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / INDEX).write_text(page_text("A", ["a", "b"], 1, None), encoding="utf-8")
    about = {"sha256": digest(MODEL.encode()), "checkpoint": digest(CHECKPOINT.encode())}
    (tmp_path / ABOUT).write_text(json.dumps(about))
    return tmp_path


def problems(folder: Path, without=()):
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {*without}
    assert has_page(folder, files)
    return [assert_sentence(problem) for problem in page_problems(folder, files, [CHECKPOINT])]


def test_a_whole_page_of_the_delivered_model_is_well(delivered):
    assert problems(delivered) == []


@pytest.mark.parametrize("name", NEEDED)
def test_a_file_that_stays_behind_is_told(delivered, name):
    problem, = problems(delivered, without=[name])
    assert name in problem and ".gitignore" in problem


def test_the_page_of_another_training_is_told(delivered):
    (delivered / CHECKPOINT).write_text("other")
    problem, = problems(delivered)
    assert "outro treino" in problem and f"catsdogs page docs --checkpoint {CHECKPOINT}" in problem


def test_a_checkpoint_that_is_not_delivered_does_not_count(delivered):
    assert "outro treino" in problems(delivered, without=[CHECKPOINT])[0]


def test_a_model_that_is_not_the_page_s_is_told(delivered):
    (delivered / MODEL).write_text("version https://git-lfs.github.com/spec/v1")
    assert MODEL in problems(delivered)[0]


@pytest.mark.parametrize("content", ["", "{}", "[]", "3"])
def test_a_damaged_description_is_told(delivered, content):
    (delivered / ABOUT).write_text(content)
    assert "danificado" in problems(delivered)[0]


def test_the_list_has_it_only_where_there_is_a_page(delivered):
    names = [check.name for check in check_delivery(delivered)]
    assert names == [*CHECKS, "Página"]
    (delivered / INDEX).write_text("<p>Outra página</p>")  # a folder of the student's own
    assert [check.name for check in check_delivery(delivered)] == list(CHECKS)


def test_it_is_never_required(delivered):
    (delivered / ABOUT).unlink()
    check = check_delivery(delivered)[-1]
    assert (check.name, check.status) == ("Página", "aviso")


def test_a_new_delivery_says_where_its_page_goes(tmp_path):
    start(tmp_path / "entrega")
    readme = (tmp_path / "entrega" / "README.md").read_text(encoding="utf-8")
    assert published.AGAIN.partition("rode ")[2] in readme
    assert not has_page(tmp_path / "entrega", ["README.md"])
