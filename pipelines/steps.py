"""The steps of a run. The DAG's tasks and the CLI's commands both call these, and nothing else does the work.

Each takes the settings, a run id and business dates, holds the warehouse's lock while it works, writes itself
into the ledger, and returns a small summary that fits into JSON. Each can be run again at any time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines import ledger, stale
from pipelines.contracts import canonical_contracts, mart_contracts, source_contracts
from pipelines.errors import LandingError, MainstayError, PublishError, ValidationFailedError
from pipelines.land import LandingFile, check_files, discover
from pipelines.lock import warehouse_lock
from pipelines.sql import connect, database_errors, transaction
from pipelines.standing import (
    are_marts_ready,
    are_marts_validated,
    as_of_for,
    built_as_of,
    is_built,
    is_staged,
    unvalidated,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

Say = Callable[[str], None]
Summary = dict[str, Any]


def start(
    settings: Settings,
    run_id: str,
    kind: str,
    as_of: date,
    say: Say | None = None,
    *,
    is_own_process: bool = True,
) -> Summary:
    """Open the run in the ledger; see `ledger.start_run`."""
    with warehouse_lock(settings, "start", run_id, on_wait=say):
        ledger.start_run(settings, run_id, kind, as_of, is_own_process=is_own_process)
    return {"run_id": run_id}


def _recorded(
    settings: Settings,
    run_id: str,
    step: str,
    work: Callable[[], Summary],
    say: Say | None = None,
    on_success: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
) -> Summary:
    """Do a step's work under the lock and write its outcome into the ledger, success or not.

    `on_success` writes what must be written together with the success, or not at all.
    """
    with warehouse_lock(settings, step, run_id, on_wait=say):
        started = ledger.now()
        with closing(connect(settings)) as connection:
            ledger.record_step(connection, run_id, step, started, "running", {})
        try:
            with database_errors(settings):
                summary = work()
        except BaseException as error:
            # The step's own error must stand, even if the ledger cannot be written any more.
            with suppress(MainstayError, duckdb.Error, OSError), closing(connect(settings)) as connection:
                reason = str(error) or type(error).__name__
                ledger.record_step(connection, run_id, step, started, "failed", {"error": reason})
            raise
        with closing(connect(settings)) as connection, transaction(connection):
            ledger.record_step(connection, run_id, step, started, "success", summary)
            if on_success is not None:
                on_success(connection)
        return summary


def land(
    settings: Settings,
    run_id: str,
    first: date,
    last: date,
    say: Say | None = None,
    datasets: Iterable[str] | None = None,
    *,
    allow_missing: bool = False,
) -> Summary:
    """Find the range's landing files and make sure that each is what its contract says.

    Args:
        settings: The deployment.
        run_id: The run.
        first: First landing date.
        last: Last landing date, included.
        say: Hears whom a waiting step waits for.
        datasets: Only these; default all.
        allow_missing: An obligatory dataset may have no file, as its rows are to be taken out.

    Raises:
        LandingError: an obligatory dataset has no file at all in the range.
        FileRefusedError: files of a dataset are not what their contract says.
    """

    def work() -> Summary:
        counts: dict[str, int] = {}
        for name, contract in source_contracts(settings).items():
            if datasets is not None and name not in datasets:
                continue
            files = discover(settings, contract, first, last)
            counts[name] = len(files)
            if not files and contract.is_obligatory and not allow_missing:
                day = f"{first}" if first == last else f"{first} to {last}"
                raise LandingError(
                    f"no {name} file for {day}: expected {settings.landing / contract.location}. "
                    "Land the export and run again; for a day without sales land a file with just its header"
                )
            with closing(connect(settings)) as connection:
                check_files(connection, run_id, contract, files)
        return {"files": sum(counts.values()), "files_by_dataset": counts}

    return _recorded(settings, run_id, "land", work, say)


def _require_still_landed(settings: Settings, run_id: str, first: date | None, last: date | None) -> None:
    """What this run's `land` has seen must be there still: a night without a day's sales would look like a good one."""
    with closing(connect(settings)) as connection:
        row = connection.execute(
            "SELECT detail FROM ops.steps WHERE run_id = ? AND step = 'land' AND status = 'success'", [run_id]
        ).fetchone()
    seen = json.loads(row[0])["files_by_dataset"] if row else {}
    for name, contract in source_contracts(settings).items():
        left = len(discover(settings, contract, first, last)) if name in seen else 0
        if left < seen.get(name, 0):
            raise LandingError(
                f"{seen[name] - left} of {seen[name]} {name} files that were landed are gone from {settings.landing} "
                "since this run began; put them back and run again"
            )


def load(
    settings: Settings,
    run_id: str,
    first: date | None,
    last: date | None,
    say: Say | None = None,
    datasets: list[str] | None = None,
    *,
    reload: bool = False,
    remove_missing: bool = False,
) -> Summary:
    """Load the range's files into raw, quarantine and duplicates.

    Unchanged partitions are left as they are but with `reload`; partitions whose files are gone from the landing
    folder are left but with `remove_missing`, which takes their rows out.
    """
    from pipelines.load import load_datasets

    def work() -> Summary:
        _require_still_landed(settings, run_id, first, last)
        results = load_datasets(
            settings, run_id, first, last, datasets, say, reload=reload, remove_missing=remove_missing
        )
        totals = {
            k: sum(getattr(r, k) for r in results)
            for k in ("files", "rows_in", "loaded", "quarantined", "duplicates", "unchanged")
        }
        return {**totals, "datasets": [r.as_dict() for r in results]}

    return _recorded(settings, run_id, "load", work, say)


def stage(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Build the policy seeds and the staging views."""
    from pipelines.load.tables import create_tables

    def work() -> Summary:
        with closing(connect(settings)) as connection:
            create_tables(connection, source_contracts(settings))
        return _transformed(settings, run_id, "stage", as_of, _context(settings), say)

    return _recorded(settings, run_id, "stage", work, say)


