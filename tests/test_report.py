"""README blocks and figures made from a record."""

import json
import shutil
from pathlib import Path

import pytest

from catsdogs import report
from catsdogs.report import BLOCKS, CURVES, MATRICES, PHASES, with_block, with_blocks, write_report

EMPTY = "".join(f"Antes de {name}.\n<!-- {name}:início -->\n<!-- {name}:fim -->\n" for name in BLOCKS)


@pytest.fixture
def folder(trained, tmp_path):
    """A student's folder after training, with an empty README."""
    (tmp_path / "models").mkdir()
    shutil.copy(trained.models / "run.json", tmp_path / "models")
    (tmp_path / "README.md").write_text(EMPTY, encoding="utf-8")
    return tmp_path


def text_of(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def change_record(folder: Path, change) -> None:
    path = folder / "models" / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def test_report_fills_the_blocks_and_draws_what_they_show(folder, trained):
    write_report(folder)
    readme = text_of(folder)
    for name in BLOCKS:
        assert f"Antes de {name}.\n" in readme
    for phase in PHASES:
        test = trained.record[phase]["test"]
        assert f"{test['accuracy']:.4f}".replace(".", ",") in readme
        assert f"{test['photos'] - test['errors']} acertos e {test['errors']} erros" in readme
    for files in (CURVES, MATRICES):
        for name in files.values():
            assert f"](images/{name})" in readme
            assert (folder / "images" / name).read_bytes() == (trained.models / "images" / name).read_bytes()


def test_method_block_shows_the_settings_of_the_run(trained):
    config, text = trained.record["config"], report.method_block(trained.record)
    assert f"Dense({config['head_units']}, ReLU)" in text and f"{config['image_size']} px" in text
    assert "| 0,001 | 0,0001 |" in text  # as in helpers.CONFIG
    for phase in PHASES:
        assert f"guardada a {trained.record[phase]['best_epoch'] + 1}ª" in text


def test_data_block_counts_what_was_left_out(trained):
    assert "Ficaram de fora" not in report.data_block(trained.record)
    assert "Ficaram de fora 3 arquivo(s)" in report.data_block({**trained.record, "skipped": 3})
    assert f"{trained.record['sizes']['test']} de teste" in report.data_block(trained.record)


def test_report_again_changes_only_what_the_record_changed(folder):
    write_report(folder)
    path = folder / "README.md"
    path.write_text("Título meu\n" + text_of(folder) + "Fim meu\n", encoding="utf-8")
    before = text_of(folder)
    write_report(folder)
    assert text_of(folder) == before
    change_record(folder, lambda record: record["phase2"]["test"].update(auc=0.12345))
    write_report(folder)
    after = text_of(folder)
    assert "0,1235" in after or "0,1234" in after
    assert after.startswith("Título meu\n") and after.endswith("Fim meu\n")
    assert sum(one != other for one, other in zip(before.splitlines(), after.splitlines(), strict=True)) == 1


@pytest.mark.parametrize("readme", [
    "", EMPTY.replace("<!-- dados:fim -->", ""), EMPTY + "<!-- dados:início -->", EMPTY + "<!-- resultados:fim -->",
    EMPTY.replace("dados:início", "x").replace("dados:fim", "dados:início").replace("x -->", "dados:fim -->")],
    ids=["none", "not closed", "opened twice", "closed twice", "swapped"])
def test_marks_out_of_place_are_refused_and_nothing_is_written(folder, readme, refused):
    (folder / "README.md").write_text(readme, encoding="utf-8")
    assert "catsdogs new" in refused(write_report, folder)
    assert text_of(folder) == readme and not (folder / "images").exists()


@pytest.mark.parametrize(("change", "word"), [
    (lambda folder: (folder / "README.md").unlink(), "catsdogs new"),
    (lambda folder: (folder / "README.md").write_bytes("Método".encode("utf-16")), "UTF-8"),
    (lambda folder: (folder / "models" / "run.json").unlink(), "até o fim"),
    (lambda folder: (folder / "models" / "run.json").write_text('{"key": '), "danificado"),
    (lambda folder: (folder / "models" / "run.json").write_text("[1]"), "danificado"),
    (lambda folder: change_record(folder, lambda record: record.pop("phase2")), "incompleto"),
    (lambda folder: change_record(folder, lambda record: record["phase1"]["test"].pop("loss")), "incompleto"),
    (lambda folder: change_record(folder, lambda record: record["phase1"]["test"].update(photos=0)), "danificado"),
    (lambda folder: change_record(folder, lambda record: record["phase1"]["test"].update(confusion=1)), "danificado")])
def test_missing_or_damaged_files_give_one_sentence(folder, change, word, refused):
    change(folder)
    assert word in refused(write_report, folder)
    assert not (folder / "images").exists()


def test_a_block_stays_between_its_marks():
    text = "a\n<!-- x:início -->\nvelho\n<!-- x:fim -->\nb"
    assert with_block(text, "x", "novo") == "a\n<!-- x:início -->\nnovo\n<!-- x:fim -->\nb"


def test_one_photo_is_worth_points_in_the_right_number(trained):
    few, many = ({phase: {"test": {"errors": 0, "photos": count}} for phase in PHASES} for count in (12, 300))
    assert "8,33 pontos percentuais" in report.reading(few)
    assert "0,33 ponto percentual " in report.reading(many)


def test_record_of_the_repository_fills_a_readme():
    record = json.loads((Path(__file__).parent.parent / "models" / "run.json").read_text(encoding="utf-8"))
    assert record["backbone"] in with_blocks(EMPTY, record)
