# Two commands do everything: make run, make test. Both set up what they need and are cheap to run again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= sightline-out
INPUT ?=
SERVE ?= 1
PORT ?= 8765
DATA ?= sightline-data
SAMPLE := $(VENV)/sample
SET_UP := pyproject.toml constraints.txt
CONSOLE := $(shell git ls-files console 2>/dev/null || find console -type f -not -path '*/node_modules/*')

.PHONY: run test bench docs lint clean

ifeq ($(strip $(INPUT)),)
LOOK_AT := $(SAMPLE)/astronaut.png $(SAMPLE)/astronaut.mp4
else
LOOK_AT := "$(INPUT)"
endif

run: $(VENV)/.run $(if $(filter 0,$(SERVE)),,$(VENV)/.console)
	@$(BIN)/sightline models fetch
ifeq ($(strip $(INPUT)),)
	@$(BIN)/python scripts/make_sample.py $(SAMPLE)
endif
	@$(BIN)/sightline analyze $(LOOK_AT) --out "$(OUT)"
ifneq ($(SERVE),0)
	@$(BIN)/sightline serve $(LOOK_AT) --port $(PORT) --data "$(DATA)"
endif

test: $(VENV)/.test
	@bash scripts/system_packages.sh
	@$(MAKE) --no-print-directory $(VENV)/.console || echo "the console could not be built: its tests are skipped and say so"
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
	rm -rf $(VENV) .venvs docs/_build sightline-out console/node_modules src/sightline/server/console

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sightline needs Python 3.11 or newer: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python $(SET_UP)
	@echo "installing Sightline into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sample,server]'
	@touch $@

$(VENV)/.console: $(VENV)/bin/python $(CONSOLE)
	@command -v npm >/dev/null || { echo "The console needs node and npm (20 or newer) to be built; make run SERVE=0 goes without"; exit 1; }
	@echo "building the console"
	@cd console && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sample,server,cluster,test,docs]'
	@touch $@

$(VENV)/.bench: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sample,server,bench]'
	@touch $@

$(VENV)/.docs: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sample,server,docs]'
	@touch $@
