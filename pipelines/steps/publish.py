"""Publish: build the serving file, audit it, swap it in whole, and write the report beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.contracts import mart_contracts
from pipelines.errors import PublishError
from pipelines.publish import as_of_for
from pipelines.steps.build import build
from pipelines.steps.fit import fit
from pipelines.steps.record import recorded
from pipelines.steps.validate import record_report, validate, validated
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.standing import are_marts_ready, are_marts_validated, built_as_of

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pipelines.publish import Published
    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary


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

        return recorded(settings, run_id, "publish", work, say)


def _publish(settings: Settings, run_id: str, as_of: date, *, compare: bool) -> Summary:
    from pipelines import publish as publishing
    from pipelines.report import report_or_reason
    from pipelines.validate import require_success

    reports = []

    def audit(path: Path) -> None:
        report = validated(settings, run_id, "serving", None, path)
        reports.append(report)
        require_success(report)

    before = _served(settings)
    changes = publishing.compare(settings, mart_contracts(settings)).as_dict() if compare else None
    try:
        published = publishing.publish(settings, run_id, as_of, mart_contracts(settings), audit=audit)
    finally:
        for report in reports:
            record_report(settings, run_id, report)
    summary = {
        "as_of_date": published.as_of_date.isoformat(),
        "version": published.version,
        "unchanged": published.unchanged,
        "path": str(published.path),
        "tables": len(published.tables),
        "rows": sum(t.row_count for t in published.tables.values()),
        "checks": reports[0].counts if reports else None,
        "report": report_or_reason(settings),
        "before": before.version if before else None,
        "marts": _rows_by_mart(before, published),
    }
    return summary | {"changes": changes} if compare else summary


def _served(settings: Settings) -> Published | None:
    """What BI sees; None where that is nothing, or nothing that can be read, which publishing mends."""
    from pipelines.publish import current

    try:
        return current(settings)
    except PublishError:
        return None


def _rows_by_mart(before: Published | None, after: Published) -> list[dict[str, Any]]:
    """Each mart's rows before and after, from what the two nights say of themselves: it costs nothing."""
    olds = before.tables if before else {}
    marts = []
    for name in sorted({*olds, *after.tables}):
        old, new = olds.get(name), after.tables.get(name)
        if old is None or new is None:
            status = "gone" if new is None else "new"
        else:
            status = "same" if old.fingerprint == new.fingerprint else "changed"
        marts.append(
            {
                "name": name,
                "status": status,
                "rows_before": old.row_count if old else None,
                "rows_after": new.row_count if new else None,
            }
        )
    return marts
