# Every target does all of its own set-up; Python 3.11 or newer is the only thing it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# Who names another BIN, a folder of a Python that has all packages, needs no set-up.
READY := $(if $(filter $(VENV)/bin,$(BIN)),$(VENV)/.ready)
MINUTES ?= 10
JOBS ?= $(shell $(PYTHON) -c 'import os; print(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())' 2>/dev/null)

.PHONY: book paper gpu lab test faults lint html vendor clean help

help: ## say what there is
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/'

book: $(READY) ## the book at quick scale on synthetic records: _build/quick/html
	$(BIN)/python -m ecglib build --scale quick --jobs $(JOBS)

paper: $(READY) ## the book at the paper's scale on LUDB, in place: _build/html
	$(BIN)/python -m ecglib build --scale paper --dataset ludb --jobs $(JOBS)

gpu: $(READY) ## where there is CUDA: its tests, the benchmark, the chapters, set beside the CPU's
	$(BIN)/python3 -m ecglib gpu --minutes $(MINUTES)

html: $(READY) ## render the committed outputs, run nothing: _build/html
	$(BIN)/jupyter-book build . -W -n --keep-going

lab: $(READY) ## JupyterLab on the chapters, which are saved only when asked: to read, run, change
	$(BIN)/jupyter-lab --LabApp.app_settings_dir=$(CURDIR)/_extensions/lab chapters

test: lint book ## all tests, as CI does: lint, the quick book, units, notebooks, Chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder \
		-m "not slow" --nbval-lax --nbval-current-env --nbval-cell-timeout 900 \
		--nbval-sanitize-with tests/nbval-sanitize.cfg tests _build/quick/book/chapters

faults: $(READY) ## the whole campaign of faults, the slow ones too, with counts by area
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --timeout 1800 tests/faults

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

vendor: ## fetch the scripts that the pages load from npm again (needs npm)
	bash vendor/fetch.sh

clean: ## remove what was built, and the environment
	rm -rf _build $(VENV)

$(VENV)/.ready: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@
