"""The steps of a run. The DAG's tasks and the CLI's commands both call these, and nothing else does the work.

Each takes the settings, a run id and business dates, holds the warehouse's lock while it works, writes itself
into the ledger, and returns a small summary that fits into JSON. Each can be run again at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines import ledger
from pipelines.contracts import canonical_contracts, mart_contracts, source_contracts
from pipelines.errors import BuildError, LandingError, MainstayError, PublishError, ValidationFailedError
from pipelines.land import LandingFile, check_files, discover
from pipelines.lock import warehouse_lock
from pipelines.sql import connect

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

Say = Callable[[str], None]
Summary = dict[str, Any]


def start(settings: Settings, run_id: str, kind: str, as_of: date) -> Summary:
    """Open the run in the ledger."""
    with warehouse_lock(settings, "start", run_id):
        ledger.start_run(settings, run_id, kind, as_of)
    return {"run_id": run_id}


def _recorded(
    settings: Settings, run_id: str, step: str, work: Callable[[], Summary], say: Say | None = None
) -> Summary:
    """Do a step's work under the lock and write its outcome into the ledger, success or not."""
    with warehouse_lock(settings, step, run_id, on_wait=say):
        started = ledger.now()
        with closing(connect(settings)) as connection:
            ledger.record_step(connection, run_id, step, started, "running", {})
        try:
            summary = work()
        except BaseException as error:
            # The step's own error must stand, even if the ledger cannot be written any more.
            with suppress(MainstayError, duckdb.Error), closing(connect(settings)) as connection:
                reason = str(error) or type(error).__name__
                ledger.record_step(connection, run_id, step, started, "failed", {"error": reason})
            raise
        with closing(connect(settings)) as connection:
            ledger.record_step(connection, run_id, step, started, "success", summary)
        return summary


def land(settings: Settings, run_id: str, first: date, last: date, say: Say | None = None) -> Summary:
    """Find the range's landing files and make sure that each is what its contract says.

    Raises:
        LandingError: an obligatory dataset has no file at all in the range.
        FileRefusedError: files of a dataset are not what their contract says.
    """

    def work() -> Summary:
        counts: dict[str, int] = {}
        for name, contract in source_contracts(settings).items():
            files = discover(settings, contract, first, last)
            counts[name] = len(files)
            if not files and contract.is_obligatory:
                day = f"{first}" if first == last else f"{first} to {last}"
                raise LandingError(
                    f"no {name} file for {day}: expected {settings.landing / contract.location}. "
                    "Land the export and run again; for a day without sales land a file with just its header"
                )
            with closing(connect(settings)) as connection:
                check_files(connection, run_id, contract, files)
        return {"files": sum(counts.values()), "files_by_dataset": counts}

    return _recorded(settings, run_id, "land", work, say)


def load(
    settings: Settings,
    run_id: str,
    first: date | None,
    last: date | None,
    say: Say | None = None,
    datasets: list[str] | None = None,
) -> Summary:
    """Load the range's files into raw, quarantine and duplicates; unchanged partitions are left as they are."""
    from pipelines.load import load_datasets

    def work() -> Summary:
        results = load_datasets(settings, run_id, first, last, datasets, say)
        totals = {
            k: sum(getattr(r, k) for r in results)
            for k in ("files", "rows_in", "loaded", "quarantined", "duplicates", "unchanged")
        }
        return {**totals, "datasets": [r.as_dict() for r in results]}

    return _recorded(settings, run_id, "load", work, say)


def stage(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Build the policy seeds and the staging views."""
    return _transform(settings, run_id, "stage", as_of, say)


def build(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Build the intermediate models and the marts, and run their dbt tests."""
    return _transform(settings, run_id, "build", as_of, say)


def _transform(settings: Settings, run_id: str, step: str, as_of: date, say: Say | None) -> Summary:
    from pipelines.load.tables import create_tables
    from pipelines.transform import NodeResult, slowest, transform

    def heard(node: NodeResult) -> None:
        if say is not None and node.resource_type != "test":
            say(f"{node.name} {node.status}")

    def work() -> Summary:
        with closing(connect(settings)) as connection:
            create_tables(connection, source_contracts(settings))
        results = transform(settings, step, as_of, on_node=heard)
        with closing(connect(settings)) as connection:
            ledger.record_models(
                connection,
                run_id,
                [(r.name, r.resource_type, r.status, r.seconds, r.message) for r in results],
            )
        return {
            "as_of_date": as_of.isoformat(),
            "models": sum(r.resource_type in ("model", "seed") for r in results),
            "tests": sum(r.resource_type == "test" for r in results),
            "slowest": {r.name: round(r.seconds, 2) for r in slowest(results, 3)},
        }

    if step == "build":
        _refuse_unvalidated(settings)  # before the step begins: the marts stay what they are
    return _recorded(settings, run_id, step, work, say)


def _refuse_unvalidated(settings: Settings) -> None:
    with warehouse_lock(settings, "look", "look"):
        waiting = _unvalidated(settings)
    if waiting:
        raise BuildError(
            f"loaded and not passed by the raw expectations: {_dates_of(waiting)}; run `mainstay validate raw`, "
            "and mend and load again what it finds"
        )


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
    from pipelines.validate import require_success

    def work() -> Summary:
        contracts = source_contracts(settings)
        partitions = {
            name: {f.partition_date for f in discover(settings, contract, first, last)}
            for name, contract in contracts.items()
        }
        waiting: dict[str, list[date]] = {}
        if stage == "raw":
            # What an earlier night loaded and found wanting is looked at again until it is mended.
            for name, days in _unvalidated(settings).items():
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
                "Land a mended file for such a date and load it; a file with just its header empties the date"
            ) from error
        if stage == "raw":
            with closing(connect(settings)) as connection:
                ledger.mark_validated(connection, touched)
        return {**report.counts, "seconds": round(report.seconds, 2)}

    return _recorded(settings, run_id, f"validate_{stage}", work, say)


