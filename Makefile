# Two commands matter: `make demo` and `make test`. Each sets up what it needs on a bare machine with Python 3.11+.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WEB_SOURCES := $(shell find web/src web/public -type f 2>/dev/null) $(wildcard web/*.html web/*.json web/*.ts web/*.mjs web/.npmrc)

.DEFAULT_GOAL := help

help: ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/installed.stamp web/dist/built.stamp ## Install what is locked into .venv and build the browser page

$(VENV)/installed.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Scoregraph needs Python 3.11 or newer; set PYTHON=… to one."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

web/dist/built.stamp: $(WEB_SOURCES) $(VENV)/installed.stamp
	@PATH="$(abspath $(BIN)):$$PATH" PYTHON=$(abspath $(BIN))/python scripts/build-web
	@touch $@

demo: setup ## Start everything with a year of synthetic data on http://127.0.0.1:8005 (FLAGS="--port 9000 …")
	@exec $(BIN)/scoregraph demo $(FLAGS)

# Most of what tests do is waiting for servers, so there are more processes than cores; each has servers of its own.
test: setup ## Run all tests on embedded PostgreSQL and Valkey (ARGS="-n 0 -k name …")
	@scripts/install-browser
	@exec $(BIN)/python -m pytest -n 4 --dist loadfile $(ARGS)

check: setup ## Lint, types, import contracts, fresh generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/scoregraph schema --check schema/schema.graphql

lock: ## Resolve the newest allowed versions into requirements.lock and requirements-node.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev --extra otel pyproject.toml -o requirements.lock
	sed -n 's/^node = \["\(.*\)"\]$$/\1/p' pyproject.toml | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate - -o requirements-node.lock

.PHONY: help setup demo test check lock
