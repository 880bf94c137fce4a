# Every step of the continuous integration is a target here, and each target sets up what it needs.
# Wanted on the machine: Python >= 3.11, make, git. No root, nothing pre-installed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header
CODE := shared services tests deploy
DEMO_ARGS ?=
CHAOS_ARGS ?=
MUTANTS_ARGS ?=
FIGURES_ARGS ?=
BENCH_ARGS ?=
INSTRUCTIONS_ARGS ?=
DIR ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup fmt format lint types arch test check demo conformance parse docs lock clean chaos mutants figures bench instructions e2e browser renewals

##@ Start here
help: ## Show every target with what it does
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with the locked, hash-checked dependencies and this project in it

demo: $(STAMP) ## Run the whole path on this machine and audit it; DEMO_ARGS="--followers N --seconds S --once --json"
	$(BIN)/python -m deploy.demo $(DEMO_ARGS)

##@ While you write
fmt: $(STAMP) ## Format the code and apply the safe fixes of the linter
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

docs: $(STAMP) ## Write docs/configuration.md again from the settings classes
	$(BIN)/python -m deploy.configuration

lock: $(STAMP) ## Write both lock files again from pyproject.toml; no registry address gets in
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	@! grep -n '://' requirements.txt requirements-dev.txt

##@ Checks
format: $(STAMP) ## Fail if a file is not formatted
	$(BIN)/ruff format --check $(CODE)

lint: $(STAMP) ## Lint with the rules of pyproject.toml
	$(BIN)/ruff check $(CODE)

types: $(STAMP) ## Check types, strictly, over code and tests
	$(BIN)/mypy

arch: $(STAMP) ## Check the import contracts: floors, purity, blast radius
	$(BIN)/lint-imports

test: $(STAMP) ## Run the suite; PYTEST_ARGS="-k words" narrows it
	$(BIN)/pytest -n 2 --dist worksteal --ignore=tests/e2e $(PYTEST_ARGS)

check: format lint types arch test ## All of the above: what has to pass before anything is merged, with `make e2e`

##@ Prove
e2e: $(STAMP) ## Prove whole ways: rehearsals, bad builds, failovers of clusters and sentinels, renewals, the API's document
	$(BIN)/pytest -n 2 --dist worksteal --ignore=tests/e2e/browser tests/e2e

browser: $(STAMP) ## Walk through the pages in the machine's Chromium; pictures land in build/browser
	$(BIN)/pytest tests/e2e/browser

renewals: $(STAMP) ## Let 20 keepers renew one grant 200 times, and see each renewal made once; three minutes
	RENEWALS=20x200 $(BIN)/pytest -o timeout=1200 tests/e2e/test_single_flight.py

chaos: $(STAMP) ## Run the services under seeded faults and audit them; CHAOS_ARGS="--runs N --seed S --jobs J --json"
	$(BIN)/python -m deploy.chaos $(CHAOS_ARGS)

mutants: $(STAMP) ## Take each protection out of a scratch copy and see its proof fail; MUTANTS_ARGS="--only 'blind resend'"
	$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

figures: $(STAMP) ## Measure how long noticing, taking over and handing over take
	$(BIN)/python -m deploy.chaos.figures $(FIGURES_ARGS)

bench: $(STAMP) ## Measure orders per CPU-second, latency, growth and memory beside rivals; BENCH_ARGS="--quick --no-bars --json"
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

instructions: $(STAMP) ## Count the processor's instructions per order, alike on every run; needs valgrind
	$(BIN)/python -m tests.bench.instructions $(INSTRUCTIONS_ARGS)

##@ Rehearse against others
conformance: $(STAMP) ## Run unmodified OKX clients, each in an environment of its own, against the simulator
	$(BIN)/python tests/conformance/run.py

parse: $(STAMP) ## Read a folder of recorded OKX messages through our parsers: DIR=folder
	@test -n "$(DIR)" || { echo "parse: DIR is empty; expected a folder of OKX messages: make parse DIR=folder" >&2; exit 2; }
	$(BIN)/python -m shared.okx.parse "$(DIR)"

##@ House-keeping
clean: ## Remove everything that can be made again, .venv included
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find shared services deploy tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is newer than the locks only when the environment was made from them, so a changed lock installs again.
$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "setup: $(PYTHON) is $$($(PYTHON) -V 2>&1); expected Python >= 3.11: make PYTHON=python3.11 setup" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
