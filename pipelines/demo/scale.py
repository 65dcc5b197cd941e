"""Made-up transactions of any size, for benchmarks: customers fall into the tiers as the seed documents say.

Of the customers who bought in the last twelve months 3 / 10 / 20 / 47 / 20 % are diamond, gold, silver,
ordinary and new at the last month, under the shipped default policy (1000 / 500 / 300, new for three months).
A tenth of all customers stopped before. Same arguments and DuckDB version, same bytes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from pipelines.contracts import SourceContract, canonical_contracts
from pipelines.demo.scale_draws import add_months
from pipelines.demo.scale_people_sql import EMPLOYEE_ROWS, customer_rows, employee_surveys_sql, employees_sql
from pipelines.demo.scale_programmes_sql import care_sql, points_redemptions_sql
from pipelines.demo.scale_sql import (
    MIN_LINES_PER_CUSTOMER,
    PRODUCT_ROWS,
    PRODUCTS,
    baskets_sql,
    customers_sql,
    lines_sql,
    products_sql,
)
from pipelines.demo.scale_voices_sql import feedback_sql, interactions_sql, wallet_surveys_sql
from pipelines.errors import SettingsError
from pipelines.quoting import ident, literal

_TIMES = "dateformat '%Y-%m-%d', timestampformat '%Y-%m-%d %H:%M:%S'"
FORMATS = {
    "csv": ("csv", f"format csv, header, compression uncompressed, {_TIMES}"),
    "csv.gz": ("csv.gz", f"format csv, header, compression gzip, {_TIMES}"),
    "parquet": ("parquet", "format parquet, compression snappy"),
    "jsonl": ("jsonl", f"format json, array false, compression uncompressed, {_TIMES}"),
}

MASTERS: dict[str, tuple[str, Callable[[int], str]]] = {
    "products": ("jsonl", lambda _seed: PRODUCT_ROWS),
    "customers": ("csv", customer_rows),
    "employees": ("csv", lambda _seed: EMPLOYEE_ROWS),
}
"""What comes once, with its format and its rows' query by the seed."""

MONTHLY = {
    "feedback": ("csv", "feedback_at, feedback_id"),
    "interactions": ("parquet", "interaction_at, interaction_id"),
    "wallet_surveys": ("jsonl", "survey_id, category, brand"),
    "employee_surveys": ("csv", "survey_id"),
    "points_redemptions": ("csv", "redeemed_at, redemption_id"),
}
"""What comes in one file per month, with its format and its rows' order."""

_MADE = (
    *(feedback_sql, interactions_sql, care_sql, wallet_surveys_sql),
    *(employees_sql, employee_surveys_sql, points_redemptions_sql),
)
MIN_MONTHS = 16


@dataclass(frozen=True)
class ScaleReport:
    """What `generate` wrote."""

    folder: Path
    rows: int
    customers: int
    products: int
    first_date: date
    last_date: date
    files: int
    bytes: int
    seconds: float


def generate(
    folder: Path,
    rows: int,
    months: int = 24,
    *,
    seed: int = 1,
    customers: int | None = None,
    format: str = "csv",
    first_month: date = date(2024, 1, 1),
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScaleReport:
    """Write `rows` transaction lines over `months` months as one landing file per business date.

    Below `folder` come `transactions/<date>/`, on the first date `products/` (8 categories, unit costs),
    `customers/` and `employees/`, and on each month's last day `feedback/` (a row per 20 receipts),
    `interactions/`, `wallet_surveys/`, `employee_surveys/` and `points_redemptions/`. Columns are the shipped contracts'.

    Args:
        folder: a landing folder; files of the same names are replaced.
        rows: transaction lines, exactly.
        months: calendar months, at least 16.
        seed: other seeds give other data.
        customers: how many in all, a tenth of them lapsed; default one per 400 rows.
        format: csv, csv.gz, parquet or jsonl, for the transactions.
        first_month: first day of the first month.
        threads: default all cores.
        progress: called with files done and in all.

    Raises:
        SettingsError: a value makes no sense.
    """
    started = time.perf_counter()
    people = customers if customers is not None else max(1, rows // 400)
    if format not in FORMATS:
        raise SettingsError(f"format {format!r} is not supported; use one of {', '.join(FORMATS)}")
    if months < MIN_MONTHS or first_month.day != 1:
        raise SettingsError(
            f"{months} months from {first_month}: use at least {MIN_MONTHS} and the first day of a month"
        )
    if people < 1 or rows < people * MIN_LINES_PER_CUSTOMER:
        raise SettingsError(
            f"{rows} rows for {people} customers: use at least {MIN_LINES_PER_CUSTOMER} rows a customer"
        )
    workers = threads or os.cpu_count() or 1
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; SET threads = {workers:d}")
        connection.execute(customers_sql(people, rows, months, first_month, seed))
        connection.execute(baskets_sql(seed))
        connection.execute(products_sql(seed))
        for make in _MADE:
            connection.execute(make(seed))
        days = [
            day for (day,) in connection.execute("select distinct day from baskets order by day").fetchall()
        ]
        contracts = canonical_contracts()
        columns = _columns(connection, contracts["transactions"], lines_sql(first_month, seed))
        ending, options = FORMATS[format]
        connection.execute("SET threads = 1")  # one file per thread: see pipelines.demo.write

        def write(day: date) -> int:
            with connection.cursor() as cursor:
                target = folder / "transactions" / day.isoformat() / f"transactions.{ending}"
                return _copy(cursor, columns, lines_sql(day, seed), options, target)

        size, done, files = 0, 0, len(days)
        with ThreadPoolExecutor(workers) as pool:
            for future in as_completed([pool.submit(write, day) for day in days]):
                size, done = size + future.result(), done + 1
                if progress is not None:
                    progress(done, len(days))
        for name, kind, day, query in _others(connection, first_month, seed):
            have = _columns(connection, contracts[name], query)
            target = folder / name / day.isoformat() / f"{name}.{kind}"
            size, files = size + _copy(connection, have, query, FORMATS[kind][1], target), files + 1
    last = add_months(first_month, months) - timedelta(days=1)
    return ScaleReport(
        folder, rows, people, PRODUCTS, first_month, last, files, size, time.perf_counter() - started
    )


def _others(
    connection: duckdb.DuckDBPyConnection, first: date, seed: int
) -> Iterator[tuple[str, str, date, str]]:
    """Every file but the transactions' as dataset, format, date and query."""
    for name, (kind, rows_of) in MASTERS.items():
        yield name, kind, first, rows_of(seed)
    for name, (kind, order) in MONTHLY.items():
        ends = connection.execute(f"select distinct last_day(day) from {name} order by all").fetchall()
        for (end,) in ends:
            rows = f"select *, 'simulated' as source_system from {name} where last_day(day) = date '{end}'"
            yield name, kind, end, f"{rows} order by {order}"


def _columns(connection: duckdb.DuckDBPyConnection, contract: SourceContract, query: str) -> str:
    """The contract's columns over the query's, null where it has none."""
    have = {column[0] for column in connection.execute(f"describe {query}").fetchall()}
    return ", ".join(
        f"cast({ident(c.name) if c.name in have else 'null'} as {c.type}) as {ident(c.source_name)}"
        for c in contract.source_columns
    )


def _copy(connection: duckdb.DuckDBPyConnection, columns: str, query: str, options: str, target: Path) -> int:
    """Write the query's rows, whole or not at all; give the file's size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(".scale.part")
    connection.execute(
        f"copy (select {columns} from ({query})) to {literal(str(part))} ({options}, use_tmp_file false)"
    )
    part.replace(target)
    return target.stat().st_size
