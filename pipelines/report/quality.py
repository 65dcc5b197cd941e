"""The night's data quality, read from the warehouse's ledger: checks, rows, freshness, and what is made up."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import LockedError, MainstayError
from pipelines.report.style import Table
from pipelines.warehouse.connection import fetch_rows
from pipelines.warehouse.lock import holder
from pipelines.warehouse.looking import looking
from pipelines.warehouse.standing import held_datasets, simulated_parts

if TYPE_CHECKING:
    from pipelines.publish import Published
    from pipelines.report.read import Rows
    from pipelines.report.texts import Texts
    from pipelines.settings import Settings

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 5.0
"""How long to wait for a run that writes: the page is worth more now than complete later."""

_CHECKS = """
select
    stage, count(*) as checks,
    count(*) filter (where not success and coalesce(severity, 'error') = 'error') as failed,
    count(*) filter (where not success and severity <> 'error') as warned
from ops.checks where run_id = ? group by stage order by min(rowid)
"""
_FILES = """
select
    dataset, sum(rows_in) as rows_in, sum(loaded) as loaded, sum(quarantined) as quarantined,
    coalesce(sum(rejected), 0) + coalesce(sum(ignored), 0) as not_ours, sum(duplicates) as duplicates
from ops.files where status = 'loaded' group by dataset
"""
_RUNS = """
select
    any_value(r.started_at) as started_at, any_value(r.kind) as kind, sum(f.rows_in) as rows_in,
    -- The page is written before its own run ends.
    case when r.run_id = ? then 'published' else any_value(r.status) end as status,
    sum(f.loaded) as loaded, sum(f.quarantined) as quarantined,
    coalesce(sum(f.rejected), 0) + coalesce(sum(f.ignored), 0) as not_ours, sum(f.duplicates) as duplicates
from ops.runs as r
inner join ops.files as f on r.run_id = f.run_id and f.rows_in is not null
group by r.run_id
order by max(coalesce(r.sequence, 0)) desc, max(r.started_at) desc
limit 5
"""


@dataclass(frozen=True)
class Quality:
    """What the ledger says, or why it could not be asked."""

    problem: str | None = None
    """Key of the sentence, below `quality.problems`."""
    names: dict[str, object] = field(default_factory=dict)
    """What the sentence names."""
    checks: Rows = field(default_factory=list)
    datasets: Rows = field(default_factory=list)
    runs: Rows = field(default_factory=list)
    simulated: list[str] = field(default_factory=list)

    def tables(self, texts: Texts) -> list[tuple[str, Table | str]]:
        """Each table with its title, or the sentence that stands in for it."""
        found = [
            ("checks", self._checks(texts), "no_checks"),
            ("datasets", self._datasets(texts), "no_datasets"),
            ("runs", self._runs(texts), "no_runs"),
        ]
        return [
            (texts(f"quality.{name}"), table if table.rows else texts(f"quality.{otherwise}"))
            for name, table, otherwise in found
        ]

    def why_not(self, texts: Texts) -> str:
        """The sentence why the ledger could not be asked; empty where it could."""
        return texts(f"quality.problems.{self.problem}", **self.names) if self.problem else ""

    def _checks(self, texts: Texts) -> Table:
        return Table(
            tuple(texts(f"quality.{name}") for name in ("stage", "run", "failed", "warned")),
            [
                (
                    texts.known(f"stages.{row['stage']}", row["stage"]),
                    *_counts(row, "checks", "failed", "warned"),
                )
                for row in self.checks
            ],
        )

    def _datasets(self, texts: Texts) -> Table:
        stale = f" ({texts('quality.stale')})"
        return Table(
            tuple(texts(f"quality.{name}") for name in ("dataset", *_ROWS, "last_date", "behind")),
            [
                (
                    row["dataset"],
                    *_counts(row, *_ROWS),
                    texts.day(row["last_date"]) if row["last_date"] else "–",
                    f"{row['days_behind'] or 0}{stale if row['is_stale'] else ''}",
                )
                for row in self.datasets
            ],
        )

    def _runs(self, texts: Texts) -> Table:
        return Table(
            tuple(texts(f"quality.{name}") for name in ("started", "kind", "status", *_ROWS)),
            [
                (
                    texts.moment(row["started_at"]),
                    *(texts.known(f"runs.{row[name]}", row[name]) for name in ("kind", "status")),
                    *_counts(row, *_ROWS),
                )
                for row in self.runs
            ],
        )


_ROWS = ("rows_in", "loaded", "quarantined", "not_ours", "duplicates")


def _counts(row: dict[str, object], *names: str) -> tuple[str, ...]:
    """Row counts to the last one, in every language: they are accounts, in which each row has its place."""
    return tuple(f"{row[name] or 0:,}" for name in names)


def read_quality(settings: Settings, published: Published) -> Quality:
    """Ask the ledger about the run that published, the data in use, and the last runs that loaded.

    Whatever keeps the ledger from answering (another process writes, the warehouse is gone or damaged) is a
    sentence on the page: the marts' charts do not need it.
    """
    if not settings.warehouse.exists():
        return Quality(problem="no_warehouse", names={"path": settings.warehouse})
    patience = min(_WAIT_SECONDS, settings.lock_timeout_seconds)
    brief = settings.model_copy(update={"lock_timeout_seconds": patience})
    try:
        with looking(brief, "report", on_wait=lambda _: None) as connection:
            files = {row["dataset"]: row for row in fetch_rows(connection, _FILES)}
            held = held_datasets(settings, connection)
            return Quality(
                checks=fetch_rows(connection, _CHECKS, [published.run_id]),
                datasets=[row | files[row["dataset"]] for row in held if row["dataset"] in files],
                runs=fetch_rows(connection, _RUNS, [published.run_id]),
                simulated=simulated_parts(settings),
            )
    except LockedError:
        who = holder(settings) or {}
        names = {name: who.get(name, "?") for name in ("pid", "host", "step", "run_id")}
        return Quality(problem="locked", names=names)
    except (MainstayError, duckdb.Error):
        logger.warning("the report could not read the ledger", exc_info=True)
        return Quality(problem="unreadable")
