"""Where things are written."""

import pytest

from catsdogs.config import images_dir, models_dir, results_dir


@pytest.mark.parametrize("unset", [None, ""])
def test_an_empty_variable_is_as_none(monkeypatch, unset):
    monkeypatch.delenv("CATSDOGS_MODELS")
    usual = models_dir(), images_dir(), results_dir()
    if unset is not None:
        monkeypatch.setenv("CATSDOGS_MODELS", unset)
    assert (models_dir(), images_dir(), results_dir()) == usual
    assert images_dir().parts[-2:] == ("book", "images")
