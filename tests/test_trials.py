"""Many trials of chance faults: broken photo files, and processes killed at any moment.

``make test`` runs a few of each; ``make trials`` runs them all. A seed is printed with each failure.
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

import numpy as np
import pytest
from helpers import assert_sentence, photo_pixels
from PIL import Image

from catsdogs.config import PHASE1_CHECKPOINT, PHASE2_CHECKPOINT, RECORD_FILE
from catsdogs.errors import CatsdogsError
from catsdogs.photo import read_photo
from catsdogs.predict import Classifier

FULL = os.environ.get("CATSDOGS_TRIALS") == "full"
BROKEN_FILES = 10_000 if FULL else 400
KILLS = 50 if FULL else 1


# Photo files with chance damage

def originals() -> list[bytes]:
    """Whole files of every kind that is read."""
    photo = Image.fromarray(photo_pixels(0, 1, 60, 44))
    exif = Image.Exif()
    exif[0x0112] = 6
    saved = [(photo, "JPEG", {"exif": exif}), (photo.convert("L"), "JPEG", {}), (photo.convert("CMYK"), "JPEG", {}),
             (photo, "JPEG", {"progressive": True}), (photo, "PNG", {}), (photo.convert("P"), "PNG", {}),
             (photo.convert("RGBA"), "PNG", {}), (photo.convert("I;16"), "PNG", {}), (photo, "WEBP", {}),
             (photo, "WEBP", {"save_all": True, "append_images": [photo.rotate(90)]}), (photo, "BMP", {}),
             (photo.convert("P"), "GIF", {})]
    files = []
    for image, kind, options in saved:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        files.append(buffer.getvalue())
    return files


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


@pytest.mark.filterwarnings("ignore:Tag data larger than file")
def test_a_damaged_photo_is_read_or_refused_with_a_sentence(tmp_path):
    whole, read, refused = originals(), 0, 0
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
    print(f"{read} read, {refused} refused of {BROKEN_FILES}")
    assert read and refused  # the damage is neither harmless nor total


def test_damaged_photos_do_not_stop_a_folder_from_being_answered(tmp_path, trained_here):
    whole = originals()
    paths = []
    for seed in range(BROKEN_FILES // 10):
        chance = random.Random(f"folder {seed}")
        paths.append(tmp_path / f"{seed:05}.png")
        paths[-1].write_bytes(damaged(chance.choice(whole), chance))
    answers = list(Classifier(trained_here.models / PHASE2_CHECKPOINT).predict_all(paths))
    assert [answer.path for answer in answers] == paths
    for answer in answers:
        assert bool(answer.error) != bool(answer.probabilities)
        assert not answer.probabilities or abs(sum(answer.probabilities.values()) - 1) < 1e-4


# Processes killed at any moment

TRAIN = """
import sys
from dataclasses import replace
from catsdogs.config import Config
from catsdogs.pipeline import prepare, train
config = Config(image_size=96, head_epochs=4, head_learning_rate=1e-3, fine_tune_epochs=2, fine_tune_learning_rate=1e-4)
train(prepare(config, sys.argv[1], sys.argv[2]), say=lambda line: None)
"""


def start_training(folder, photo_folder, weights_file) -> subprocess.Popen:
    """A training of the small photos that keeps everything below ``folder``."""
    environment = {**os.environ, "CATSDOGS_CACHE": str(folder / "cache"), "CATSDOGS_MODELS": str(folder / "models")}
    return subprocess.Popen([sys.executable, "-c", TRAIN, str(photo_folder), str(weights_file)], env=environment,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def outcome(folder) -> dict:
    """What a training leaves: the weights of both checkpoints, byte for byte, and the record without its date."""
    weights = {}
    for name in (PHASE1_CHECKPOINT, PHASE2_CHECKPOINT):
        with zipfile.ZipFile(folder / "models" / name) as archive:
            weights[name] = archive.read("model.weights.h5")
    record = json.loads((folder / "models" / RECORD_FILE).read_text(encoding="utf-8"))
    return {**weights, "record": {key: value for key, value in record.items() if key != "date"}}


@pytest.fixture(scope="module")
def calm(tmp_path_factory, photo_folder, weights_file):
    """What an undisturbed training leaves, and how many seconds it took."""
    folder = tmp_path_factory.mktemp("calm")
    began = time.monotonic()
    assert start_training(folder, photo_folder, weights_file).wait() == 0
    return outcome(folder), time.monotonic() - began


def test_two_trainings_in_one_place_end_alike(tmp_path, photo_folder, weights_file, calm):
    both = [start_training(tmp_path, photo_folder, weights_file) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert outcome(tmp_path) == calm[0]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, photo_folder, weights_file, calm):
    expected, lasted = calm
    for seed in range(KILLS):
        folder = tmp_path / "killed"
        process = start_training(folder, photo_folder, weights_file)
        # Most of the time goes to starting Python: what matters comes after it.
        time.sleep(random.Random(seed).uniform(0.3, 1) * lasted)
        process.kill()
        process.wait()
        assert start_training(folder, photo_folder, weights_file).wait() == 0, f"seed {seed}"
        assert outcome(folder) == expected, f"seed {seed}"
        shutil.rmtree(folder)
