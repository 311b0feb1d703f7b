"""The same two phases on images far from ImageNet: the handwritten digits that scikit-learn ships, odd or even."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from catsdogs.backbone import base_at, cut
from catsdogs.config import Config
from catsdogs.data import Photos, Split
from catsdogs.features import pooled_features, preprocess
from catsdogs.photo import resize_photo
from catsdogs.pipeline import Materials
from catsdogs.quiet import keras
from catsdogs.study.measures import measure_parts
from catsdogs.training import build_head, fine_tune, tail_and_head, train_head

ORIGIN = "1.797 dígitos escritos à mão, do scikit-learn (load_digits)"
SIZE = 96
VALIDATION, TEST = 200, 600


def digit_images() -> tuple[np.ndarray, np.ndarray]:
    """The digits as photos: uint8 (1797, 8, 8, 3), 0 to 255, and which digit each is, int64 (1797,)."""
    digits = load_digits()
    grey = np.round(digits.images * 255 / 16).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1), digits.target


def digits_run(materials: Materials, config: Config) -> list[dict]:
    """Both phases on the digits at ``SIZE`` px, with a split of ``config.seed``.

    Returns:
        a row per phase, with ``phase``.
    """
    images, digits = digit_images()
    names = tuple(map(str, range(len(digits))))
    photos = Photos(names, (digits % 2).astype(np.int32), names, ("par", "ímpar"), ORIGIN, None)
    rest, test = train_test_split(np.arange(len(digits)), test_size=TEST, stratify=digits, random_state=config.seed)
    train, validation = train_test_split(rest, test_size=VALIDATION, stratify=digits[rest], random_state=config.seed)
    split = Split(np.sort(train), np.sort(validation), np.sort(test))

    keras.utils.clear_session()
    trunk, tail = cut(base_at(materials.backbone.base, SIZE), config.unfrozen_layers)
    maps = trunk.predict(preprocess(np.stack([resize_photo(image, SIZE) for image in images])), verbose=0)
    features = pooled_features(tail, maps)

    keras.utils.set_random_seed(config.seed)
    head = build_head(config)
    first = train_head(head, features, photos.labels, split, config)
    before = tail_and_head(tail, head).predict(maps, verbose=0)
    second = fine_tune(tail, head, maps, photos.labels, split, config)
    after = tail_and_head(tail, head).predict(maps, verbose=0)
    return [{"phase": number, "source": ORIGIN, "images": len(digits), "epochs": len(phase.history["loss"]),
             **measure_parts(answers, photos, split)}
            for number, phase, answers in ((1, first, before), (2, second, after))]
