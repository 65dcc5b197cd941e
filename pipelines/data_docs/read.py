"""What the Data Docs show, read from the ledger and from quarantine: the last nights, what failed, what was set aside.

All of it is bounded, and says what was left out: a page stays small whatever a night brings.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipelines.load.tables import REASON_KIND
from pipelines.quoting import ident
from pipelines.warehouse.connection import fetch_rows
from pipelines.warehouse.ledger import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import duckdb

    from pipelines.settings import Settings

STAGES = ("land", "raw", "staging", "build", "marts", "serving")
"""In the order of a night; `build` are dbt's tests, all others Great Expectations'."""

NIGHTS = 14
SHOWN_NOW = 60
"""Failures and warnings that are shown of the newest night."""
SHOWN_BEFORE = 10
"""Those of each night before."""
SHOWN_CHECKS = 1_500
"""Checks of the newest night that are listed."""
SHOWN_DATES = 10
"""Landing dates of a dataset whose rejects are shown, the newest."""
SHOWN_REASONS = 5

_RUNS = """
select r.run_id, r.kind, r.as_of_date, r.started_at, r.status, r.message
from ops.runs as r
where r.status in ('failed', 'killed') or exists (select 1 from ops.checks as c where c.run_id = r.run_id)
order by coalesce(r.sequence, 0) desc, r.started_at desc
limit ?
"""
_COUNTS = """
select
    run_id, stage, count(*) as checks,
    count(*) filter (where not success and coalesce(severity, 'error') = 'error') as failed,
    count(*) filter (where not success and severity <> 'error') as warned
from ops.checks where list_contains(?::varchar[], run_id) group by all
union all
select
    run_id, 'build', count(*), count(*) filter (where status not in ('pass', 'warn')), count(*) filter (where status = 'warn')
from ops.models where resource_type = 'test' and status <> 'skipped' and list_contains(?::varchar[], run_id) group by all
"""
# What stops a night comes first.
_PROBLEMS = """
select * from (
    select
        run_id, stage, suite, expectation, column_name, observed, detail, coalesce(severity, 'error') as severity,
        false as success, rowid as position
    from ops.checks where not success and list_contains(?::varchar[], run_id)
    union all
    select
        run_id, 'build', name, 'dbt_test', null, message, null, case status when 'warn' then 'warning' else 'error' end,
        false, rowid
    from ops.models
    where resource_type = 'test' and status not in ('pass', 'skipped') and list_contains(?::varchar[], run_id)
)
qualify row_number() over (partition by run_id order by severity, list_position(?::varchar[], stage), position) <= ?
order by severity, list_position(?::varchar[], stage), position
"""
_CHECKS = """
select stage, suite, expectation, column_name, observed, detail, coalesce(severity, 'error') as severity, success
from ops.checks where run_id = ?
order by list_position(?::varchar[], stage), rowid limit ?
"""
_FUTURE = re.compile(r"\S+ (is in the future of its file's date) \S+")


@dataclass(frozen=True)
class Check:
    """A check and what came of it."""

    stage: str
    suite: str
    expectation: str
    column: str | None
    observed: str | None
    detail: dict[str, Any] | None
    """Arguments, rule, description and examples; None where they were taken away with a person, or of dbt."""
    severity: str
    success: bool


@dataclass(frozen=True)
class Count:
    """How many checks a stage of a night had."""

    checks: int
    failed: int
    warned: int


@dataclass
class Night:
    """A run with its checks; `problems` are the first of `problem_count`."""

    run_id: str
    kind: str
    as_of_date: date
    started_at: datetime
    status: str
    message: str | None
    counts: dict[str, Count] = field(default_factory=dict)
    problems: list[Check] = field(default_factory=list)

    @property
    def total(self) -> Count:
        """All its stages together."""
        every = self.counts.values()
        return Count(sum(c.checks for c in every), sum(c.failed for c in every), sum(c.warned for c in every))

    @property
    def left_out(self) -> int:
        """Failures and warnings that are not among `problems`."""
        return self.total.failed + self.total.warned - len(self.problems)


@dataclass(frozen=True)
class Rejects:
    """Rows of a dataset's landing date that were set aside; reasons are those of most rows, of `reason_count`."""

    dataset: str
    landing_date: date
    rows: int
    rows_in: int | None
    reasons: list[tuple[str, int]]
    reason_count: int


