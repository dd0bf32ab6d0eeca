# Two commands for a stranger: make run, make test. Each makes the virtual environment itself.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Tests that start, interrupt and kill processes have the machine to themselves.
ALONE = tests/cli/test_cli_interrupts.py tests/cli/test_cli_toys.py tests/cli/test_simulate.py \
	tests/processors/test_runner.py tests/recipes/test_chain.py \
	tests/studies/test_study_kills.py tests/studies/test_study_run.py

.PHONY: run test test-slow test-minimums test-browser lint types bench docs clean

run: $(VENV)/run-ready  ## install, then run the main job on the embedded sample
	$(BIN)/emusym run --overwrite

test: $(VENV)/test-ready lint types  ## install, then check style and types and run the tests but the long ones
	$(BIN)/python -m pytest -n 2 --dist loadscope $(ALONE:%=--ignore=%)
	$(BIN)/python -m pytest $(ALONE)

test-slow: $(VENV)/test-ready  ## install, then run the long tests, which make test leaves out
	$(BIN)/python -m pytest -m slow -n 2 --dist loadscope $(ALONE:%=--ignore=%)
	$(BIN)/python -m pytest -m slow $(ALONE)

test-minimums:  ## the tests with the lowest versions that pyproject.toml allows, in .venv-minimums
	$(PYTHON) -m venv .venv-minimums
	.venv-minimums/bin/python -m pip --disable-pip-version-check install --quiet uv
	.venv-minimums/bin/uv pip install --quiet --python .venv-minimums/bin/python \
		--resolution lowest-direct --editable '.[test]'
	.venv-minimums/bin/python -m pytest -n 2 --dist loadscope $(ALONE:%=--ignore=%)
	.venv-minimums/bin/python -m pytest $(ALONE)

test-browser: $(VENV)/test-ready  ## a report in headless Chromium, which must be installed; pictures are kept
	EMUSYM_PICTURES=$(CURDIR)/build/browser $(BIN)/python -m pytest -m browser tests/report

lint: $(VENV)/test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test-ready
	$(BIN)/python tests/type_check.py

bench: $(VENV)/test-ready  ## the benchmarks, which print ratios to a peer or the plain way
	$(BIN)/python -m pytest -o addopts= -s tests/benchmarks

docs: $(VENV)/docs-ready  ## install, then build the book, its notebooks executed: docs/_build/html
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf $(VENV) .venv-minimums build dist docs/_build emusym.egg-info emusym-output

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run-ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	touch $@

$(VENV)/test-ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[test]'
	touch $@ $(VENV)/run-ready

$(VENV)/docs-ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[docs]'
	touch $@ $(VENV)/run-ready
