# Every target works from a fresh checkout: what needs the environment sets it up.
# `make lock` alone, and `make setup` the first time, use the network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers

# The examples in JavaScript are tried where there is Node: packages come by their locks.
NODE_PACKAGES := $(if $(shell command -v npm),$(addsuffix \
	/node_modules/.package-lock.json,examples/node examples/browser))

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal \
	--generate-hashes --no-emit-index-url --no-header

# Test files run side by side, the tests of one file in order.
WORKERS ?= 2
PYTEST := $(BIN)/pytest -q --numprocesses $(WORKERS) --dist loadfile

# The suites that drive kernels; they run a second time with the compiler off.
KERNEL_SUITES := tests/unit/solve tests/unit/geo tests/unit/index tests/unit/routing \
	tests/oracle

.DEFAULT_GOAL := help
.PHONY: help setup fault-tools client-tools alert-tools lock proto format lint type test test-all simulate fuzz soak demo bench docs check clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) $(NODE_PACKAGES) ## Make .venv from the locked requirements

$(READY): requirements/dev.txt pyproject.toml scripts/make_venv.sh
	PYTHON="$(PYTHON)" VENV="$(VENV)" scripts/make_venv.sh
	@touch $@

examples/%/node_modules/.package-lock.json: examples/%/package-lock.json
	cd examples/$* && npm ci --no-audit --no-fund --loglevel=error \
		|| echo "setup: examples/$* is left out, for npm cannot install it"

# A Debian package, so not part of `setup`: `make test` skips what needs it.
fault-tools: ## Install what fault tests need: strace (as root)
	apt-get install --yes --no-install-recommends strace

# As above: without a compiler of Java that example is not tried.
client-tools: ## Install what the example in Java needs: a compiler, gRPC, protoc (as root)
	apt-get install --yes --no-install-recommends default-jdk-headless \
		libgeronimo-annotation-1.3-spec-java libgoogle-gson-java libgrpc-java \
		libguava-java libnetty-java libperfmark-java libprotobuf-java \
		protobuf-compiler protobuf-compiler-grpc-java-plugin

# As above: without promtool the alerts are held against the metrics' names only.
alert-tools: ## Install what tries the alert rules: promtool, of prometheus (as root)
	apt-get install --yes --no-install-recommends prometheus

lock: $(READY) ## Resolve the requirements anew; UPGRADE=1 takes the newest
	$(COMPILE) $(if $(UPGRADE),--upgrade) --all-extras --group dev -o requirements/dev.txt
	$(COMPILE) --constraint requirements/dev.txt -o requirements/runtime.txt
	$(COMPILE) --constraint requirements/dev.txt --group bench -o requirements/bench.txt

proto: $(READY) ## Generate the stubs from proto/
	$(BIN)/python scripts/proto.py

format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lint: $(READY) ## Check style, layers, schema and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/proto.py --check
	$(BIN)/python scripts/proto.py --lint
	$(BIN)/codespell

type: $(READY) ## Check types
	$(BIN)/mypy

# numba keeps compiled kernels in __pycache__ beside their source and drops them when
# that file changes; a kernel's callees live in its own file, so no cache is cleared.
test: $(READY) ## Run the tests, but for the slow ones
	$(PYTEST) -m "not slow"
	NUMBA_DISABLE_JIT=1 $(PYTEST) -m "not slow and not compiled" $(KERNEL_SUITES)

test-all: $(READY) ## Run every test
	$(PYTEST)
	NUMBA_DISABLE_JIT=1 $(PYTEST) -m "not compiled" $(KERNEL_SUITES)

simulate: $(READY) ## Live SEEDS=100 lives of a cluster, of STEPS=2000, from FIRST=1, on DATABASE=sqlite or postgres
	$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(FIRST),--first $(FIRST)) $(if $(STEPS),--steps $(STEPS)) \
		$(if $(WORKERS),--workers $(WORKERS)) \
		$(if $(DATABASE),--database $(DATABASE))

fuzz: $(READY) ## Call a server with anything for MINUTES=10, or with what LIFE=file has
	$(BIN)/python -m tests.fuzz $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(SEED),--seed $(SEED)) $(if $(LIFE),--life $(LIFE))

soak: $(READY) ## Churn a server for MINUTES=30 and watch its memory
	NEARTURN_SOAK_MINUTES=$(or $(MINUTES),30) $(BIN)/pytest -q -s tests/fault/test_soak.py

demo: $(READY) ## Show a server at work on a generated city
	$(BIN)/nearturn demo

$(PEERS): $(READY) requirements/bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements/bench.txt
	@touch $@

bench: $(PEERS) ## Compare with other solvers and indexes: a few minutes
	$(BIN)/nearturn bench --profile quick --out bench-out

docs: $(READY) ## Check that the documentation is complete
	$(BIN)/pytest -q tests/docs

check: lint type test ## Run lint, type and test

clean: ## Remove caches and build products, not .venv
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis demo-out bench-out
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
