# make book: build the book. make check: lint, and run the fast tests. make test: run the tests. make bench: measure.
# All set up .venv first.

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check

# One process per core, up to four, each with a few gigabytes of its own; a file's tests share what is costly. In the
# order of conftest.py: xdist's own, by the number of tests, would leave slow ones for the end.
PYTEST := $(VENV)/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: book rehearsal check test long notebooks trials bench lint links readme assignment lock sbom clean

book: $(INSTALLED)
	$(VENV)/bin/python book/build.py

# The book in its quick form, which the tests look at: few photos, few epochs, and the exercises' solutions.
rehearsal: $(INSTALLED)
	$(VENV)/bin/python book/build.py --quick --out _build/rehearsal

# Before each change goes in: the linter, and the tests that take moments and need neither site nor browser.
check: lint
	$(PYTEST) -m "not slow"

test: rehearsal
	$(PYTEST) -m "not long"

# What takes minutes by itself: pages in another order and in an environment like Colab's, trainings that are killed.
long: rehearsal
	$(PYTEST) -m long

# Each chapter alone under nbval, the solutions of its exercises included.
notebooks: $(INSTALLED)
	$(PYTEST) --dist load tests/nbval_pages.py

# Every fault that the tests cause, at full length, for the page Bastidores; `make test` runs a few trials of each.
trials: $(INSTALLED)
	CATSDOGS_TRIALS=full $(VENV)/bin/python -m pytest -m fault

# Options go in BENCH: make bench BENCH="--only prediction --quick"
bench: $(INSTALLED)
	$(VENV)/bin/python benchmarks/run.py $(BENCH)

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/python book/lint_javascript.py

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

# requirements.txt from requirements.in, for every system and Python that the book accepts. Versions stay as they are,
# unless LOCK=--upgrade or LOCK="--upgrade-package NAME" says otherwise. Only wheels: building one would download what has
# no hash.
lock:
	pipx run uv==0.13.9 pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--only-binary :all: --emit-build-options --no-annotate --custom-compile-command "make lock" $(LOCK) \
		requirements.in --output-file requirements.txt

# The parts of the book's environment and of the page Experimente, as CycloneDX lists in _build/sbom.
sbom:
	mkdir -p _build/sbom
	pipx run --spec cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.txt --output-file _build/sbom/python.json
	npm sbom --prefix book/web --package-lock-only --sbom-format cyclonedx > _build/sbom/npm.json

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("O livro precisa de Python 3.11, 3.12 ou 3.13: use, por exemplo, make PYTHON=python3.12 book.")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --requirement requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf _build
