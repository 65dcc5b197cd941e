"""A ledger as nights leave it: the newest stopped by its checks, others before it, rows in quarantine. No night is run."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect

if TYPE_CHECKING:
    import duckdb

DAY = date(2024, 3, 1)
RUN = "manual__2024-03-02T04:00:00+08:00"
HOSTILE = "</details><script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt; \x1b\u202e"
CONTRACT = "/srv/a shop/data_contracts/sources/transactions.odcs.yaml"


def result(
    suite: str, type_: str, column: str | None = None, observed: str | None = None, **detail: Any
) -> tuple[Any, ...]:
    """A row of `record_checks`: failed where something is observed; `detail` with `arguments`, `rule` and the like."""
    severity = detail.pop("severity", "error")
    given = {"arguments": {}, "rule": f"{CONTRACT}: column {column}", **detail}
    return suite, type_, column, observed is None, observed, json.dumps(given), severity


FAILED = [
    result(
        "raw.transactions",
        "expect_column_values_to_be_in_set",
        "channel",
        "3 of 3800 rows",
        arguments={"column": "channel", "value_set": ["web", "store"]},
        partial_unexpected_list=[HOSTILE, "phone", "phone"],
    ),
    result(
        "raw.transactions",
        "expect_key_to_be_unique",
        "transaction_id, line_number",
        "transaction_id T7, rows_of_this_key 2",
        details={"unexpected_rows": [{"transaction_id": f"T{n}", "rows_of_this_key": 2} for n in range(20)]},
    ),
    result(
        "raw.transactions",
        "expect_metric_to_keep_rule",
        None,
        "observed 133",
        rule=f"{CONTRACT}: quality few",
        description="rowCount mustBeLessThan 100",
        details={"unexpected_rows": [{"observed": 133}]},
        severity="warning",
    ),
]
PASSED = [
    result(
        "raw.transactions",
        "expect_column_values_to_not_be_null",
        "customer_id",
        arguments={"column": "customer_id", "mostly": 0.99},
    ),
    result(
        "raw.transactions",
        "expect_column_values_to_be_between",
        "quantity",
        arguments={"column": "quantity", "min_value": 0, "strict_min": True, "max_value": 9},
    ),
]


def checked(
    settings: Settings, run_id: str, status: str, *checks: tuple[Any, ...], message: str | None = None
) -> None:
    """A nightly run with these checks of `raw`."""
    ledger.start_run(settings, run_id, "nightly", DAY)
    with closing(connect(settings)) as connection:
        ledger.record_checks(connection, run_id, "raw", checks)
    if status != "running":
        ledger.finish_run(settings, run_id, status, message)


def quarantine(connection: duckdb.DuckDBPyConnection, reason: str, rows: int, day: date = DAY) -> None:
    """Rows of transactions that were set aside."""
    connection.execute("create schema if not exists quarantine")
    connection.execute(
        "create table if not exists quarantine.transactions (run_id varchar, file_id varchar, partition_date date, "
        "reasons varchar[])"
    )
    connection.execute(
        "insert into quarantine.transactions select 'r', 'f', ?, [?] from range(?)", [day, reason, rows]
    )


def stopped(home: Path) -> Settings:
    """Three nights; the newest stopped by its checks, with a dbt test that failed before."""
    settings = Settings(home=home, contracts_dir=None)
    checked(settings, "first", "success", *PASSED)
    checked(settings, "second", "failed", *PASSED, message="publish: the disk is full")
    with closing(connect(settings)) as connection:
        ledger.record_models(
            connection,
            "second",
            [
                ("keys_are_unique", "test", "pass", 1.0, None),
                ("sums_agree", "test", "warn", 1.0, "Got 2 results"),
            ],
        )
    checked(
        settings, RUN, "failed", *PASSED, *FAILED, message="validate_raw: raw: 2 of 5 expectations failed"
    )
    with closing(connect(settings)) as connection:
        connection.execute(
            "insert into ops.files (file_id, run_id, dataset, partition_date, status, rows_in) "
            "values ('f', 'r', 'transactions', ?, 'loaded', 500)",
            [DAY],
        )
        quarantine(connection, "net_amount: 'much' is no DECIMAL(18,2)", 30)
        quarantine(connection, "transaction_at: 2024-03-05 is in the future of its file's date 2024-03-01", 4)
        quarantine(connection, "transaction_at: 2024-03-06 is in the future of its file's date 2024-03-01", 4)
        quarantine(connection, f"own_rule: {HOSTILE}", 1)
    return settings
