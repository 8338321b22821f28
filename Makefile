# Needs Python 3.11+ and make. Everything else comes from package registries into this folder and
# the user's cache. `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup chromium check format golden licences image-check audit-deps test chaos chaos-report bench profile-gateway profile-worker demo up down clean

PYTHON ?= python3
BIN := .venv/bin
STAND_IN := tests/servers/snowflake
PEERS := node/node_modules node/.ready go/bin go/.ready quix/.venv quix/.ready

# Not every package has wheels for the newest Python yet: uv takes one of these.
export UV_PYTHON ?= >=3.11,<3.14
UV := $(shell command -v uv || echo .uv/bin/uv)

help: ## Say what there is.
	@echo "Forebay: every app's events in the warehouse once each, by the day they happened."
	@echo
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'
	@echo
	@echo "Start with: make demo"

setup: .venv/.ready $(STAND_IN)/.venv/.ready .venv/.kafka chromium ## Install everything that is needed.

check: .venv/.ready ## Check format, lint, types, import rules, topic files and generated files.
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@said=$$($(BIN)/lint-imports) || { echo "$$said"; exit 1; }
	@$(BIN)/forebay topics check
	@$(BIN)/forebay topics schema --check
	@for made in page rules dashboard; do $(BIN)/forebay metrics $$made --check; done
	@$(BIN)/python -m tests.helm.renew --check-settings
	@echo "All checks passed."

format: .venv/.ready ## Put the code into the common format, and mend what can be mended.
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

golden: .venv/.ready ## Renew what is made from the chart and the settings, to be reviewed.
	@$(BIN)/python -m tests.helm.renew

licences: .venv/.ready ## List the licences of what the image has installed.
	@$(BIN)/python -m tests.docker.licences

image-check: .venv/.ready .venv/.kafka ## Build the images and try them in containers, without an engine: root, and minutes
	@$(BIN)/python -m tests.docker.image_check $(ARGS)

audit-deps: .venv/.ready ## Ask the OSV database whether a locked package is known to be unsafe.
	@$(UV) audit --frozen --no-dev

# Two files at a time, each with servers of its own: most tests wait, for servers and for time.
# Where one of the two dies the run ends at once: with loadfile, xdist 3.8 hangs once it has put another in its place.
test: setup ## Run all tests, on real servers. One part: make test ARGS=tests/worker
	@$(BIN)/pytest --numprocesses $(or $(JOBS),2) --dist loadfile --max-worker-restart=0 $(ARGS)

chaos: setup ## Break everything at random, and audit: make chaos MINUTES=5 SEED=1
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1) $(ARGS)

chaos-report: setup ## 1,000 kills and more, into tests/chaos/REPORT.md; takes an hour
	@$(BIN)/python -m tests.chaos --minutes 1 --kills 128 --runs 4 --seed $(or $(SEED),1) \
		--report tests/chaos/REPORT.md $(ARGS)

bench: setup ## Ours against its peers, into tests/bench/RESULTS.md; half an hour (ARGS=--long: an hour; --quick: minutes)
	@PATH="$$PATH:$(CURDIR)/.uv/bin" $(BIN)/python -m tests.bench $(ARGS)

profile-gateway: setup ## A flame graph of the gateway under the bench's load, by py-spy
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.bench.profile gateway $(ARGS)

profile-worker: setup ## The same of the worker
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.bench.profile worker $(ARGS)

demo: .venv/.ready .venv/.kafka ## The whole way on real events, with a balance at the end.
	@$(BIN)/forebay demo $(ARGS)

up: .venv/.ready .venv/.kafka ## Start servers and roles on this machine and keep them running.
	@$(BIN)/forebay up $(ARGS)

down: .venv/.ready ## Stop what `make up` started in another terminal.
	@$(BIN)/forebay down $(ARGS)

clean: ## Remove environments, caches and the local stack's data.
	@if [ -x $(BIN)/forebay ]; then $(BIN)/forebay down >/dev/null || true; fi
	@rm -rf .venv .uv $(STAND_IN)/.venv .forebay .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache .hypothesis $(PEERS:%=tests/bench/peers/%)
	@find app sinks tests -name __pycache__ -type d -prune -exec rm -rf {} +

.uv/bin/uv:
	@echo "Installing uv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; choose it with: make PYTHON=/path/to/python3")'
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv

# Compiled here, for where PYTHONDONTWRITEBYTECODE is set each process would compile all it imports
# anew: seconds of its start, and 12 MB.
.venv/.ready: pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@echo "Installing Forebay and the servers for this machine (about 350 MB, once)"
	@$(UV) sync --frozen --all-extras --compile-bytecode --quiet
	@$(BIN)/python -m compileall -q app sinks
	@touch $@

# Its own environment: it needs another version of DuckDB than Forebay does.
$(STAND_IN)/.venv/.ready: $(STAND_IN)/pyproject.toml $(STAND_IN)/uv.lock | $(filter .uv/bin/uv,$(UV))
	@echo "Installing the stand-in for Snowflake (about 100 MB, once)"
	@$(UV) sync --frozen --compile-bytecode --quiet --project $(STAND_IN)
	@touch $@

# The tests of the console drive a real one; Debian has it, and root may install it.
chromium: .venv/.ready
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
		echo "Installing chromium, for the tests of the console"; \
		$(BIN)/python -m tests.console.chromium; }

.venv/.kafka: app/local/jars.py | .venv/.ready
	@$(BIN)/python -m app.local.fetch
	@touch $@
