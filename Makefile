# Every command of the project. `make` alone lists them.
# Needs: Python 3.11 or later, and for Apache Kafka a JDK 17 or later and Maven.

# Options, e.g. `make demo PEOPLE=8000 WEEKS=52 SEED=3`
PEOPLE  ?= 800
WEEKS   ?= 26
SEED    ?= 1
ENGINE  ?= embedded
REPORT  ?= var/demo
REQUIRE ?=
TESTS   ?= tests
ROWS    ?=
UPGRADE ?=

PYTHON  ?= python3
VENV    ?= .venv
PY      := $(VENV)/bin/python
LOCK    := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
           --generate-hashes --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade)
PIP     := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r
UV      := $(VENV)/bin/uv pip install --quiet --python $(PY) --compile-bytecode --require-hashes -r

.DEFAULT_GOAL := help
.PHONY: help demo up test browser generate check format bench bench-pipeline bench-matching bench-streams faults lock clean
.DELETE_ON_ERROR:

help: ## Show this list
	@echo 'Common Ground. Commands:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.local ## Half a year of a mentor network in minutes (PEOPLE= WEEKS= SEED= ENGINE= REPORT=)
	$(PY) -m deploy.local demo --people $(PEOPLE) --weeks $(WEEKS) --seed $(SEED) \
		--engine $(ENGINE) --report $(REPORT)

up: $(VENV)/.local ## The platform on this machine, until Ctrl-C (ENGINE=)
	$(PY) -m deploy.local up --engine $(ENGINE)

test: $(VENV)/.dev ## All tests that this machine can run (REQUIRE=apache-kafka,browser TESTS=tests/unit)
	REQUIRE=$(REQUIRE) $(PY) -m pytest -rs -m "not bench" $(TESTS)

browser: tests/browser/node_modules/.package-lock.json ## What tests in a browser need besides Chromium (npm)

generate: $(VENV)/.dev ## Write schemas and AsyncAPI documents anew from the contract
	$(PY) -m shared.events.generate
	$(PY) -m services.streams.generate

check: $(VENV)/.dev ## Format, lint, types, import rules, generated files, words to avoid
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PY) -m shared.events.generate --check
	$(PY) -m shared.web.plain_words
	$(PY) -m services.streams.generate --check

format: $(VENV)/.dev ## Put the code into the one format, and mend what can be mended by itself
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: bench-pipeline bench-matching bench-streams ## Measure all three

bench-pipeline: $(VENV)/.dev ## Events per second through a whole service
	$(PY) -m tests.bench.pipeline

bench-streams: $(VENV)/.dev ## The journal and those who read from it: 5,000 events a second, for a minute
	$(PY) -m tests.bench.streams

bench-matching: $(VENV)/.dev ## Seconds, memory and quality of a round, beside others (PEOPLE=)
	$(PY) -m tests.bench.matching $(if $(filter command line environment,$(origin PEOPLE)),--people $(PEOPLE))

faults: $(VENV)/.dev ## Kill, pause and partition things, and count what was lost (ROWS=1,4 PEOPLE=)
	$(PY) -m tests.faults $(if $(ROWS),--rows $(ROWS)) \
		$(if $(filter command line,$(origin PEOPLE)),--people $(PEOPLE)) \
		$(if $(filter command line,$(origin ENGINE)),--engine $(ENGINE))

lock: $(VENV)/.dev ## Pin the dependencies again with hashes (UPGRADE=1 for the newest)
	$(LOCK) pyproject.toml --extra fast --extra local --extra dev \
		--output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra fast --extra local --constraint requirements/dev.txt \
		--output-file requirements/local.txt
	$(LOCK) pyproject.toml --extra fast --constraint requirements/dev.txt \
		--output-file requirements/runtime.txt
	echo uv | $(LOCK) - --constraint requirements/dev.txt --output-file requirements/install.txt

clean: ## Remove the environment, the data of all runs, and caches
	rm -rf $(VENV) var .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment: made from the pinned file, and brought up to date whenever that file changes.
# Both sets have the same versions, so one environment serves both. uv takes a third of pip's time;
# where only pip has been told of an index, pip does it.
$(VENV)/.local: requirements/local.txt | $(VENV)/bin/python
	$(PIP) requirements/install.txt
	$(UV) $< || $(PIP) $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	$(PIP) requirements/install.txt
	$(UV) $< || $(PIP) $<
	@touch $@ $(VENV)/.local

tests/browser/node_modules/.package-lock.json: tests/browser/package-lock.json
	npm ci --prefix $(@D)/.. --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Common Ground needs Python 3.11 or later: set PYTHON=/path/to/python3'; exit 1; }
	$(PYTHON) -m venv $(VENV)
