"""The linter of the book's scripts: run with npm, skipped without it, never skipped where everything must be there."""

import subprocess
from types import SimpleNamespace

import lint_javascript
import pytest


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_npm_a_line_says_that_it_was_skipped(monkeypatch, capsys, ci, code):
    monkeypatch.setattr(lint_javascript, "installed_packages", lambda folder: None)
    monkeypatch.setenv("CI", ci)
    assert lint_javascript.main() == code
    assert capsys.readouterr().out.splitlines() == [
        "O npm não está à mão: o estilo do JavaScript não foi conferido."]


@pytest.mark.parametrize("code", [0, 1])
def test_the_installed_linter_has_the_last_word(monkeypatch, tmp_path, code):
    program = tmp_path / ".bin" / "biome"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setattr(lint_javascript, "installed_packages", lambda folder: tmp_path)
    answers = {(str(program), "lint", "--error-on-warnings"): SimpleNamespace(returncode=code)}
    monkeypatch.setattr(subprocess, "run", lambda command, cwd: answers[tuple(command)])
    assert lint_javascript.main() == code
