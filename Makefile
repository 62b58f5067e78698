# Everything that is run here is run through this file; `.ci/run` calls the same targets.
# One environment, .venv; each target adds what it needs, once, and again when pyproject.toml changes.

PYTHON ?= python3
# A version with a CPU build; any torch of the range in pyproject.toml will do.
TORCH ?= torch==2.13.0
PYTEST_ARGS ?=
BENCH_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
AZURITE := build/azurite
# pip knows folders of local wheels that uv has to be told of.
INSTALL = UV_FIND_LINKS="$$($(BIN)/python -m pip config get global.find-links 2>/dev/null | paste -sd, -)" \
	$(BIN)/uv pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast stress lint format docs bench clean

help:
	@echo "make setup      an environment with the package itself"
	@echo "make demo       the main job on real data: cache, train, kill, resume, compare"
	@echo "make test       all tests, every real component included"
	@echo "make test-fast  the tests that take under two seconds each"
	@echo "make stress     hundreds of kills and long random runs"
	@echo "make lint       style, types, layers, docs"
	@echo "make format     rewrites the code in the house layout"
	@echo "make docs       the documentation, in build/site"
	@echo "make bench      the benchmarks, beside their peers"
	@echo "make clean      removes whatever these targets made"

setup: $(VENV)/.core

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

test: $(VENV)/.test $(AZURITE)/.installed
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-fast: $(VENV)/.test $(AZURITE)/.installed
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

stress: $(VENV)/.test
	$(BIN)/python -m pytest -m stress $(PYTEST_ARGS)

lint: $(VENV)/.test $(VENV)/.docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/.core
	$(BIN)/python -m benchmarks.run $(BENCH_ARGS)

clean:
	rm -rf $(VENV) .bench build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip resolves slowly, and Debian's own refuses to run outside an environment: it installs uv in
# the environment, and uv does the rest.
$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "headrace needs Python 3.11 or newer, got: $$($(PYTHON) --version 2>&1)."; \
		echo "Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make an environment: its venv or ensurepip module is missing."; \
		echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	@touch $@

$(VENV)/.core: $(VENV)/.uv pyproject.toml
	$(INSTALL) -e .
	@touch $@

$(VENV)/.demo: $(VENV)/.uv pyproject.toml
	$(INSTALL) -e ".[demo]"
	@touch $@

$(VENV)/.test: $(VENV)/.uv pyproject.toml
	$(INSTALL) -e ".[test,demo]" "$(TORCH)"
	@touch $@

# The Azure server of the tests. Where there is no npm, the one beside Python does it.
$(AZURITE)/.installed: tests/servers/package.json | $(VENV)/.test
	@mkdir -p $(AZURITE)
	cp $< $(AZURITE)/package.json
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm install --prefix $(AZURITE) --loglevel=error --no-package-lock \
		--omit=dev --ignore-scripts --no-audit --no-fund
	@touch $@

$(VENV)/.docs: $(VENV)/.uv pyproject.toml
	$(INSTALL) -e ".[docs]"
	@touch $@