@dataclass(frozen=True)
class Found:
    """All that a page shows."""

    nights: list[Night]
    """The newest first."""
    checks: list[Check]
    """Of the newest night, the first `SHOWN_CHECKS`."""
    rejects: list[Rejects]
    other_dates: int
    """Landing dates with rejects that are not shown."""

    def halved(self) -> Found:
        """The same with half as much of everything that a page lists; what is left out is counted still."""
        nights = [
            replace(night, problems=night.problems[: len(night.problems) // 2]) for night in self.nights
        ]
        rejects = self.rejects[: len(self.rejects) // 2]
        left_out = len(self.rejects) - len(rejects)
        return Found(nights, self.checks[: len(self.checks) // 2], rejects, self.other_dates + left_out)


def read_found(settings: Settings, connection: duckdb.DuckDBPyConnection) -> Found:
    """What the ledger and quarantine hold."""
    nights = _nights(settings, connection)
    checks = (
        [
            _check(row)
            for row in fetch_rows(connection, _CHECKS, [nights[0].run_id, list(STAGES), SHOWN_CHECKS])
        ]
        if nights
        else []
    )
    rejects, others = _rejects(connection)
    return Found(nights, checks, rejects, others)


def _nights(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[Night]:
    """The last runs that checked something or failed, none older than logs are kept, but for the newest."""
    found = [Night(**row) for row in fetch_rows(connection, _RUNS, [NIGHTS])]
    oldest = now() - timedelta(days=settings.keep_log_days)
    nights = [night for n, night in enumerate(found) if n == 0 or night.started_at >= oldest]
    runs = {night.run_id: night for night in nights}
    names, stages = list(runs), list(STAGES)
    for row in fetch_rows(connection, _COUNTS, [names, names]):
        runs[row["run_id"]].counts[row["stage"]] = Count(row["checks"], row["failed"], row["warned"])
    for row in fetch_rows(connection, _PROBLEMS, [names, names, stages, SHOWN_NOW, stages]):
        night = runs[row["run_id"]]
        if len(night.problems) < (SHOWN_NOW if night is nights[0] else SHOWN_BEFORE):
            night.problems.append(_check(row))
    return nights


def _check(row: dict[str, Any]) -> Check:
    return Check(
        row["stage"],
        row["suite"],
        row["expectation"],
        row["column_name"],
        row["observed"],
        json.loads(row["detail"]) if row["detail"] else None,
        row["severity"],
        row["success"],
    )


def _rejects(connection: duckdb.DuckDBPyConnection) -> tuple[list[Rejects], int]:
    datasets = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'quarantine' "
        "and table_catalog = current_database() order by 1"
    ).fetchall()
    found: list[Rejects] = []
    others = 0
    for (dataset,) in datasets:
        table = f"quarantine.{ident(dataset)}"
        days = connection.execute(
            "select q.partition_date, sum(q.rows)::bigint, sum(f.rows_in)::bigint from (select partition_date, run_id, file_id, "
            f"count(*) as rows from {table} group by all) as q left join ops.files as f on f.dataset = ? "
            "and f.run_id = q.run_id and f.file_id = q.file_id group by all order by 1 desc",
            [dataset],
        ).fetchall()
        others += max(len(days) - SHOWN_DATES, 0)
        for day, rows, rows_in in days[:SHOWN_DATES]:
            reasons = _reasons(connection, table, day)
            most = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN_REASONS]
            found.append(Rejects(dataset, day, rows, rows_in, most, len(reasons)))
    return found, others


def _reasons(connection: duckdb.DuckDBPyConnection, table: str, day: date) -> Counter[str]:
    """Rows by reason, example values cut out."""
    counted: Counter[str] = Counter()
    rows: Sequence[tuple[str, int]] = connection.execute(
        f"select {REASON_KIND} as kind, count(*) from (select unnest(reasons) as reason from {table} "
        "where partition_date = ?) group by kind",
        [day],
    ).fetchall()
    for reason, count in rows:
        counted[_FUTURE.sub(r"… \1", reason)] += count
    return counted
