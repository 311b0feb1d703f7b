"""Words and numbers as the reader sees them."""

import pytest

from catsdogs.text import display_name, harmless, integer, markdown_table, number, percent, plain_table


@pytest.mark.parametrize(("given", "shown"), [("cats", "gato"), ("Dogs", "cachorro"), ("Ação", "Ação")])
def test_display_name(given, shown):
    assert display_name(given) == shown


def test_harmless_leaves_what_people_mean():
    assert harmless("a\x1b[31m\x00\r\x9b\ud800") == r"a\x1b[31m\x00\r\x9b\ud800"
    meant = "à\tmão\xa0👩\u200d🔬"
    assert harmless(meant) == meant


def test_what_rounds_to_zero_has_no_sign():
    assert number(-0.00001) == number(-0.0) == "0,0000" and percent(-0.0004) == "0,0%" and number(-3, 0) == "−3"


def test_numbers_are_brazilian():
    assert number(0.98333) == "0,9833" and number(2, 1) == "2,0" and number(-0.5, 2) == "−0,50"
    assert percent(0.98333) == "98,3%" and percent(1, 0) == "100%"
    assert integer(1234567) == "1.234.567" and integer(999) == "999"


def test_markdown_table():
    assert markdown_table(["Nome", "Valor"], [["a", "1"], ["b", "2"]]) \
        == "| Nome | Valor |\n| --- | ---: |\n| a | 1 |\n| b | 2 |"


def test_plain_table_lines_up():
    lines = plain_table(["", "Acurácia"], [["fase 1", "0,9"], ["f", "10,25"]]).splitlines()
    assert lines == ["        Acurácia", "fase 1       0,9", "f          10,25"]
