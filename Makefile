# Everything works from a bare clone: what is missing is installed into .venv first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV PYTHONPATH PYTHONHOME
export PYTHON

BIN := .venv/bin
SOURCES := conftest.py plugins tests dags docs $(wildcard benchmarks)

.PHONY: help install demo up down test lint format docs clean

help:             ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install:          ## Make .venv, with pinned versions
	@.ci/install

demo: install     ## An issue becomes a draft pull request, with a scripted model (APPROVE=1: by itself)
	@$(BIN)/bridle demo

up: install       ## Start PostgreSQL and Airflow here
	@$(BIN)/bridle up

down: install     ## End them; data stays
	@$(BIN)/bridle down

test: install     ## All tests (ARGS=… for pytest)
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --no-loadscope-reorder $(ARGS)

lint: install     ## Style and types
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy

format: install   ## Let ruff write
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

docs: install     ## Bring what docs/ repeat of the code up to date
	@$(BIN)/python docs/generate.py

clean:            ## End the local stack and delete everything that was made
	@if [[ -x $(BIN)/bridle ]]; then $(BIN)/bridle down; fi
	rm -rf .venv .bridle .mypy_cache .ruff_cache .pytest_cache build dist
	find plugins tests dags include -name __pycache__ -type d -prune -exec rm -rf {} +
