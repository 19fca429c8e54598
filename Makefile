# SPDX-License-Identifier: MIT
# What people type. Every target does its own set-up.

PYTHON = .venv/bin/python
PYTEST = $(PYTHON) -m pytest -n 2 --dist loadgroup

# The targets share one virtual environment.
.NOTPARALLEL:

.PHONY: help
help:
	@echo 'make demo       build, strip and crash the example program; show its stack before and after crashsym'
	@echo 'make test       all checks and all tests but the slow ones'
	@echo 'make test-slow  the tests that take minutes'
	@echo 'make check      the quick part of make test: ruff, mypy, unit tests'
	@echo 'make bench      compare speed and memory with other tools; writes docs/performance'
	@echo 'make fuzz       feed damaged files to the kernel and the readers for FUZZ_SECONDS (60)'
	@echo 'make fetch-oe   clone OpenEmbedded-Core and BitBake for the tests that run them'
	@echo 'make clean      remove what these targets have made'

.PHONY: setup-demo
setup-demo:
	@scripts/setup demo

.PHONY: setup-test
setup-test:
	@scripts/setup test

.PHONY: demo
demo: setup-demo
	@$(PYTHON) scripts/demo.py

.PHONY: lint
lint: setup-test
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/cython-lint --no-pycodestyle lib/crashsym/kernel

.PHONY: test
test: lint
	$(PYTEST) -m 'not slow'

.PHONY: test-slow
test-slow: setup-test
	$(PYTEST) -m slow

.PHONY: check
check: lint
	$(PYTEST) tests/unit

.PHONY: fetch-oe
fetch-oe:
	@scripts/fetch-oe

# Options: make bench BENCH="--quick"
.PHONY: bench
bench:
	@scripts/setup bench
	$(PYTHON) -m bench $(BENCH)

# Longer: make fuzz FUZZ_SECONDS=3600
FUZZ_SECONDS = 60
.PHONY: fuzz
fuzz: setup-test
	tests/fuzz/run $(FUZZ_SECONDS) $(PYTHON)

.PHONY: clean
clean:
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis lib/crashsym.egg-info
	rm -f lib/crashsym/kernel/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
