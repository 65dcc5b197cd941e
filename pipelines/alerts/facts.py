"""What of a run is worth telling: read from what became of it, from the ledger and from the published night. Counts, no rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.load.tables import REASON_KIND
from pipelines.quoting import ident
from pipelines.warehouse.looking import briefly, looking

if TYPE_CHECKING:
    import duckdb

    from pipelines.settings import Settings

_REASONS = 3
"""Reasons that are told of a date; `mainstay quarantine list` has all."""


@dataclass(frozen=True)
class Outcome:
    """What became of a run, however it was run."""

    dag_id: str
    """The DAG, or what was asked for where it did not come to one."""
    run_id: str
    dates: str
    """Its business date, or its range of landing dates."""
    step: str | None = None
    """The step that failed; None where none did."""
    error: str | None = None
    """The failed step's sentence, fit to be shown."""
    exit_code: int = 0
    published: dict[str, Any] | None = None
    """The summary of the step `publish`."""
    look_at: str | None = None
    """Where to look further: a log, a page or an address."""


@dataclass(frozen=True)
class Quarantined:
    """A landing date with more rows in quarantine than is usual."""

    dataset: str
    day: date
    rows_in: int
    quarantined: int
    reasons: tuple[tuple[str, int], ...]
    """The most frequent ones, without the values they name, and their rows."""


@dataclass(frozen=True)
class Warned:
    """A check that failed and only warns."""

    stage: str
    suite: str
    column: str | None
    expectation: str

    @property
    def name(self) -> str:
        """Where, and which."""
        return f"{self.suite}{f'.{self.column}' if self.column else ''}: {self.expectation}"


def quarantined(settings: Settings, run_ids: list[str], *, refused: bool = True) -> list[Quarantined]:
    """The dates that these runs loaded with more in quarantine than `notify_quarantine_rate`, the worst first.

    Args:
        settings: The deployment.
        run_ids: The runs.
        refused: Also dates that were not taken over because of it.

    Raises:
        LockedError: the warehouse is being written.
    """
    statuses = ["loaded", "rejected"] if refused else ["loaded"]
    with looking(briefly(settings), "alerts") as connection:
        rows = connection.execute(
            "SELECT dataset, partition_date, sum(rows_in)::BIGINT AS came, sum(quarantined)::BIGINT AS bad FROM ops.files "
            "WHERE list_contains(?, run_id) AND list_contains(?, status) GROUP BY ALL "
            "HAVING bad > came * CAST(? AS DOUBLE) ORDER BY bad / came DESC, dataset, partition_date",
            [run_ids, statuses, settings.notify_quarantine_rate],
        ).fetchall()
        return [
            Quarantined(name, day, rows_in, bad, _reasons(connection, name, day))
            for name, day, rows_in, bad in rows
        ]


def _reasons(connection: duckdb.DuckDBPyConnection, dataset: str, day: date) -> tuple[tuple[str, int], ...]:
    return tuple(
        connection.execute(
            f"SELECT {REASON_KIND} AS kind, count(*) FROM (SELECT unnest(reasons) AS reason FROM "
            f"quarantine.{ident(dataset)} WHERE partition_date = ? AND kind = 'broken') "
            f"GROUP BY kind ORDER BY 2 DESC, 1 LIMIT {_REASONS}",
            [day],
        ).fetchall()
    )


def warned(settings: Settings, run_ids: list[str]) -> list[Warned]:
    """The checks of these runs that failed and only warn.

    Raises:
        LockedError: the warehouse is being written.
    """
    with looking(briefly(settings), "alerts") as connection:
        rows = connection.execute(
            "SELECT DISTINCT stage, suite, column_name, expectation FROM ops.checks "
            "WHERE list_contains(?, run_id) AND NOT success AND severity = 'warning' ORDER BY ALL",
            [run_ids],
        ).fetchall()
    return [Warned(*row) for row in rows]