def _unvalidated(settings: Settings) -> dict[str, list[date]]:
    with closing(connect(settings)) as connection:
        return ledger.unvalidated(connection)


def has_unvalidated(settings: Settings) -> bool:
    """Whether anything was loaded that has not passed the raw expectations."""
    with warehouse_lock(settings, "look", "look"):
        return bool(_unvalidated(settings))


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


def publish(settings: Settings, run_id: str, as_of: date, say: Say | None = None) -> Summary:
    """Build the serving file, audit it with its expectations, and swap it in whole.

    Raises:
        PublishError: the night was refused; BI keeps the one before.
    """
    from pipelines.publish import publish as publish_marts
    from pipelines.validate import require_success

    built = built_as_of(settings)
    if built != as_of:
        raise PublishError(
            f"the marts in the warehouse are as of {built}, not {as_of}; run `mainstay build --as-of {as_of}` first"
        )
    if not are_marts_validated(settings):
        raise PublishError(
            "the marts have not passed their expectations since the last build; run `mainstay validate marts` first"
        )
    reports = []

    def audit(path: Path) -> None:
        report = _validated(settings, run_id, "serving", None, path)
        reports.append(report)
        require_success(report)

    def work() -> Summary:
        try:
            published = publish_marts(settings, run_id, as_of, mart_contracts(), audit=audit)
        finally:
            for report in reports:
                _record_report(settings, run_id, report)
        return {
            "version": published.version,
            "unchanged": published.unchanged,
            "path": str(published.path),
            "tables": len(published.tables),
            "rows": sum(t.row_count for t in published.tables.values()),
            "checks": reports[0].counts if reports else None,
        }

    return _recorded(settings, run_id, "publish", work, say)


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
    settings: Settings, first: date | None, last: date | None, datasets: list[str] | None = None
) -> dict[str, list[LandingFile]]:
    """Per dataset, the landed files of partitions that are not loaded just as they are now."""
    from pipelines.load import pending_files

    with warehouse_lock(settings, "load", "look"):
        return pending_files(settings, first, last, datasets)


def built_as_of(settings: Settings) -> date:
    """The business date that the marts in the warehouse were last built for.

    Raises:
        BuildError: they were never built, or the last build did not end well and left them half made.
    """
    row = _last_step(settings, "build")
    if row is None:
        raise BuildError("the marts were never built; run `mainstay build` first")
    run_id, status, _, as_of = row
    if status != "success":
        raise BuildError(
            f"the last build (run {run_id}) did not end well and the marts may be half made; run `mainstay build` again"
        )
    return date.fromisoformat(as_of)


def are_marts_validated(settings: Settings) -> bool:
    """Whether the marts have passed their expectations since they were last built."""
    built, validated = _last_step(settings, "build"), _last_step(settings, "validate_marts")
    return (
        built is not None and validated is not None and validated[1] == "success" and validated[2] > built[2]
    )


def _last_step(settings: Settings, step: str) -> tuple[str, str, datetime, str] | None:
    """Run id, status, start and as-of date of a step's newest entry in the ledger."""
    if not settings.warehouse.exists():
        return None
    with warehouse_lock(settings, "look", "look"), closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        row: tuple[str, str, datetime, str] | None = connection.execute(
            "SELECT run_id, status, started_at, json_extract_string(detail, '$.as_of_date') FROM ops.steps "
            "WHERE step = ? ORDER BY started_at DESC LIMIT 1",
            [step],
        ).fetchone()
        return row


def as_of_for(settings: Settings, business_date: date) -> date:
    """The date that a night of `business_date` builds the marts for: never one before what BI sees already.

    A night that is run again for an earlier date corrects that date's rows; it does not take BI back in time.
    """
    from pipelines.publish import current

    published = current(settings)
    return business_date if published is None else max(business_date, published.as_of_date)


_SIMULATED = (
    ("feedback", "SELECT count(*) FROM raw.feedback WHERE source_system = 'simulated'"),
    ("wallet surveys", "SELECT count(*) FROM raw.wallet_surveys WHERE source_system = 'simulated'"),
    ("unit costs", "SELECT count(*) FROM raw.products WHERE cost_source_system = 'simulated'"),
)


def simulated_parts(settings: Settings) -> list[str]:
    """What of the loaded data says of itself that it is simulated; the summary names it."""
    with warehouse_lock(settings, "look", "look"), closing(connect(settings, read_only=True)) as connection:
        return [name for name, sql in _SIMULATED if (connection.execute(sql).fetchone() or (0,))[0]]
