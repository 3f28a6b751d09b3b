# Each verb sets up .venv by itself and installs only what it needs.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow check bench bench-launch docs
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
PY := .venv/bin/python
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

help: ## list the verbs
	@echo "pmap: make VERB, where VERB is one of"
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 16

demo: .venv/.have-demo ## simulate 2x2 tiles into demo/, map them on 2 ranks, print the scores
	$(PY) -m pmap.apps.simulate --out demo/data
	$(PY) -m pmap.launch.prun -n 2 pipeline demo/data/dataset.toml --out demo/run

test: .venv/.have-test ## all quick tests: serial, then parallel at 1, 2, 3 and 4 ranks
	@$(PY) -m pytest -m "not slow" tests; serial=$$?; $(PY) tests/parallel/run.py && exit $$serial

test-slow: .venv/.have-test ## SLURM, browser, kill and resume, arrays over 2 GB: the real things
	$(PY) -m pytest -p no:cacheprovider $(wildcard tests/slurm) tests/browser tests/apps/test_resume.py tests/large

check: .venv/.have-test ## style, format, and the rules of the architecture
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest -q tests/test_architecture.py tests/test_packaging.py

bench: .venv/.have-test ## pmap beside hand-written mpi4py and NumPy; BENCH="sort --np 2" chooses
	$(PY) tests/benchmarks/bench.py $(BENCH)

bench-launch: .venv/.have-test ## what starting, checking and sharing out cost, up to 100 ranks
	$(PY) tests/benchmarks/launching.py $(BENCH)
	$(PY) tests/benchmarks/scaling.py

docs: .venv/.have-docs ## run every code block of docs/, then build build/docs/index.html
	$(PY) -m pytest -q tests/test_docs.py
	$(PY) docs/build.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pmap needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.have-demo: setup.cfg pyproject.toml | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[mpich,imaging]'
	@touch $@

.venv/.have-test: setup.cfg pyproject.toml | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[all,test]'
	@touch $@ .venv/.have-demo

.venv/.have-docs: .venv/.have-test
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@
