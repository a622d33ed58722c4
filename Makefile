# `make demo` and `make test` need nothing but Python 3.11, 3.12 or 3.13: they make their own .venv.

PYTHON ?= python3
SECONDS ?= 40
ORDERS ?= 10000
SEED ?= 1
COUNT ?= 200
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
# Tests start some hundred processes: without compiled files each would compile the whole desk anew.
unexport PYTHONDONTWRITEBYTECODE
BESIDE := -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: help demo test coverage unit test-days check fix draw docs bench faults bounds siege kill soak long prove mutants clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1  /p' Makefile | awk '{name=$$1; $$1=""; printf "%-10s%s\n", name, $$0}'

demo: $(RUNS)  ## Run the desk on the embedded paper broker: no account, no questions (SECONDS=40)
	$(BIN)/python main.py demo --seconds $(SECONDS)

test: $(STAMP)  ## Format, lint, types, imports, tests: some files at a time, as most of them wait; prints the coverage
	$(MAKE) -j2 check coverage
	$(BIN)/pytest $(BESIDE) --ignore=tests/domain --ignore=tests/actors
	$(BIN)/python -m tests.days --slice $(BESIDE)

unit: $(STAMP)  ## The tests of the domain and the actors: no process, half a minute
	$(BIN)/pytest -q $(BESIDE) tests/domain tests/actors

coverage: $(STAMP)  ## The same with the branches of the domain that they reach; below 97 % fails
	$(BIN)/pytest $(BESIDE) --cov=domain --cov-branch --cov-report= tests/domain tests/actors
	$(BIN)/python -m tests.branches

test-days: $(STAMP)  ## What depends on the day: on a Saturday, on a holiday, at 04:00 and at 23:59 IST (needs faketime)
	$(BIN)/python -m tests.days $(BESIDE)

check: $(STAMP)  ## Format, lint, types and import rules, and that every test can be loaded
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@found=$$($(BIN)/pytest -qqq --collect-only --ignore=tests/domain --ignore=tests/actors) || { echo "$$found"; exit 1; }

fix: $(STAMP)  ## Format, and repair what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

draw: $(STAMP)  ## Draw the life of an order and the flow of messages anew, from the code
	$(BIN)/python -m docs.draw

docs: $(STAMP)  ## Build the pages as a site in build/site, and fail on the smallest warning
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site
	@echo "build/site/index.html"

bench: $(STAMP)  ## Measure the order path beside the bare client
	$(BIN)/python -m benchmarks

faults: $(STAMP)  ## Meet every request with every fault, and exit in every trouble; the paper broker's ledger judges
	$(BIN)/python -m tests.proofs.faults

bounds: $(STAMP)  ## How long an exit takes at worst, on real processes with the default settings (15 minutes, nothing beside it)
	$(BIN)/python -m tests.proofs.bounds

siege: $(STAMP)  ## What strangers at the door of the HTTP API cost halts and exits (two minutes, nothing beside it)
	$(BIN)/python -m tests.proofs.siege

kill: $(STAMP)  ## Kill the running desk a hundred times under load, and cut its power fifty times; the ledger judges
	KILLS=100 CUTS=50 $(BIN)/pytest -q -o faulthandler_timeout=600 tests/scenarios/test_kill.py

long: $(STAMP)  ## What comes late, hangs or is slow, in real seconds, more kills beside a lock, every kept story (ten minutes)
	LONG=1 $(BIN)/pytest -q -o faulthandler_timeout=300 tests/scenarios/test_late.py tests/scenarios/test_storage.py tests/scenarios/test_lock.py tests/simulation/test_kept_stories.py

soak: $(STAMP)  ## A long day in compressed time: faults, kills, restarts of both sides, 10,000 orders (ORDERS=, SEED=)
	$(BIN)/python -m tests.proofs.soak --orders $(ORDERS) --seed $(SEED)

prove: $(STAMP)  ## Stories, crashes at every effect, mutants: an hour and docs/proof.md, or a slice (SECONDS=60); goes on where it stopped (ANEW=1: not)
	$(BIN)/python -m tests.simulation prove $(if $(filter file,$(origin SECONDS)),,--seconds $(SECONDS)) $(if $(ANEW),--anew)

mutants: $(STAMP)  ## Break the code in COUNT places drawn by SEED, and run the tests against each; goes on where it stopped
	$(BIN)/python -m tests.mutation known
	$(BIN)/python -m tests.mutation run --seed $(SEED) --count $(COUNT)

clean:  ## Remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info

$(BIN)/pip:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Python 3.11, 3.12 or 3.13 is needed; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip

$(RUNS): pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable .
	touch $@

$(STAMP): pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev,docs]'
	touch $(RUNS) $@
