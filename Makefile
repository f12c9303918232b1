# What a person types. Everything runs in .venv, which the first target makes from nothing but Python.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: demo test test-all lint clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python samples/demo.py

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -m 'not slow'

test-all: lint
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest

clean:
	rm -rf .venv demo out build dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
