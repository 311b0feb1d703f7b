"""The texts of the licences that go into the site."""

import pytest
from book_licences import PARTS, licence_text

WORDS = {"MIT": "Permission is hereby granted", "BSD": "Redistributions in binary form must reproduce",
         "MPL": "Mozilla Public License Version 2.0", "OFL": "SIL OPEN FONT LICENSE", "Apache": "Apache License"}
USUAL = [part for part in PARTS if part.text in WORDS]


@pytest.mark.parametrize("part", USUAL, ids=lambda part: part.slug)
def test_a_usual_licence_is_told_whole_with_who_gave_it(part):
    text = licence_text(part)
    assert WORDS[part.text] in text and len(text) > 900
    if part.text != "Apache":  # the others are a text for each author
        assert text.index(part.author) < text.index(WORDS[part.text])


def test_no_two_parts_share_a_file():
    assert len({part.slug for part in PARTS}) == len(PARTS)
