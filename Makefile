VENV := .venv
BIN := $(VENV)/bin
# Debian's own Python where it will do: it is built for speed, a quarter faster than most that people build.
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys; assert sys.version_info >= (3, 11)' 2>/dev/null && echo /usr/bin/python3 || echo python3)
STAMP := $(VENV)/.ready

.PHONY: help setup run test check bench browser races faults screenshots deadlines lock clean
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## Put everything that Andrum needs into .venv

$(STAMP): requirements-dev.lock pyproject.toml $(shell find frontend -name node_modules -prune -o -type f -print 2>/dev/null)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install -q --disable-pip-version-check uv==0.13.9
	@echo "Installing the packages of requirements-dev.lock ..."
	@$(BIN)/uv pip install -q -p $(BIN)/python --require-hashes -r requirements-dev.lock
	@echo "Building the screens and the expression engine ..."
	@$(BIN)/uv pip install -q -p $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(STAMP)

run: setup ## Start Andrum with demo users and demo cases on http://127.0.0.1:8000
	@ANDRUM_DEMO=$${ANDRUM_DEMO:-1} $(BIN)/andrum serve

test: setup ## Run what every change must pass: style, types, imports, tests on SQLite and PostgreSQL
	@$(MAKE) -s check
	@$(BIN)/pytest -q -n auto --dist worksteal -m "not slow and not browser"

check: setup ## Check style, types and imports
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 3

browser: setup ## Run the browser tests (needs Debian's chromium-headless-shell, or chromium)
	@$(BIN)/pytest -q -n 3 --dist worksteal -m browser tests/browser

races: setup ## Run the longer proofs: double submits, killed workers, long loops, a case in the browser (some minutes)
	@$(BIN)/pytest -q -m slow --ignore=tests/faults --ignore=tests/timers

deadlines: setup ## Run the long proofs of the timers (some twenty minutes; needs Debian's faketime)
	@$(BIN)/pytest -q -m slow tests/timers

faults: setup ## Put mistakes into a copy of the service: a named test must notice each (some minutes)
	@$(BIN)/pytest -q -m slow tests/faults

bench: setup ## Run the benchmarks; prints tables with ratios
	@for each in benchmarks/*.py; do $(BIN)/python $$each || exit 1; done

screenshots: setup ## Take the guides' pictures anew (needs Debian's chromium)
	@$(BIN)/python docs/screenshots.py

access: setup ## Write the map of who may do what
	@$(BIN)/python docs/access.py

lock: setup ## Resolve the dependencies anew
	@$(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock

clean: ## Remove everything that was built, not the data in var
	@rm -rf $(VENV) frontend/node_modules service/web/static/build service/engine/build .mypy_cache .ruff_cache .pytest_cache
