# Needs Python 3.10 or later, git and make; everything else is installed into .venv and .nox here.
PYTHON ?= python3
NOX = .venv/bin/nox

.PHONY: help demo test test-expensive lint docs benchmarks clean

help:  ## Show this list
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ {printf "make %-15s %s\n", $$1, $$2}' Makefile

demo: .venv/ready  ## Infer a reward from the state of a room, into runs/demo
	$(NOX) -s demo

test: .venv/ready  ## Run all tests: with the newest dependencies on the wheels, and with those of imitation
	$(NOX) -s wheels envs_alone "tests(imitation)"

test-expensive: .venv/ready  ## Run the tests that take minutes
	$(NOX) -s expensive

lint: .venv/ready  ## Check style, docstrings and types
	$(NOX) -s lint

docs: .venv/ready  ## Build the documentation into site/html/
	$(NOX) -s docs

benchmarks: .venv/ready  ## Measure speed
	$(NOX) -s benchmarks

clean:  ## Remove environments, builds, caches and runs
	rm -rf .venv .nox dist runs site docs/api .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
		.benchmarks .coverage htmlcov
	find rlsp_envs rlsp_sb3 rlsp_baselines tests benchmarks -name __pycache__ -prune \
		-exec rm -rf {} + 2>/dev/null || true

.venv/ready: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or later is needed: make PYTHON=path/to/python"; exit 1; }
	@echo 'Installing nox, which makes the environments, into .venv'
	@$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install -q -c constraints.txt nox
	touch $@
