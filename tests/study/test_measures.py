"""Measures: which photos a run learns from, and what is counted."""

import numpy as np
import pytest
from helpers import CONFIG, MEASURED, fake_photos

from catsdogs.config import Config
from catsdogs.data import split_photos
from catsdogs.study.measures import measure_parts, split_with_few


def test_few_photos_are_repeated_until_the_epoch_is_as_long_as_before():
    photos, config = fake_photos(100), Config(seed=3)
    whole, few = split_photos(photos, config), split_with_few(photos, config, 20)
    different, times = np.unique(few.train, return_counts=True)
    assert len(few.train) == len(whole.train) and len(different) == 20
    assert times.max() - times.min() <= 1
    assert set(different) <= set(whole.train)
    assert np.bincount(photos.labels[different]).tolist() == [10, 10]
    assert (few.validation == whole.validation).all() and (few.test == whole.test).all()


def test_few_photos_change_with_the_seed_only():
    photos = fake_photos(100)
    one, same, other = (split_with_few(photos, Config(seed=seed), 20).train for seed in (1, 1, 2))
    assert (one == same).all() and set(one) != set(other)


def test_all_photos_are_the_usual_split():
    photos = fake_photos(20)
    assert (split_with_few(photos, CONFIG, None).train == split_photos(photos, CONFIG).train).all()


def test_repeated_photos_count_once_in_the_measures():
    photos = fake_photos(100)
    split = split_with_few(photos, CONFIG, 20)
    right = np.eye(2)[photos.labels]
    right[split.train[0]] = right[split.train[0], ::-1]  # one training photo answered wrongly
    measures = measure_parts(right, photos, split)
    assert set(measures) == MEASURED
    assert measures["train_errors"] == 1 and measures["train_accuracy"] == pytest.approx(0.95)
    assert measures["test_errors"] == 0 and measures["test_auc"] == 1
