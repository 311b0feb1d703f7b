"""A head that was trained in a browser, as a whole model for Keras."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from catsdogs.backbone import load_backbone
from catsdogs.checkpoint import save_checkpoint
from catsdogs.config import Config
from catsdogs.errors import CatsdogsError
from catsdogs.quiet import keras
from catsdogs.training import assemble, build_head


def model_of_head(source: str | Path, target: str | Path) -> keras.Model:
    """Put the head that the page *Treine aqui* saved on ImageNet's base, and save both as one checkpoint.

    Args:
        source: the page's JSON file.
        target: the ``.keras`` file to write.

    Returns:
        a model from a photo, pixels 0 to 255, (n, height, width, 3), to softmax probabilities, (n, 2).

    Raises:
        CatsdogsError: the file is not there or is not one of the page's.
    """
    config = Config()
    head, about = _head(Path(source), config)
    backbone = load_backbone(config)
    model = assemble(backbone.base, head, config)
    save_checkpoint(model, Path(target), tuple(about["names"]), {"backbone": backbone.origin, "data": "Treine aqui"})
    return model


def _head(source: Path, config: Config) -> tuple[keras.Model, dict]:
    try:
        about = json.loads(source.read_text(encoding="utf-8"))
        weights = [np.frombuffer(base64.b64decode(each["float32"]), "<f4").reshape(each["shape"])
                   for each in about["weights"]]
        head = build_head(replace(config, head_units=weights[1].size, dropout=about["dropout"]), weights[0].shape[0])
        head.set_weights(weights)
    except OSError as error:
        raise CatsdogsError(f"Não encontrei {source}: baixe a cabeça na página Treine aqui.") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise CatsdogsError(f"{source} não é a cabeça que a página Treine aqui salva: baixe-a de novo.") from error
    return head, about
