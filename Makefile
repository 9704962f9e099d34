# One entry point for everybody: `make` lists what there is. Needs Python >= 3.11 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/setup.stamp
# Looked up only when something is to be installed, not by every make.
LEG = $(shell nvidia-smi -L 2>/dev/null | grep -q '^GPU' && echo cuda || echo cpu)
CONSTRAINTS ?= constraints/$(LEG).txt
# Tests run in so many processes; each holds torch, about half a gigabyte.
WORKERS ?= $(shell cores=$$(nproc); echo $$((cores > 4 ? 4 : cores)))
# More arguments for pytest, e.g. make test ARGS='-k skeleton -x'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test validate check format build notebooks links clean
.ONESHELL:
.SHELLFLAGS := -euc
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

define PREFLIGHT
import sys
if sys.version_info < (3, 11):
    sys.exit("The course needs Python 3.11 or newer, but $(PYTHON) is %d.%d. Install a newer one "
             "and name it, for example: make setup PYTHON=python3.12" % sys.version_info[:2])
if not sys.platform.startswith("linux"):
    sys.exit("The course runs on Linux (on Windows inside WSL2): Triton has no packages for others.")
try:
    import ensurepip, venv
except ImportError:
    sys.exit("$(PYTHON) comes without its venv module. Install it (on Debian and Ubuntu the "
             "package python3-venv), then run make setup again.")
endef
export PREFLIGHT

help: ## List the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP) ## Make .venv/ with grade, course, nbgrader and jupyter (nothing to do when fresh)

# With pip's own compiler the install takes a third longer: compileall uses all cores, and
# leaves out tests, which nobody imports. Without any, each command would start in 12 s, not 3.
$(STAMP): pyproject.toml hatch_build.py $(wildcard constraints/*.txt)
	@command -v '$(PYTHON)' >/dev/null || {
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name one: make setup PYTHON=..." >&2
	  exit 1
	}
	'$(PYTHON)' -c "$$PREFLIGHT"
	constraints='$(CONSTRAINTS)'
	echo "setup: installing into $(VENV)/ with $$constraints (a minute or two; with CUDA longer)"
	'$(BIN)/python' -c '' 2>/dev/null || '$(PYTHON)' -m venv --clear '$(VENV)'
	'$(BIN)/python' -m pip install -qq --upgrade -c "$$constraints" pip
	'$(BIN)/python' -m pip install -qq --no-compile -c "$$constraints" -e '.[dev]'
	'$(BIN)/python' -m compileall -qq -j0 -x '/(tests?|testing/_internal)/' '$(VENV)/lib' || true
	touch '$@'
	echo "setup: done; activate with: . $(BIN)/activate"

demo: setup ## Grade lesson 1's reference solution and show the report
	@'$(BIN)/grade' lesson01 --file solutions/lesson01.py

test: setup ## Run the tests (ARGS='...' goes to pytest)
	@'$(BIN)/python' -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

validate: setup ## Prove every verdict that is known: solutions, skeletons, right, wrong and cheating ones
	@'$(BIN)/course' validate $(ARGS)

check: setup ## Lint, check format, types and the course's own consistency
	@failed=
	for command in 'ruff check --quiet' 'ruff format --check --quiet' 'mypy --no-error-summary' 'course check'; do
	  echo "check: $$command"
	  $(BIN)/$$command || failed="$$failed, $$command"
	done
	[ -z "$$failed" ] || { echo "check: failed: $${failed#, } (make format mends formatting and imports)" >&2; exit 1; }

format: setup ## Format the code and sort its imports
	@'$(BIN)/ruff' check --quiet --select I --fix .
	'$(BIN)/ruff' format .

build: setup ## Generate exercises/ and course/source/ from the solutions
	@'$(BIN)/course' build

notebooks: setup ## Execute every notebook, unsolved and solved, and grade each lesson in it
	@NOTEBOOKS=all '$(BIN)/python' -m pytest tests/notebooks -n $(WORKERS) --dist worksteal $(ARGS)

links: setup ## Request every link of the notebooks (needs the network)
	@'$(BIN)/python' -m grader.authoring.links $(ARGS)

clean: ## Remove .venv/, caches and built packages
	@rm -rf '$(VENV)' build dist .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
