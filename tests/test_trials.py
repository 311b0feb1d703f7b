"""Many trials of chance faults: broken photo files, and processes killed or interrupted at any moment.

``make test`` and ``make long`` run a few of each; ``make trials`` runs them all. A seed is printed with each failure.
"""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import CONFIG, FULL, assert_sentence, heed_ctrl_c, new_process, run_on_disk, whole_photos, zipped
from kept import kept
from trial_runs import run_download, run_training

from catsdogs.checkpoint import load_checkpoint
from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, RECORD_FILE
from catsdogs.errors import CatsdogsError
from catsdogs.photo import decode_photo, read_photo, resize_photo
from catsdogs.predict import Classifier

BROKEN_FILES = 10_000 if FULL else 400
KILLED_TRAININGS = 56 if FULL else 2
KILLED_DOWNLOADS = 50 if FULL else 4
INTERRUPTIONS = 20 if FULL else 2
WRITTEN = [PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, RECORD_FILE, "images/curves_freeze.png"]  # in this order
PAGE = 4096  # what a memory disk gives out at once
GOES_ON = "o comando seguinte continua e termina com os mesmos pesos"
needs_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")


# Photo files with chance damage. A fuzzer that follows the covered lines would see none of Pillow's, which are in C.

def damaged(content: bytes, chance: random.Random) -> bytes:
    """A file with one to four pieces changed, lost, repeated, inserted or cut off, most often near its start."""
    content = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = int(len(content) * chance.random() ** 2)
        length = chance.choice([1, 1, 2, 4, 16, 200])
        change = chance.randrange(5)
        if change == 0:
            content[at:at + length] = chance.randbytes(length)
        elif change == 1:
            del content[at:at + length]
        elif change == 2:
            content[at:at] = content[at:at + length]
        elif change == 3:
            content[at:at] = chance.choice([b"\x00", b"\xff", chance.randbytes(1)]) * length
        else:
            del content[at:]
    return bytes(content)


@pytest.mark.fault("Fotos", "estragadas ao acaso, em cinco tipos de arquivo, ao conferir",
                   "lidas, ou uma frase por arquivo")
def test_a_damaged_photo_is_read_or_refused_with_a_sentence(tmp_path, record_property):
    whole, read, refused = list(whole_photos().values()), 0, 0
    path = tmp_path / "foto.jpg"
    for seed in range(BROKEN_FILES):
        chance = random.Random(seed)
        path.write_bytes(damaged(chance.choice(whole), chance))
        try:
            pixels = read_photo(path)
        except CatsdogsError as error:
            assert_sentence(error)
            refused += 1
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
        else:
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, seed
            read += 1
    assert read and refused  # the damage is neither harmless nor total
    record_property("trials", BROKEN_FILES)


@pytest.mark.slow
@pytest.mark.fault("Fotos", "estragadas ao acaso, em cinco tipos de arquivo, ao classificar",
                   "resposta, ou uma frase por arquivo; as outras seguem")
def test_damaged_photos_do_not_stop_a_folder_from_being_answered(tmp_path, trained_here, record_property):
    """An answer is given for what the loader reads, and is the one for those very pixels."""
    whole = whole_photos()
    paths = []
    for seed in range(BROKEN_FILES):
        chance = random.Random(f"folder {seed}")
        paths.append(tmp_path / f"{seed:05}.png")
        paths[-1].write_bytes(damaged(chance.choice(list(whole.values())), chance))
    classifier = Classifier(trained_here.models / PHASE2_CHECKPOINT)
    answers, given, read = list(classifier.predict_all(paths)), [], []
    assert [answer.path for answer in answers] == paths
    for answer in answers:
        try:
            pixels = decode_photo(answer.path.read_bytes(), "a")
        except CatsdogsError:
            assert answer.error and not answer.probabilities
        else:
            assert not answer.error
            given.append(list(answer.probabilities.values()))
            read.append(resize_photo(pixels, CONFIG.image_size))
    expected = load_checkpoint(trained_here.models / PHASE2_CHECKPOINT)[0].predict(np.stack(read), verbose=0)
    np.testing.assert_allclose(given, expected, atol=1e-4)
    assert np.ptp(expected[:, 0]) > 0.1  # another photo's answer would be noticed
    record_property("trials", BROKEN_FILES)


# Processes killed at any moment

@pytest.fixture(scope="module")
def training(tmp_path_factory, photo_folder, weights_file):
    """``start`` trains in a folder; ``expected`` and ``stages`` are those of an undisturbed training."""
    source = zipped(photo_folder, tmp_path_factory.mktemp("source") / "fotos.zip")

    def start_training(folder, *when):
        return new_process(run_training, folder, source, weights_file, *when)

    def undisturbed(folder):
        finish(start_training(folder / "place"))

    calm = kept("calm", undisturbed) / "place"
    stages = json.loads(calm.with_suffix(".json").read_text())
    return SimpleNamespace(start=start_training, expected=outcome(calm), stages=stages,
                           trunks=calm / "cache" / "trunks")


