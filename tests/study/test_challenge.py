"""The challenge's numbers, and ours beside them."""

from types import SimpleNamespace

import numpy as np

from catsdogs.study import challenge


def test_both_phases_of_ours_stand_after_those_of_the_challenge(monkeypatch):
    texts = []
    monkeypatch.setattr("IPython.display.display", lambda shown: texts.append(shown.data))
    labels = np.array([0, 1, 0, 1])
    materials = SimpleNamespace(photos=SimpleNamespace(labels=labels, class_names=("cats", "dogs")),
                                split=SimpleNamespace(validation=np.array([0, 1]), test=np.array([2, 3])))
    right, wrong = np.eye(2)[labels], 1 - np.eye(2)[labels]
    challenge.mostrar_ao_lado(materials, right, wrong)
    rows = [line.strip("| ").split(" | ") for line in texts[0].splitlines() if line.startswith("|")]
    assert rows[0] == ["Desafio, fase 1", "Desafio, fase 2", "Aqui, fase 1", "Aqui, fase 2"]
    assert ["Validação: acurácia", "0,9833", "0,9933", "1,0000", "0,0000"] in rows
    assert ["Teste: erros", "6", "5", "0", "2"] in rows
    assert "travessão" in texts[0]
