# Two commands do everything: make run, make test. Both set up what they need and are cheap to run again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= sightline-out
INPUT ?=
SAMPLE := $(VENV)/sample
SET_UP := pyproject.toml constraints.txt

.PHONY: run test bench docs lint clean

run: $(VENV)/.run
	@$(BIN)/sightline models fetch
ifeq ($(strip $(INPUT)),)
	@$(BIN)/python scripts/make_sample.py $(SAMPLE)
	@$(BIN)/sightline analyze $(SAMPLE)/astronaut.png $(SAMPLE)/astronaut.mp4 --out "$(OUT)"
else
	@$(BIN)/sightline analyze "$(INPUT)" --out "$(OUT)"
endif

test: $(VENV)/.test
	@bash scripts/system_packages.sh
	@$(BIN)/sightline models fetch --all || echo "some models could not be fetched: the tests that need them are skipped and say so"
	@bash scripts/check.sh

bench: $(VENV)/.bench
	@$(BIN)/sightline models fetch --all || echo "some models could not be fetched: their rows are left out and say so"
	@$(BIN)/python -m benchmarks

docs: $(VENV)/.docs
	@$(BIN)/sightline models fetch
	@$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

lint: $(VENV)/.test
	@bash scripts/check.sh lint

clean:
	rm -rf $(VENV) .venvs docs/_build sightline-out

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sightline needs Python 3.11 or newer: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python $(SET_UP)
	@echo "installing Sightline into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sample]'
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sample,test,docs]'
	@touch $@

$(VENV)/.bench: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sample,bench]'
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sample,docs]'
	@touch $@