def finish(process) -> None:
    """Wait for a process that must succeed."""
    process.join()
    assert process.exitcode == 0


def outcome(folder) -> dict:
    """What a training leaves: the weights of both checkpoints and the figures, and the record without its date."""
    weights = {}
    for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT):
        with zipfile.ZipFile(folder / "models" / name) as archive:
            weights[name] = archive.read("model.weights.h5")
    record = json.loads((folder / "models" / RECORD_FILE).read_text(encoding="utf-8"))
    figures = {path.name: path.read_bytes() for path in sorted((folder / "models" / "images").glob("[!.]*"))}
    return {**weights, **figures, "record": {key: value for key, value in record.items() if key != "date"}}


@pytest.mark.long
@pytest.mark.fault("Processos", "dois treinos ao mesmo tempo, na mesma pasta", "terminam iguais")
def test_two_trainings_in_one_place_end_alike(tmp_path, training):
    if not FULL:  # converting the trunk takes most of the time
        shutil.copytree(training.trunks, tmp_path / "place" / "cache" / "trunks")
    both = [training.start(tmp_path / "place") for _ in range(2)]
    for process in both:
        finish(process)
    assert outcome(tmp_path / "place") == training.expected


STAGES = {"photos": "ao descompactar as fotos", "index": "ao gravar o índice", "trunks": "ao converter o tronco",
          "activations": "na extração", "mobilenetv2_feature_extractor": "na fase 1 ou ao gravar seu checkpoint",
          "mobilenetv2_finetuned": "na fase 2 ou ao gravar seu checkpoint", "run": "ao gravar o registro",
          "images": "ao gravar as figuras"}


@pytest.mark.long
def test_a_training_touches_the_disk_at_every_stage(training):
    assert set(STAGES) <= set(training.stages)


@pytest.mark.long
@needs_sigkill
@pytest.mark.fault("Processos", "treino morto (SIGKILL) em qualquer etapa, da descompactação ao registro", GOES_ON)
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, training, record_property):
    """Killed at, or up to two seconds after, a touch of the disk, each stage as often as any other."""
    died = 0
    for seed in range(KILLED_TRAININGS):
        chance, folder = random.Random(seed), tmp_path / "place"
        wanted = list(STAGES)[seed % len(STAGES)] if FULL else chance.choice(list(STAGES))
        kill_at = chance.choice([at for at, stage in enumerate(training.stages) if stage == wanted])
        if wanted != "trunks":  # which takes most of the time
            shutil.copytree(training.trunks, folder / "cache" / "trunks")
        process = training.start(folder, kill_at, chance.choice([0, 0.002, 0.02, chance.uniform(0, 2)]))
        process.join()
        died += process.exitcode == -signal.SIGKILL
        finish(training.start(folder))
        assert outcome(folder) == training.expected, f"seed {seed}"
        shutil.rmtree(folder)
    assert died >= 0.8 * KILLED_TRAININGS  # the others had ended by then
    record_property("trials", died)


@pytest.mark.slow
@needs_sigkill
@pytest.mark.fault("Processos", "download morto (SIGKILL) a qualquer momento", "o seguinte recomeça; nada pela metade")
def test_a_killed_download_leaves_no_half_file(tmp_path, serve, record_property):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.bin", random.Random(0).randbytes(3_000_000))
    whole, target = content.getvalue(), tmp_path / "downloads" / "photos.zip"

    def slowly(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(whole)))
        request.end_headers()
        for at in range(0, len(whole), 30_000):
            request.wfile.write(whole[at:at + 30_000])
            time.sleep(0.003)

    url, requests = serve(slowly)
    for seed in range(KILLED_DOWNLOADS):
        asked = len(requests)
        process = new_process(run_download, url, target)
        while len(requests) == asked:
            assert process.is_alive()
            time.sleep(0.005)
        time.sleep(random.Random(seed).uniform(0, 0.4))
        process.kill()
        process.join()
        assert not target.exists() or target.read_bytes() == whole, f"seed {seed}"
        target.unlink(missing_ok=True)
    finish(new_process(run_download, url, target))
    assert target.read_bytes() == whole
    record_property("trials", KILLED_DOWNLOADS)


# Ctrl+C

@pytest.mark.long
@pytest.mark.fault("Processos", "Ctrl+C em qualquer momento do treino ou da predição",
                   "uma linha, sem a pilha de chamadas")
