# Two commands on a fresh machine: `make demo` and `make test`. Each sets up what it needs, and does so once: a stamp
# lies inside the folder that it speaks of (.venv/, web/node_modules/), so deleting the folder deletes the stamp.
# Written for GNU make 3.81, which is what macOS has.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8300
# Half as many again as cores: tests wait for browsers, processes and disks. With four, or with the web's tests beside
# them, all take longer and some run into their limits.
WORKERS ?= 3
# Many images set it. It makes every process compile what it imports: two seconds for each server that a test starts.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
WEB := $(BIN)/python tools/web.py
CODE = $(wildcard src tests tools bench examples)
STATIC := src/livecredits/static
BUILT := $(STATIC)/console/index.html $(STATIC)/wallet/index.html $(STATIC)/sdk/element.js

# `make demo` and `make serve` alone are content with the run-time packages. Where the development environment is
# there, or is being asked for, it serves them too: a sync to fewer packages would take the others away.
RUN := $(if $(wildcard .venv/.dev)$(filter-out demo serve,$(MAKECMDGOALS)),.venv/.dev,.venv/.run)

web_sources = $(shell find $(1) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
SDK_SOURCES := $(call web_sources,web/sdk/src)
WEB_CONFIG := web/tsconfig.base.json

.PHONY: help demo serve test check deep bench docs wheel screenshots lock format setup clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUN) $(BUILT) ## the console and two users' wallets, on your machine (PORT=8300)
	$(BIN)/livecredits demo --port $(PORT)

serve: $(RUN) $(BUILT) ## the server with your own settings (PORT=8300)
	$(BIN)/livecredits serve --port $(PORT)

test: .venv/.dev $(BUILT) ## every test that a change must pass, at most 8 minutes on 2 cores
	$(BIN)/python -m tools.chromium
	$(BIN)/python -m tools.debian
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow"
	$(WEB) vitest run

check: .venv/.dev web/node_modules/.stamp ## style, types, arrows between modules, lock files
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/python tools/lock.py check
	$(BIN)/python tools/docs.py
	$(WEB) npm run --silent lint
	$(WEB) npm run --silent types --workspaces

deep: .venv/.dev $(BUILT) ## all tests at full depth, at most 40 minutes
	$(BIN)/python -m tools.chromium
	$(BIN)/python -m tools.debian
	LIVECREDITS_DEPTH=deep $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --timeout 2400
	$(WEB) vitest run

bench: .venv/.dev $(BUILT) ## measure, against peers, and write bench/results/
	$(BIN)/python -m bench

docs: .venv/.dev ## check that every link and every command in the documentation leads somewhere
	$(BIN)/python tools/docs.py

wheel: .venv/.dev $(BUILT) ## dist/: an sdist, and the wheel made from that sdist
	rm -rf dist
	$(BIN)/python -m build --no-isolation

screenshots: .venv/.dev $(BUILT) ## docs/images/: pictures of the demo, in both themes and two sizes, and flow 1 as a moving one
	$(BIN)/python -m tools.screenshots

lock: .venv/.uv ## pin dependencies anew after a change of pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(BIN)/python tools/lock.py write $(UPGRADE)

format: .venv/.dev web/node_modules/.stamp ## let the formatters and safe fixes do their work
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)
	$(WEB) npm run --silent format

setup: .venv/.dev web/node_modules/.stamp ## all that development needs
	$(BIN)/python -m tools.chromium
	$(BIN)/python -m tools.debian

clean: ## remove everything that the build made, the environment included
	rm -rf .venv dist web/node_modules web/*/dist $(STATIC)
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# --- the Python environment -------------------------------------------------------------------------------------

.venv/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "livecredits needs Python 3.11 or newer: make PYTHON=python3.13 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/.run: .venv/.uv requirements/run.txt requirements/build.txt pyproject.toml
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/run.txt requirements/build.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.uv requirements/dev.txt pyproject.toml
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# --- the web ----------------------------------------------------------------------------------------------------

web/node_modules/.stamp: web/package-lock.json web/package.json $(wildcard web/*/package.json) | $(RUN)
	$(WEB) npm ci --ignore-scripts --loglevel=error
	@touch $@

$(STATIC)/console/index.html: web/node_modules/.stamp $(WEB_CONFIG) $(SDK_SOURCES) $(call web_sources,web/console)
	$(WEB) npm run --silent build --workspace console -- --logLevel warn
	@touch $@

$(STATIC)/wallet/index.html: web/node_modules/.stamp $(WEB_CONFIG) $(SDK_SOURCES) $(call web_sources,web/wallet)
	$(WEB) npm run --silent build --workspace wallet -- --logLevel warn
	@touch $@

$(STATIC)/sdk/element.js: web/node_modules/.stamp $(WEB_CONFIG) $(SDK_SOURCES) web/sdk/vite.config.ts
	$(WEB) npm run --silent bundle --workspace sdk -- --logLevel warn
	@touch $@
