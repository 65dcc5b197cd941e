# Mainstay's targets. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help nightly spark-nightly test test-fast lint up bi bench spark-bench soak lock docs clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# The environment is rebuilt whenever the lock changes. uv installs it in seconds; where uv cannot reach its
# index, pip installs the same hashes.
.venv/installed: requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
		|| { echo "Mainstay needs Python 3.11 or 3.12; name one: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the locked requirements into .venv …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@# Compiled once: every process that imports Great Expectations uncompiled would spend seconds on that.
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q pipelines dags
	@touch $@

# The other engine; its extra is locked apart, on top of what is locked for all.
.venv/spark: .venv/installed requirements-spark.lock
	@test -x "$$JAVA_HOME/bin/java" || command -v java >/dev/null || { echo "Spark needs Java 17: install openjdk-17-jre-headless, or your system's like"; exit 1; }
	@echo "installing Spark into .venv …"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-spark.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-spark.lock
	@touch $@

nightly: .venv/installed  ## Land the demo data, load its history, run one night through the DAG, show the marts
	@$(BIN)/mainstay demo
	@$(BIN)/mainstay nightly

spark-nightly: .venv/spark  ## The same on a Spark of this machine, in var/spark
	@MAINSTAY_ENGINE=spark MAINSTAY_VAR_DIR=var/spark $(BIN)/mainstay demo
	@MAINSTAY_ENGINE=spark MAINSTAY_VAR_DIR=var/spark $(BIN)/mainstay nightly
	@echo "these commands find it with MAINSTAY_ENGINE=spark MAINSTAY_VAR_DIR=var/spark before them"

test: .venv/installed  ## Run all tests but the long ones
	@$(BIN)/python -m pytest

# What needs no night; dbt's unit tests of the models that differ from the last commit.
FAST := tests/contracts tests/draft tests/land tests/load tests/dbt/test_dbt_files.py tests/dbt/test_dbt_properties.py

test-fast: .venv/installed  ## Run the unit tests, and dbt's of what has changed since the last commit
	@$(BIN)/python -m pytest -q --changed -m "not soak and not search" $(FAST) tests/dbt/test_unit_tests.py

lint: .venv/installed  ## Run every linter and the contract lint
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure

up: .venv/installed  ## Start Airflow's scheduler and web UI on this machine
	@$(BIN)/mainstay up

bi: .venv/installed  ## Start Superset with the dashboards on this machine
	@$(BIN)/mainstay bi

bench: .venv/installed  ## Measure speed and memory (ROWS=20000000) and write docs/benchmarks*.md
	@$(BIN)/python -m bench --rows $(or $(ROWS),20000000)
	@$(BIN)/python -m bench.history
	@$(BIN)/python -m bench.models
	@$(BIN)/python -m bench.offers

spark-bench: .venv/spark  ## Measure a Spark cluster beside DuckDB and write docs/benchmarks-spark.md; takes hours
	@$(BIN)/python -m bench.spark

soak: .venv/installed  ## Run the long tests (SOAK_KILLS=200 SOAK_HISTORIES=300 SOAK_SEED=…); takes hours
	@SOAK_SEARCH=1 $(BIN)/python -m pytest -m "soak or search" -n 0 -sv

docs: .venv/installed  ## Generate the data dictionary and dbt's yml from the contracts
	@$(BIN)/python -m pipelines.contracts.generate
	@$(BIN)/python -m pipelines.bi.assets

lock: .venv/installed  ## Resolve the requirements anew into the locks
	@$(BIN)/uv pip compile pyproject.toml --extra demo --extra dev --universal --python-version 3.11 --generate-hashes --no-header --quiet --upgrade -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra spark --universal --python-version 3.11 --generate-hashes --no-header --quiet --upgrade --constraints requirements.lock -o requirements-spark.lock
	@grep -E '^uv==' requirements.lock | tr -d ' \\' > requirements-uv.in
	@$(BIN)/uv pip compile requirements-uv.in --universal --python-version 3.11 --generate-hashes --no-header --quiet -o requirements-uv.lock
	@rm requirements-uv.in
	@$(BIN)/uv pip compile deploy/superset/requirements.in --universal --python-version 3.11 --generate-hashes --no-header --quiet --upgrade -o deploy/superset/requirements.lock

clean:  ## Remove all run-time state (var/)
	rm -rf var
