"""What the tests of the studies share."""

import sys

import pytest
from helpers import CONFIG


@pytest.fixture(scope="session")
def materials(studied, backbone):
    """The small set, ready for a run. Read only."""
    from catsdogs.pipeline import Materials

    return Materials(CONFIG, studied.photos, studied.split, backbone, studied.maps)


@pytest.fixture(autouse=True)
def uncompiled(request):
    """Training steps run as they stand: to compile a tail's takes longer than the few steps of these tests."""
    if "tensorflow" not in sys.modules or request.node.get_closest_marker("compiled"):
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
