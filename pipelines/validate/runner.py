"""Runs a stage's suites on one read-only DuckDB connection and tells what they found.

Great Expectations puts all row checks of a suite into one query if it need not show examples. So a suite runs
first without examples, and only what failed is run again with them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines import contracts as contract_files
from pipelines.errors import ContractError, SettingsError, ValidationFailedError
from pipelines.quoting import ident, literal
from pipelines.settings import PROJECT_DIR
from pipelines.validate import suites as plan
from pipelines.validate.evaluate import evaluate
from pipelines.validate.gx import great_expectations
from pipelines.validate.landed import landed_files, landed_select
from pipelines.validate.report import ValidationReport
from pipelines.validate.rules import query
from pipelines.warehouse.connection import connect, restrict
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.faults import said
from pipelines.warehouse.reuse import tolerated_rate
from pipelines.warehouse.rights import private_folder

if TYPE_CHECKING:
    from pipelines.contracts import MartContract, SourceContract
    from pipelines.settings import Settings
    from pipelines.validate.suites import Partitions, Suite


def validate(
    settings: Settings,
    stage: str,
    run_id: str,
    partitions: Mapping[str, Sequence[date]] | None,
    *,
    connection_path: Path | None = None,
    files: Mapping[str, Sequence[Path]] | None = None,
    marts: Mapping[str, MartContract] | None = None,
) -> ValidationReport:
    """Check a stage against the contracts.

    Opens the DuckDB file read-only and releases it before it returns. The ledger is not written and a failed
    expectation does not raise: see `require_success`.

    Args:
        settings: The deployment.
        stage: land, raw, staging, marts or serving.
        run_id: The run that the results belong to.
        partitions: Touched partition dates by dataset; a dataset without any is not checked by land and raw.
            None means all of them.
        connection_path: DuckDB file to read; default the warehouse. Obligatory for `serving`.
        files: For `land`: the landed files by dataset, if not those that the contracts' locations give.
        marts: Contracts of the marts by name; default the deployment's.

    Raises:
        ContractError: A contract has a rule that cannot be checked, or there is nothing to check.
        SettingsError: Unknown stage, or no file to check.
        LandingError: A landed file cannot be read at all.
        ValidationFailedError: The DuckDB file cannot be opened.
    """
    if stage not in plan.STAGES:
        raise SettingsError(f"unknown stage {stage!r} to validate; use one of {', '.join(plan.STAGES)}")
    great_expectations()
    started = time.monotonic()
    with ExitStack() as stack:
        connection = _open(settings, stage, connection_path)
        stack.callback(connection.close)
        scratch = stack.enter_context(_scratch(settings))
        # Reading the contracts' YAML costs as much as checking a mart or two.
        sources = {} if stage == "marts" else contract_files.source_contracts(settings)
        if stage == "land":
            found = files if files is not None else landed_files(settings, sources, partitions)
            suites = [
                plan.land_suite(
                    sources[name], landed_select(connection, sources[name], paths, _folder(scratch, name))
                )
                for name, paths in found.items()
                if name in sources
            ]
        else:
            suites = _planned(settings, stage, sources, partitions, marts)
        results = evaluate(connection, _with_views(connection, suites))
    return ValidationReport(
        stage, run_id, results, time.monotonic() - started, str(settings.docs / "index.html")
    )


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    """A folder for this validation; always the same one, so that what a killed one left goes with the next."""
    folder = settings.var / "gx" / "scratch"
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(settings, folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir()
    return folder


def _open(settings: Settings, stage: str, path: Path | None) -> duckdb.DuckDBPyConnection:
    if stage == "land":
        return connect(settings, Path(":memory:"))
    if stage == "serving" and path is None:
        raise SettingsError("which serving file is to be validated? give connection_path")
    target = path or settings.warehouse
    try:
        connection = connect(settings, target, read_only=True)
        # The served file has all in itself; the warehouse may have views of rows that lie elsewhere.
        restrict(connection, engine_of(settings).places(settings) if path is None else [])
    except duckdb.Error as error:
        raise ValidationFailedError(f"{target}: cannot be opened for validation: {error}") from error
    return connection


def _planned(
    settings: Settings,
    stage: str,
    sources: Mapping[str, SourceContract],
    partitions: Partitions | None,
    marts: Mapping[str, MartContract] | None,
) -> list[Suite]:
    if stage == "raw":
        touched = {name: partitions.get(name) if partitions is not None else None for name in sources}
        return [
            plan.raw_suite(
                c,
                touched[name],
                tolerated_rate(c, settings),
                settings.closed,
                has_erased=settings.forget_key.exists(),
            )
            for name, c in sources.items()
            if partitions is None or touched[name]
        ]
    if stage == "staging":
        days = partitions.get("transactions", ()) if partitions is not None else None
        return [
            plan.staging_suite(c, contract_files.canon_of(c, settings), days)
            for c in contract_files.known_contracts(settings).values()
        ]
    marts = contract_files.mart_contracts(settings) if marts is None else marts
    if not marts:
        raise ContractError(
            f"{PROJECT_DIR / 'data_contracts' / 'marts'}: no contract of a mart, nothing to validate; add one"
        )
    if stage == "marts":
        return [plan.mart_suite(c) for c in marts.values()]
    return plan.serving_suites(marts, sources.values())


def _with_views(connection: duckdb.DuckDBPyConnection, suites: Sequence[Suite]) -> list[Suite]:
    """Create each suite's batch; where that fails, the suite becomes the one check that says so."""
    ready = []
    for suite in suites:
        try:
            connection.execute(f"create or replace temp view {ident(suite.view)} as {suite.select}")
        except duckdb.Error as error:
            # In a landed file without its header, names of columns are values.
            problem = said(error, is_personal=bool(suite.personal))
            connection.execute(
                f"create or replace temp view {ident(suite.view)} as select {literal(problem)} as problem"
            )
            check = query(
                "expect_batch_to_be_readable",
                "select problem from <batch>",
                description="The data can be read.",
            )
            suite = plan.Suite(suite.name, suite.select, (check,))
        ready.append(suite)
    return ready
