"""The page of one's own model: what it says and holds, and that a failure leaves nothing."""

import json
import re
import shutil

import pytest

from catsdogs.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from catsdogs.cli import main
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT
from catsdogs.engines import pages, web
from catsdogs.engines.pages import make_page, page_text, question, training_facts
from catsdogs.engines.runtime import BINARIES, FILES

OWN = ("onça & cia", "<b>gato</b>")


@pytest.fixture(scope="module")
def own(trained, tmp_path_factory):
    """A folder as a student's models/: the phase 2 checkpoint, of other classes, and its record. Read only."""
    folder = tmp_path_factory.mktemp("own")
    model, metadata = load_checkpoint(trained.models / PHASE2_CHECKPOINT)
    save_checkpoint(model, folder / PHASE2_CHECKPOINT, OWN, {**metadata, "class_names": OWN})
    shutil.copy(trained.models / "run.json", folder)
    return folder


@pytest.fixture
def litert_folder(tmp_path):
    """A page's folder of LiteRT.js, as far as files go."""
    for name in FILES:
        (tmp_path / "litert" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "litert" / name).write_text(name)
    return tmp_path / "litert"


@pytest.fixture
def quick_model(monkeypatch):
    """No model is converted: its description is enough."""
    def export(checkpoint, folder):
        about = {"file": web.MODEL_FILE, "bytes": 5_000_000, "classes": list(read_metadata(checkpoint)["class_names"])}
        (folder / web.ABOUT_FILE).write_text(json.dumps(about))
        return about

    monkeypatch.setattr(web, "export_one", export)


def test_the_page_holds_all_that_it_asks_for(own, litert_folder, quick_model, tmp_path):
    told = []
    made = make_page(tmp_path / "page", own / PHASE2_CHECKPOINT, runtime=litert_folder, say=told.append)
    files = {path.relative_to(tmp_path / "page").as_posix() for path in (tmp_path / "page").rglob("*")
             if path.is_file()}
    scripts = {f"classificador/{path.name}" for path in (pages.HERE / "browser").iterdir()}
    assert files == {"index.html", "estilo.css", "LICENCAS.txt", ".nojekyll", "classificador/modelo.json", *scripts,
                     *(f"classificador/litert/{name}" for name in (*FILES, "LICENSE.txt"))}
    text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    asked = re.findall(r'(?:href|src)="(?!https:|data:)([^"]+)"', text)
    assert len(asked) == 3 and set(asked) <= files
    assert made["bytes"] == sum((tmp_path / "page" / name).stat().st_size for name in files)
    assert len(told) == 3 and all(line.endswith("…") for line in told)


def test_what_others_wrote_is_text(own, litert_folder, quick_model, tmp_path):
    make_page(tmp_path / "page", own / PHASE2_CHECKPOINT, "$title <script>alert(1)</script>\n\"a\"", litert_folder)
    text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "<script>" not in text and "<b>" not in text
    assert "<title>$title &lt;script&gt;alert(1)&lt;/script&gt;\\n&quot;a&quot;</title>" in text
    assert "onça &amp; cia" in text and "&lt;b&gt;gato&lt;/b&gt;" in text


def test_the_policy_allows_only_the_page_itself():
    text = page_text("A", ["a", "b"], 1, None)
    before, _, policy = text.partition('http-equiv="Content-Security-Policy" content="')
    rules = dict(rule.split(" ", 1) for rule in policy.partition('"')[0].split("; "))
    assert rules == {"default-src": "'none'", "script-src": "'self' 'wasm-unsafe-eval'", "style-src": "'self'",
                     "img-src": "'self' data: blob:", "connect-src": "'self'", "worker-src": "blob:",
                     "base-uri": "'none'", "form-action": "'none'"}
    assert "<script" not in before and "<link" not in before
    assert re.findall(r"<script[^>]*>", text) == ['<script defer src="classificador/start.js">']
    assert not re.search(r"\s(on\w+|style)=", text)


def test_a_title_is_the_two_classes_unless_one_is_given():
    assert question(["gato", "cachorro"]) == "Gato ou cachorro?"
    assert question(["ácaro azul", "Zebra"]) == "Ácaro azul ou Zebra?"


def test_the_page_says_how_much_the_first_photo_downloads(own, litert_folder, quick_model, tmp_path):
    (litert_folder / "wasm" / BINARIES[1]).write_bytes(b"x" * 9_000_000)
    make_page(tmp_path / "page", own / PHASE2_CHECKPOINT, runtime=litert_folder)
    assert "cerca de 14 MB" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