@pytest.mark.skipif(os.name == "nt", reason="another kind of signal on Windows")
def test_ctrl_c_at_any_moment_ends_with_one_line(tmp_path, photo_folder, weights_file, trained_here, record_property):
    commands = [["train", "--data", str(photo_folder), "--weights", str(weights_file), "--image-size", "96", "--json"],
                ["predict", str(photo_folder / "cats"), "--json"]]
    environment = {**os.environ, "CATSDOGS_CACHE": str(tmp_path / "cache"), "CATSDOGS_MODELS": str(tmp_path / "models")}
    shutil.copytree(trained_here.models, tmp_path / "models")
    interrupted = 0
    for seed in range(INTERRUPTIONS):
        command = commands[seed % 2]
        process = subprocess.Popen([sys.executable, "-m", "catsdogs", *command], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   preexec_fn=heed_ctrl_c)
        # Not in the first moments, when Python itself starts. It ends by the signal, which shells show as 130 too, if
        # that came while a text was executed, as libraries do when they are imported.
        time.sleep(random.Random(seed).uniform(0.5, 12 if seed % 2 == 0 else 4))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
        assert process.returncode in (0, 130, -signal.SIGINT), f"seed {seed}: {told}"
        assert "Traceback" not in told and "Exception" not in told, f"seed {seed}: {told}"
        if process.returncode:
            interrupted += 1
            assert_sentence(told.strip().splitlines()[-1])
    assert interrupted
    record_property("trials", interrupted)


# Where nothing can be written

@pytest.mark.slow
@pytest.mark.fault("Disco", "pasta pessoal só de leitura", "prediz; o treino diz o que fazer, em uma frase")
@pytest.mark.parametrize("command", ["predict", "train"])
def test_a_home_that_cannot_be_written(tmp_path, photo_folder, weights_file, small_file, command):
    (tmp_path / "models").mkdir()
    shutil.copy(small_file, tmp_path / "models" / PHASE2_CHECKPOINT)
    arguments = {"predict": [photo_folder / "cats" / "000.jpg"],
                 "train": ["--data", photo_folder, "--weights", weights_file, "--image-size", "96"]}[command]
    home = str(tmp_path / "disk")
    ran = run_on_disk(tmp_path, "ro", "-m", "catsdogs", command, *arguments, HOME=home, KERAS_HOME=home,
                      CATSDOGS_CACHE="", CATSDOGS_MODELS=str(tmp_path / "models"))
    assert "Traceback" not in ran.stderr
    if command == "predict":
        assert ran.returncode == 0 and "%" in ran.stdout, ran.stderr
    else:
        assert ran.returncode == 1
        assert "CATSDOGS_CACHE" in assert_sentence(ran.stderr.strip().splitlines()[-1])


# Trains on a disk of its own for each name → bytes, where there is an older file of that name.
TRAIN_AND_LOOK = f"""if True:
    import contextlib, io, json, os, subprocess, sys
    from pathlib import Path
    from catsdogs.cli import main
    rooms, command = map(json.loads, sys.argv[1:])
    found = {{}}
    for number, (what, room) in enumerate(rooms.items()):
        os.mkdir(str(number))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={{room}}", "none", str(number)], check=True)
        os.chdir(str(number))
        Path(what).parent.mkdir(exist_ok=True)
        Path(what).write_text("o anterior")
        with contextlib.redirect_stderr(io.StringIO()) as told:
            code = main(command)
        there = [name for name in {WRITTEN} if Path(name).exists()]
        found[what] = code, told.getvalue(), Path(what).read_text(errors="replace"), there
        os.chdir("..")
    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def on_full_disks(tmp_path_factory, photo_folder, weights_file, trained):
    """What trainings left where there is room for all that is written before a file, and for a part of it."""
    pages = {name: -(-(trained.models / name).stat().st_size // PAGE) for name in WRITTEN}
    rooms = {what: PAGE * (1 + sum(pages[name] for name in WRITTEN[:WRITTEN.index(what)]) + (pages[what] - 1) // 2)
             for what in WRITTEN}  # 1: "o anterior"
    command = ["train", "--data", str(photo_folder), "--weights", str(weights_file), "--image-size", "96", "--epochs",
               "1", "--fine-tune-epochs", "1", "--unfrozen-layers", "3"]
    ran = run_on_disk(tmp_path_factory.mktemp("full"), "size=1000000", "-c", TRAIN_AND_LOOK, json.dumps(rooms),
                      json.dumps(command), CATSDOGS_CACHE=str(trained.cache), CATSDOGS_MODELS=".")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.long
@pytest.mark.fault("Disco", "o disco enche ao gravar checkpoint, registro ou figura",
                   "uma frase; o arquivo anterior fica inteiro")
@pytest.mark.parametrize("what", WRITTEN)
def test_a_full_disk_where_results_are_written(on_full_disks, what):
    code, told, content, there = on_full_disks[what]
    assert (code, content, there) == (1, "o anterior", WRITTEN[:WRITTEN.index(what) + 1])
    assert "disco" in assert_sentence(told.strip().splitlines()[-1]) and "Traceback" not in told


def test_what_killed_and_interrupted_runs_left_does_not_pile_up(tmp_path):
    """Only folders of temporary files a day old go; a younger one may belong to a process at work."""
    from catsdogs.files import atomic_path

    for name, days in (("old", 2), ("new", 0)):
        (tmp_path / f".a.bin-{name}").mkdir()
        when = time.time() - days * 86_400
        os.utime(tmp_path / f".a.bin-{name}", (when, when))
    with atomic_path(tmp_path / "a.bin") as temporary:
        temporary.touch()
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin", ".a.bin-new"}
