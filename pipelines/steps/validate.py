"""Validate: run a stage's expectations and keep their results in the ledger."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipelines.contracts import source_contracts
from pipelines.errors import ValidationFailedError
from pipelines.land import discover
from pipelines.steps.record import docs, recorded
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect
from pipelines.warehouse.standing import unvalidated

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary

_SHOWN = 10
"""Warnings that the ledger keeps in words; all are in `ops.checks`."""


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

    return recorded(
        settings, run_id, f"validate_{stage}", lambda: _validate(settings, run_id, stage, partitions()), say
    )


def validate_loaded(settings: Settings, run_id: str, say: Say | None = None) -> Summary:
    """Run the raw expectations on just what was loaded and has not passed them yet.

    Raises:
        ValidationFailedError: as `validate`.
    """
    return recorded(settings, run_id, "validate_raw", lambda: _validate(settings, run_id, "raw", {}), say)


def _validate(settings: Settings, run_id: str, stage: str, partitions: dict[str, set[date]]) -> Summary:
    from pipelines.validate import in_words, require_success

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
    report = validated(settings, run_id, stage, touched)
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
        with closing(connect(settings, rows=False)) as connection:
            ledger.mark_validated(connection, touched)
    told = (
        {"warnings": [in_words(warning) for warning in report.warnings[:_SHOWN]]} if report.warnings else {}
    )
    return {**report.counts, "seconds": round(report.seconds, 2), **told}


def _dates_of(partitions: dict[str, list[date]]) -> str:
    """The partitions in a sentence, the first few by name."""
    every = [f"{name} {day}" for name, days in partitions.items() for day in days]
    return ", ".join(every[:5]) + (f" and {len(every) - 5} more" if len(every) > 5 else "")


def validated(
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
        record_report(settings, run_id, report)
    return report


def record_report(settings: Settings, run_id: str, report: Any) -> None:
    """Keep a validation's results in the ledger, and show failures in the Data Docs at once."""
    rows = [
        (r.suite, r.expectation, r.column, r.success, r.observed, r.detail, r.severity)
        for r in report.results
    ]
    with closing(connect(settings, rows=False)) as connection:
        connection.execute(ledger.DDL)
        ledger.record_checks(connection, run_id, report.stage, rows)
    if (
        report.failed
    ):  # what the message points to is there before anyone reads it; all else the end of the run writes
        docs(settings)