# What is known of the training

def test_the_page_tells_the_record_s_numbers(own, trained):
    test = trained.record["phase2"]["test"]
    facts = training_facts(own / PHASE2_CHECKPOINT, read_metadata(own / PHASE2_CHECKPOINT))
    assert facts == {"train": trained.record["sizes"]["train"], "test": test["photos"], "errors": test["errors"]}
    text = page_text("A", ["a", "b"], 1, {"train": 2400, "test": 300, "errors": 2})
    assert "aprendeu com 2.400 fotos. Em outras 300, que não viu no treino, acertou 298 (99,3%)." in text
    assert "aprendeu" not in page_text("A", ["a", "b"], 1, None)


def test_each_phase_has_its_own_test(own, trained, tmp_path):
    """Both come from one training, and stand in one record."""
    record = json.loads((own / "run.json").read_text(encoding="utf-8"))
    for errors, phase in enumerate(("phase1", "phase2")):
        record[phase]["test"]["errors"] = errors
    (tmp_path / "run.json").write_text(json.dumps(record))
    for errors, name in enumerate((PHASE1_CHECKPOINT, PHASE2_CHECKPOINT)):
        facts = training_facts(tmp_path / name, read_metadata(trained.models / name))
        assert facts["errors"] == errors


def another_key(record):
    record["key"] = "other"


def no_test(record):
    del record["phase2"]["test"]


def impossible(record):
    record["phase2"]["test"]["errors"] = 99


def text_for_number(record):
    record["sizes"]["train"] = "muitas"


@pytest.mark.parametrize("change", [another_key, no_test, impossible, text_for_number])
def test_of_a_record_that_is_not_this_model_s_nothing_is_told(own, tmp_path, change):
    record = json.loads((own / "run.json").read_text(encoding="utf-8"))
    change(record)
    (tmp_path / "run.json").write_text(json.dumps(record))
    assert training_facts(tmp_path / PHASE2_CHECKPOINT, read_metadata(own / PHASE2_CHECKPOINT)) is None


@pytest.mark.parametrize("content", [None, "", "[]", "{", "3"])
def test_without_a_record_nothing_is_told(own, tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    assert training_facts(tmp_path / PHASE2_CHECKPOINT, read_metadata(own / PHASE2_CHECKPOINT)) is None


def test_of_a_file_with_another_name_nothing_is_told(own):
    """The record does not say which phase it is."""
    assert training_facts(own / "meu.keras", read_metadata(own / PHASE2_CHECKPOINT)) is None


# Failures

def test_a_folder_with_something_in_it_is_left_alone(own, litert_folder, tmp_path, refused):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("minha")
    assert "não é uma pasta vazia" in refused(make_page, tmp_path / "page", own / PHASE2_CHECKPOINT, "", litert_folder)
    assert (tmp_path / "page" / "index.html").read_text() == "minha"


def test_a_failure_leaves_nothing(own, tmp_path, refused, small_file, litert_folder):
    before = set(tmp_path.iterdir())
    refused(make_page, tmp_path / "page", own / PHASE2_CHECKPOINT, "", tmp_path)  # no LiteRT.js there
    refused(make_page, tmp_path / "page", small_file, "", litert_folder)  # no MobileNetV2 in it
    refused(make_page, tmp_path / "page", tmp_path / "none.keras", "", litert_folder)
    assert set(tmp_path.iterdir()) == before


# The command

def test_command(own, litert_folder, quick_model, tmp_path, capsys):
    arguments = ["--checkpoint", str(own / PHASE2_CHECKPOINT), "--runtime", str(litert_folder)]
    assert main(["page", str(tmp_path / "one"), *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("“Onça & cia ou <b>gato</b>?” (0,1 MB)") and "http.server" in captured.out
    assert "Convertendo" in captured.err
    assert main(["page", str(tmp_path / "two"), *arguments, "--title", "Meu zoo", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["title"] == "Meu zoo" and made["classes"] == list(OWN) and made["training"]["train"] > 0


def test_command_takes_phase_2_by_itself(own, litert_folder, quick_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CATSDOGS_MODELS", str(own))
    assert main(["page", str(tmp_path / "page"), "--runtime", str(litert_folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == list(OWN)


def test_command_without_a_checkpoint_says_what_to_do(tmp_path, capsys):
    assert main(["page", str(tmp_path / "page")]) == 1
    assert "catsdogs train" in capsys.readouterr().err and not (tmp_path / "page").exists()
