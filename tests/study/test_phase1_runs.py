"""Phase 1 alone: what GAP and Flatten give the head."""

import numpy as np
import pytest
from helpers import CONFIG, FAST, MEASURED

from catsdogs.study.phase1_runs import flat_features, head_run


@pytest.mark.slow
def test_flatten_gives_the_head_every_position(materials):
    (gap,), (flat,) = (head_run(materials, FAST, pooling) for pooling in ("gap", "flatten"))
    positions = np.prod(materials.backbone.tail.output_shape[1:3])
    units, photos = CONFIG.head_units, len(materials.photos)
    rest = units + 2 * units + 2
    assert gap["parameters"] == 1280 * units + rest and flat["parameters"] == positions * 1280 * units + rest
    assert gap["feature_bytes"] == photos * 1280 * 4 and flat["feature_bytes"] == positions * gap["feature_bytes"]
    assert gap["epochs"] == 1 and set(gap) >= MEASURED


@pytest.mark.slow
def test_the_mean_of_the_flat_features_is_the_pooled_ones(materials):
    flat = flat_features(materials.backbone.tail, materials.maps)
    assert np.allclose(flat.reshape(len(flat), -1, 1280).mean(axis=1), materials.features, atol=1e-5)
