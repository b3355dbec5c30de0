# The two commands of the README are `make run` and `make test`; the rest serves those who change the code.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export UV_PYTHON_DOWNLOADS := never

VENV := .venv
PY := $(VENV)/bin/python
BASE_PYTHON ?= $(shell for p in python3.11 python3.12 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3,11)<=sys.version_info[:2]<(3,14))' 2>/dev/null && echo $$p && break; done)
LOCK := requirements-dev.lock
STAMP := $(VENV)/.installed-$(shell cksum $(LOCK) 2>/dev/null | cut -d' ' -f1)

.PHONY: help install run test check format bench lock

help:  ## say what can be done
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

install: $(STAMP)

$(STAMP): $(LOCK)
	@test -n "$(BASE_PYTHON)" || { echo "MrMarket needs Python 3.11, 3.12 or 3.13: apt-get install python3 python3-venv"; exit 1; }
	@test -x $(PY) || $(BASE_PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment here: apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip install -q --disable-pip-version-check uv==0.13.9
	@$(VENV)/bin/uv pip sync -q --python $(PY) --require-hashes --compile-bytecode $(LOCK)
	@$(PY) -m pip --version >/dev/null 2>&1 || true
	@rm -f $(VENV)/.installed-*; touch $@

run: install  ## install what is needed and start everything
	@$(PY) -m sandbox $(ARGS)

test: install  ## install what is needed and run all tests
	@$(PY) -m pytest -n 2 --dist loadfile

check: install  ## format, lint, types, imports
	@$(VENV)/bin/ruff format --check -q .
	@$(VENV)/bin/ruff check -q .
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-cache --no-logo 2>&1

format: install  ## mend what can be mended by machine
	@$(VENV)/bin/ruff format -q .
	@$(VENV)/bin/ruff check -q --fix .

bench: install  ## measure; prints ratios
	@for b in bench/*.py; do echo "== $$b"; $(PY) $$b || exit 1; done

lock:  ## resolve pyproject.toml into hash-pinned locks
	@for set in ":" "-sandbox:--extra sandbox" "-dev:--extra sandbox --extra dev"; do \
	  $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	    pyproject.toml $${set#*:} -o requirements$${set%%:*}.lock || exit 1; done