def build(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Build the intermediate models and the marts but those that rest on fitted models, and run their dbt tests.

    Another run may have loaded or staged since this one did: what was loaded and not validated is validated first,
    and staging is made anew if it is of another date or other policies.

    Raises:
        ValidationFailedError: something was loaded that has not passed the raw expectations; nothing is built on it.
        BuildError: a model or a test failed.
    """
    context = _context(settings)
    with warehouse_lock(settings, "build", run_id, on_wait=say):
        if unvalidated(settings):
            validate_loaded(settings, run_id, say)
        if not is_staged(settings, as_of, context):
            stage(settings, run_id, as_of, say)
        with closing(connect(settings)) as connection:
            what = stale.find_stale(connection, as_of, context)
        if say is not None:
            say(f"building {'all dates' if what.is_full else f'{what.stale_dates:,} dates'}: {what.reason}")

        def work() -> Summary:
            done = _transformed(settings, run_id, "build", as_of, context, say, full_refresh=what.is_full)
            return {**done, **what.as_dict()}

        return _recorded(settings, run_id, "build", work, say, on_success=stale.note_built)


def fit(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Fit the models of retention and value, and build the marts that rest on them.

    A model that cannot be fitted is left out with its reason, in `model_fits` and in the summary; that is no failure.
    Another run may have built since this one did: then the marts are built anew first.

    Raises:
        BuildError: a mart or a test failed.
    """
    from pipelines.fit import fit_models, read_sample
    from pipelines.fit.tables import read_last, write_fits

    context = _context(settings)
    with warehouse_lock(settings, "fit", run_id, on_wait=say):
        if not is_built(settings, as_of, context):
            build(settings, run_id, as_of, say)

        def work() -> Summary:
            with closing(connect(settings)) as connection:
                sample = read_sample(lambda sql: connection.execute(sql).df())
                fits = fit_models(sample, read_last(connection), say)
                write_fits(connection, fits, as_of)
            done = _transformed(settings, run_id, "fit", as_of, context, say)
            return {
                **done,
                "fitted": [f.label for f in fits.fits if f.reason is None],
                "left_out": fits.reasons,
            }

        return _recorded(settings, run_id, "fit", work, say)


def _context(settings: Settings) -> str:
    """Found before the work, so that what is edited meanwhile does not count as used."""
    from pipelines.transform import variables

    return stale.context_hash(settings, variables(settings))


def _transformed(
    settings: Settings,
    run_id: str,
    step: str,
    as_of: date,
    context: str,
    say: Say | None,
    *,
    full_refresh: bool = False,
) -> Summary:
    from pipelines.transform import NodeResult, slowest, transform

    def heard(node: NodeResult) -> None:
        if say is not None and node.resource_type != "test":
            say(f"{node.name} {node.status}")

    results = transform(settings, step, as_of, context, on_node=heard, full_refresh=full_refresh)
    with closing(connect(settings)) as connection:
        rows = [(r.name, r.resource_type, r.status, r.seconds, r.message) for r in results]
        ledger.record_models(connection, run_id, rows)
    return {
        "as_of_date": as_of.isoformat(),
        "context": context,
        "models": sum(r.resource_type in ("model", "seed") for r in results),
        "tests": sum(r.resource_type == "test" for r in results),
        "slowest": {r.name: round(r.seconds, 2) for r in slowest(results, 3)},
    }


def _dates_of(partitions: dict[str, list[date]]) -> str:
    """The partitions in a sentence, the first few by name."""
    every = [f"{name} {day}" for name, days in partitions.items() for day in days]
    return ", ".join(every[:5]) + (f" and {len(every) - 5} more" if len(every) > 5 else "")


def validate(
    settings: Settings, run_id: str, stage: str, first: date | None, last: date | None, say: Say | None = None
) -> Summary:
    """Run a stage's expectations on what the range touched; `raw` also on all that was loaded and not validated yet.

    Raises:
        ValidationFailedError: an expectation failed or raised, or a suite had none.
    """

    def partitions() -> dict[str, set[date]]:
        return {
            name: {f.partition_date for f in discover(settings, contract, first, last)}
            for name, contract in source_contracts(settings).items()
        }

    return _recorded(
        settings, run_id, f"validate_{stage}", lambda: _validate(settings, run_id, stage, partitions()), say
    )


def validate_loaded(settings: Settings, run_id: str, say: Say | None = None) -> Summary:
    """Run the raw expectations on just what was loaded and has not passed them yet.

    Raises:
        ValidationFailedError: as `validate`.
    """
    return _recorded(settings, run_id, "validate_raw", lambda: _validate(settings, run_id, "raw", {}), say)


def _validate(settings: Settings, run_id: str, stage: str, partitions: dict[str, set[date]]) -> Summary:
    from pipelines.validate import require_success

    waiting: dict[str, list[date]] = {}
    for name in source_contracts(settings):
        partitions.setdefault(name, set())
    if stage == "raw":
        # What an earlier night loaded and found wanting is looked at again until it is mended.
        for name, days in unvalidated(settings).items():
            earlier = sorted(set(days) - partitions.setdefault(name, set()))
            partitions[name].update(days)
            waiting |= {name: earlier} if earlier else {}
    touched = {name: sorted(days) for name, days in partitions.items()}
    report = _validated(settings, run_id, stage, touched)
    try:
        require_success(report)
    except ValidationFailedError as error:
        if not waiting:
            raise
        raise ValidationFailedError(
            f"{error}\nLooked at again, as they have not passed since they were loaded: {_dates_of(waiting)}. "
            "Land a mended file for such a date and load it; without one, remove the file and run "
            "`mainstay backfill DATE --remove-missing`"
        ) from error
    if stage == "raw":
        with closing(connect(settings)) as connection:
            ledger.mark_validated(connection, touched)
    return {**report.counts, "seconds": round(report.seconds, 2)}


def _validated(
    settings: Settings,
    run_id: str,
    stage: str,
    partitions: dict[str, list[date]] | None,
    path: Path | None = None,
) -> Any:
    """Validate a stage and keep its results in the ledger."""
    from pipelines.validate import validate as run_suites

    report = run_suites(settings, stage, run_id, partitions, connection_path=path)
    if path is None:
        _record_report(settings, run_id, report)
    return report


def _record_report(settings: Settings, run_id: str, report: Any) -> None:
    rows = [(r.suite, r.expectation, r.column, r.success, r.observed, r.detail) for r in report.results]
    with closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        ledger.record_checks(connection, run_id, report.stage, rows)


def publish(
    settings: Settings,
    run_id: str,
    as_of: date,
    say: Say | None = None,
    *,
    rebuild_if_needed: bool = False,
    compare: bool = False,
    accept_loss: bool = False,
) -> Summary:
    """Build the serving file, audit it with its expectations, swap it in whole, and write the report beside it.

    A report that cannot be written is a sentence in the summary's `report`: the night is published.

    Args:
        settings: The deployment.
        run_id: The run.
        as_of: The business date that the marts are for.
        say: Hears what is going on.
        rebuild_if_needed: Build and validate again if another run has built for another date, or half, in between.
        compare: Say in the summary's `changes` what is different from what BI saw before.
        accept_loss: Let a warehouse that was begun anew publish fewer transactions than BI sees.

    Raises:
        PublishError: the night was refused; BI keeps the one before.
    """
    from pipelines.publish.loss import require_no_loss

    with warehouse_lock(settings, "publish", run_id, on_wait=say):
        if rebuild_if_needed:
            as_of = as_of_for(
                settings, as_of
            )  # while this run waited, another may have published a later date
        if rebuild_if_needed and not are_marts_ready(settings, as_of):
            build(settings, run_id, as_of, say)
            fit(settings, run_id, as_of, say)
            validate(settings, run_id, "marts", as_of, as_of, say)
        built = built_as_of(settings)
        if built != as_of:
            raise PublishError(
                f"the marts in the warehouse are as of {built}, not {as_of}; run `mainstay build --as-of {as_of}` first"
            )
        if not are_marts_validated(settings):
            raise PublishError(
                "the marts have not passed their expectations since the last build; run `mainstay validate marts` first"
            )

        def work() -> Summary:
            lost = require_no_loss(settings, accept_loss=accept_loss)
            return {**_publish(settings, run_id, as_of, compare=compare), "lost_transactions": lost}

        return _recorded(settings, run_id, "publish", work, say)


def _publish(settings: Settings, run_id: str, as_of: date, *, compare: bool) -> Summary:
    from pipelines import publish as publishing
    from pipelines.report import report_or_reason
    from pipelines.validate import require_success

    reports = []

    def audit(path: Path) -> None:
        report = _validated(settings, run_id, "serving", None, path)
        reports.append(report)
        require_success(report)

    changes = publishing.compare(settings, mart_contracts()).as_dict() if compare else None
    try:
        published = publishing.publish(settings, run_id, as_of, mart_contracts(), audit=audit)
    finally:
        for report in reports:
            _record_report(settings, run_id, report)
    summary = {
        "version": published.version,
        "unchanged": published.unchanged,
        "path": str(published.path),
        "tables": len(published.tables),
        "rows": sum(t.row_count for t in published.tables.values()),
        "checks": reports[0].counts if reports else None,
        "report": report_or_reason(settings),
    }
    return summary | {"changes": changes} if compare else summary


def finish(settings: Settings, run_id: str, as_of: date, status: str, message: str | None = None) -> Summary:
    """Close the run in the ledger and build the Data Docs."""
    from pipelines.validate import build_docs

    close(settings, run_id, status, message)
    docs = build_docs(settings) if status == "success" or (settings.var / "gx").exists() else None
    return {"run_id": run_id, "status": status, "data_docs": str(docs) if docs else None}


def datasets() -> list[str]:
    """The datasets that Mainstay knows."""
    return list(canonical_contracts())


def close(settings: Settings, run_id: str, status: str, message: str | None = None) -> None:
    """Close a run in the ledger, without the Data Docs."""
    with warehouse_lock(settings, "finish", run_id):
        ledger.finish_run(settings, run_id, status, message)


def docs(settings: Settings) -> str:
    """Build the Data Docs of the last validation; returns the path of their first page."""
    from pipelines.validate import build_docs

    return str(build_docs(settings))


def pending(
    settings: Settings,
    first: date | None,
    last: date | None,
    datasets: list[str] | None = None,
    say: Say | None = None,
) -> dict[str, list[LandingFile]]:
    """Per dataset, the landed files of partitions that are not loaded just as they are now."""
    from pipelines.load import pending_files

    with warehouse_lock(settings, "load", "look", on_wait=say):
        return pending_files(settings, first, last, datasets)
