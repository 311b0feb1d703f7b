# make book: build the book. make test: run every test. make bench: measure. All set up .venv first.

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed

.PHONY: book test trials bench lint links readme assignment clean

book: $(INSTALLED)
	$(VENV)/bin/python book/build.py

test: $(INSTALLED)
	$(VENV)/bin/python -m pytest

# Thousands of broken files and dozens of killed trainings; `make test` runs a few of each.
trials: $(INSTALLED)
	CATSDOGS_TRIALS=full $(VENV)/bin/python -m pytest tests/test_trials.py

# Options go in BENCH: make bench BENCH="--only prediction --quick"
bench: $(INSTALLED)
	$(VENV)/bin/python benchmarks/run.py $(BENCH)

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .

# Links that lead out of the book, so no page is executed. doi.org leads to publishers, which turn programs away.
links: $(INSTALLED)
	@$(VENV)/bin/sphinx-build -Q -b linkcheck -C -D root_doc=README -D extensions=myst_nb,sphinx_design \
		-D nb_execution_mode=off -D 'exclude_patterns=.*,_build' -D linkcheck_retries=3 \
		-D linkcheck_report_timeouts_as_broken=0 -D 'linkcheck_ignore=https://doi\.org/' \
		. _build/links || { grep -F '[broken]' _build/links/output.txt; false; }

# Student version, solution and autograder, in _build/tarefa.
assignment: $(INSTALLED)
	$(VENV)/bin/catsdogs assignment _build/tarefa

readme: $(INSTALLED)
	$(VENV)/bin/python book/update_readme.py

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("O livro precisa de Python 3.11, 3.12 ou 3.13: use, por exemplo, make PYTHON=python3.12 book.")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

clean:
	rm -rf _build
