# Everything runs in .venv, which the first target that needs it sets up.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SEEDS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo study test notebook lint type check docs clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[train,test]"
	@touch $@

demo: $(INSTALLED)  ## warm-start, reinforce and evaluate the built-in model (about ten minutes on two cores)
	$(BIN)/python scripts/demo.py

study: $(INSTALLED)  ## the whole study and its report, a seed in 48 minutes on two cores (SEEDS=3 for three)
	$(BIN)/python scripts/study.py --config configs/study.yaml --seeds $$(seq 0 $$(($(SEEDS) - 1)))

test: $(INSTALLED)  ## run the tests
	$(BIN)/python -m pytest

notebook: $(INSTALLED)  ## run docs/quickstart.ipynb from top to bottom (some minutes)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[notebook]"
	$(BIN)/python -m pytest tests/test_notebook.py -m notebook

lint: $(INSTALLED)  ## ruff and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

type: $(INSTALLED)  ## mypy --strict on rewards and effirl
	$(BIN)/mypy

check: lint type test  ## what a change must pass

docs: $(INSTALLED)  ## build the documentation into site/; a broken link fails
	$(BIN)/python docs/make_configuration.py
	$(BIN)/python docs/make_evaluation.py
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo open site/index.html

clean:  ## remove the environment and caches, keep runs/
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache
