"""The licences of what runs in a page: every work has a text, with who gave it."""

from pathlib import Path

import pytest

from catsdogs.engines.notices import ENGINE, FILES, LICENCES, LITERT, WEIGHTS, all_notices, licence_file, licence_text

ROOT = Path(__file__).resolve().parents[2]
ENDS = {"Apache": "END OF TERMS AND CONDITIONS", "BSD": "POSSIBILITY OF SUCH DAMAGE.", "MIT": "SOFTWARE.",
        "MPL": "defined by the Mozilla Public License, v. 2.0."}


@pytest.mark.parametrize("kind", FILES)
def test_each_text_is_whole(kind):
    text = licence_file(kind).read_text(encoding="utf-8")
    assert len(text) > 900 and text.rstrip().endswith(ENDS[kind])


def test_no_text_lies_there_for_nothing():
    assert {path.name for path in LICENCES.iterdir()} == set(FILES.values())
    assert {work.text for work in (LITERT, *ENGINE, *WEIGHTS)} == set(FILES)


def test_the_package_s_own_licence_is_the_repository_s():
    """Without the appendix, which tells whose work that is."""
    assert (ROOT / "LICENSE").read_bytes().startswith(licence_file("Apache").read_bytes().rstrip())


@pytest.mark.parametrize("work", [work for work in (*ENGINE, *WEIGHTS) if work.text != "Apache"],
                         ids=lambda work: work.name)
def test_who_gave_a_licence_comes_before_it(work):
    text = licence_text(work)
    assert text.index(work.author) < text.index(licence_file(work.text).read_text(encoding="utf-8")[:30])


def test_a_page_s_notices_name_every_work_and_hold_every_text_once():
    text = all_notices()
    for work in (LITERT, *ENGINE, *WEIGHTS):
        assert all(told in text for told in (work.name, work.licence, work.author, work.source))
    for kind in FILES:
        assert text.count(licence_file(kind).read_text(encoding="utf-8").strip()) == 1
