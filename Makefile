# make book: build the book. make test: run every test. Both set up .venv first.

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed

.PHONY: book test lint readme clean

book: $(INSTALLED)
	$(VENV)/bin/python book/build.py

test: $(INSTALLED)
	$(VENV)/bin/python -m pytest

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .

readme: $(INSTALLED)
	$(VENV)/bin/python book/update_readme.py

$(INSTALLED): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

clean:
	rm -rf _build
