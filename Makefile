# Holdfast: `make demo` runs an example, `make test` passes the tests, `make help` lists the rest.
# Every target makes the virtual environment it needs; a second call finds it made.

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
UV    ?= uv

# The demo keeps its data in the clone; set HOLDFAST_HOME to keep it elsewhere.
DEMO_HOME := HOLDFAST_HOME="$${HOLDFAST_HOME:-$(CURDIR)/.home}"

# `within SECONDS` bounds a whole level of tests: it is interrupted, so that fixtures stop what they
# started, and killed half a minute later. Without coreutils (macOS as delivered) what remains is
# pytest's own bound for each test, in pyproject.toml.
TIMEOUT := $(shell command -v timeout || command -v gtimeout)
within = $(if $(TIMEOUT),$(TIMEOUT) --foreground --signal=INT --kill-after=30 $(1))
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
# Two levels of tests at once would measure each other: `make -j` changes nothing here.
.NOTPARALLEL:
.PHONY: help venv demo up test check format unit temporal replay server integration acceptance \
        kill faults bench lock clean

help: ## say what each target does
	@echo "usage: make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "New here? \`make demo\`, then README.md. Needs Python 3.11+ and make; for the Temporal"
	@echo "server also internet access, Go, or a \`temporal\` binary on PATH."

venv: $(READY) ## install the pinned dependencies and the command into .venv

$(READY): requirements.lock pyproject.toml deploy/install.sh
	@sh deploy/install.sh $(VENV)
	@touch $@

demo: $(READY) ## run an example, kill its worker in the middle, see it end (data in .home)
	@$(DEMO_HOME) $(BIN)/python -m examples.trip.demo

up: $(READY) ## run the server and a worker for your own runs, until Ctrl-C
	@$(BIN)/holdfast up

# The server is got, or built, while the first checks run on the other processor.
test: $(READY) ## pass every test (begins with check)
	@$(BIN)/python -m tests.fetch_server & fetching=$$!; \
	  $(MAKE) --no-print-directory check; status=$$?; wait $$fetching && exit $$status
	@$(MAKE) --no-print-directory server integration acceptance kill

check: $(READY) ## format, lint, strict types, unit tests, replay: for every commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(call within,300) $(BIN)/mypy .
	@$(MAKE) --no-print-directory unit replay

format: $(READY) ## rewrite the sources as `check` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

unit: $(READY) ## tests in memory, and the examples in docstrings
	$(call within,300) $(PYTEST) --doctest-modules schema workflows activities workers api tests/unit

temporal: $(READY) ## get the Temporal server that tests and runs need, if none is there yet
	@$(BIN)/python -m tests.fetch_server

replay: $(READY) ## replay every recorded history under three hash seeds
	$(call within,180) $(PYTEST) tests/replay

# Again with a queue for each role, and with a worker that forgets every run between its tasks; these
# two side by side, as each waits a good deal. Where one fails, the other is shown all the same.
server: temporal ## our workflows on a real Temporal server, in three set-ups
	$(call within,900) $(PYTEST) tests/server
	@said=$$(mktemp); trap 'kill $$other; rm -f $$said' INT TERM; \
	  echo "tests/server --queues 3, and beside it --cached-workflows 0"; \
	  $(call within,900) $(PYTEST) tests/server --queues 3 >$$said 2>&1 & other=$$!; \
	  $(call within,900) $(PYTEST) tests/server --cached-workflows 0; status=$$?; \
	  wait $$other || status=$$?; cat $$said; rm -f $$said; exit $$status

integration: temporal ## each real service alone: SQLite, PostgreSQL, the keeper
	$(call within,600) $(PYTEST) tests/integration

acceptance: temporal ## command line in, outputs out, everything real; the README's commands
	$(call within,900) $(PYTEST) tests/acceptance

kill: temporal ## the same while processes are killed
	$(call within,900) $(PYTEST) tests/kill

# A round takes up to two minutes; most are done in half of one.
ROUNDS ?= 20
faults: temporal ## kill at random moments, ROUNDS times, and 10,000 jobs; not part of `make test`
	$(BIN)/python -m pytest tests/kill/faults.py --fault-rounds $(ROUNDS) \
	  -o faulthandler_timeout=0
	$(BIN)/python -m pytest tests/integration/sandbox/executions.py

bench: temporal ## measure beside a hand-written workflow
	$(call within,1800) $(BIN)/python -m benchmarks

lock: ## pin the dependencies again (needs uv)
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links --group dev pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links --group build --constraint requirements.lock \
	  --no-annotate pyproject.toml -o deploy/runtime.lock

clean: ## remove the virtual environment, caches and the demo's data
	rm -rf $(VENV) .home build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
