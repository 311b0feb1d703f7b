"""What the tests of the studies share."""

import pytest
from helpers import CONFIG


@pytest.fixture(scope="session")
def materials(studied, backbone):
    """The small set, ready for a run. Read only."""
    from catsdogs.pipeline import Materials

    return Materials(CONFIG, studied.photos, studied.split, backbone, studied.maps)
