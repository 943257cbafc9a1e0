# 民脉 minmai · needs Python 3.11 or newer and make, nothing else. `make` or `make help` lists the targets.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
FLAGS ?=
# Test processes at once, each with a broker and a ClickHouse of its own. A file's tests stay together; files go in
# the order of tests/conftest.py, the long ones first.
JOBS ?= 4
LOADFILE := --dist loadfile --no-loadscope-reorder
PYTEST := -n $(JOBS) $(LOADFILE) --durations=20
# Browsers at once, each with a board, a broker and a ClickHouse: they draw, so more than the cores gain nothing.
BROWSERS ?= 3

# The first interpreter that is new enough; PYTHON=… chooses another.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

BEHAVIOUR := tests/platform tests/ingest tests/alerts tests/board tests/aggregate tests/e2e tests/kills

.DEFAULT_GOAL := help
.PHONY: help install demo up test test-kafka test-browser test-metrics test-alertmanager pictures bench soak kills alert-kills generate lint types format ci lock clean

help: ## list the targets
	@echo '民脉 minmai'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

install: $(VENV)/.dev ## install everything, development tools included, into .venv

demo: $(VENV)/.run ## install what it takes, start everything with an invented county, print the addresses; Ctrl-C ends all
	@exec $(BIN)/minmai up --feed $(FLAGS)

up: $(VENV)/.run ## the same without the invented county: for records of your own
	@exec $(BIN)/minmai up $(FLAGS)

test: $(VENV)/.dev ## install, then run the whole suite on the embedded broker
	@$(BIN)/python -m pytest $(PYTEST) -m 'not kafka and not browser and not promtool and not alertmanager' $(FLAGS); code=$$?; \
	echo 'Left out here: the same behaviour on Apache Kafka (make test-kafka; Java 17 and Maven),'; \
	echo '               the page in a real browser (make test-browser; chromium),'; \
	echo "               the metrics as Prometheus sees them (make test-metrics; promtool),"; \
	echo '               alerts in a real Alertmanager (make test-alertmanager). All run in CI (.ci/run).'; \
	exit $$code

test-kafka: $(VENV)/.dev ## the behaviour suites on Apache Kafka 4; needs Java 17 and Maven
	@$(BIN)/python -m pytest $(PYTEST) --broker=kafka -m 'not browser and not promtool and not alertmanager' $(BEHAVIOUR) $(FLAGS)

test-browser: $(VENV)/.dev ## look at the page in a real browser; needs chromium
	@$(BIN)/python -m pytest -n $(BROWSERS) $(LOADFILE) --durations=20 -m browser tests/browser $(FLAGS)

test-metrics: $(VENV)/.dev ## let Prometheus' own checker look at every service's metrics; needs promtool (Debian: prometheus)
	@$(BIN)/python -m pytest -m promtool $(FLAGS)

test-alertmanager: $(VENV)/.dev ## let a real Alertmanager take our alerts; needs Debian's prometheus-alertmanager
	@$(BIN)/python -m pytest -m alertmanager $(FLAGS)

pictures: $(VENV)/.dev ## take the README's pictures anew, of a demo of its own; needs chromium
	@$(BIN)/python -m tests.browser.pictures $(FLAGS)

bench: $(VENV)/.dev ## ingest, freshness, the screen, backlog, rivals, the cost of a record; on a machine with nothing else to do
	@for part in ingest freshness screen backlog rivals tabs cost; do $(BIN)/python -m benchmarks.$$part || exit; done

soak: $(VENV)/.dev ## an hour at a county's pace, every process killed in turn: is every record accounted for?
	@$(BIN)/python -m benchmarks.soak $(FLAGS)

kills: $(VENV)/.dev ## aggregators, ClickHouse and Kafka killed at each step: is everything counted once? FLAGS='--rounds 300'
	@$(BIN)/python -m tests.kills $(FLAGS)

alert-kills: $(VENV)/.dev ## the alerts service killed at each step of a notice: is none lost? FLAGS='--rounds 60'
	@$(BIN)/python -m tests.alerts.kills $(FLAGS)

generate: $(VENV)/.dev ## write what follows from declarations: JSON Schemas, the pages of metrics and indicators, Grafana dashboards, the page's words
	@$(BIN)/python -m schemas.generate && $(BIN)/python -m schemas.metrics_page && $(BIN)/minmai plan docs \
	&& $(BIN)/python -m services.board.grafana.generate && $(BIN)/python -m services.board.lexicon

lint: $(VENV)/.dev ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

format: $(VENV)/.dev ## let ruff mend what it can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

ci: ## everything CI does, in CI's order; installs Debian packages when run as root
	@.ci/run

lock: ## write requirements.lock anew: the newest versions that pyproject.toml admits
	@rm -rf $(VENV)-lock
	@$(call make-venv,$(VENV)-lock)
	@$(VENV)-lock/bin/python -m pip install -q -e '.[embedded,test,lint]'
	@{ echo '# Versions that are installed and tested together: `make lock` writes this file.'; \
	$(VENV)-lock/bin/python -m pip freeze --exclude-editable; } > requirements.lock
	@rm -rf $(VENV)-lock

clean: ## remove .venv; data stays
	@rm -rf $(VENV)

# A Debian without python3-venv has no ensurepip; its pip can still fill a venv.
define make-venv
$(PYTHON) -m venv $(1) 2>/dev/null \
	|| { $(PYTHON) -m venv --without-pip $(1) && $(PYTHON) -m pip --python $(1)/bin/python install -q pip; }
endef

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'minmai needs Python 3.11 or newer: none found on the PATH (PYTHON=… names one)' >&2; exit 1; }
	@$(call make-venv,$(VENV)) || { echo 'no virtual environment: is pip (or python3-venv) installed?' >&2; exit 1; }

$(VENV)/.run: pyproject.toml requirements.lock | $(BIN)/python
	@echo '安装中 · installing (once) …'
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[embedded]'
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock | $(BIN)/python
	@echo '安装中 · installing with development tools (once) …'
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[embedded,test,lint]'
	@touch $@ $(VENV)/.run
