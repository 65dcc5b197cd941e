"""The bare script that Mainstay is measured against: plain DuckDB, written by hand, for clean data only.

It does: a typed read of the same landing files into the same columns (timestamps to UTC, business date in the
reporting timezone, the file and its date beside each row), then the same marts (`bare_marts.sql`, then what
customers say and do in `bare_loyalty.sql` and `bare_defections.sql`), into one DuckDB file, with DuckDB's default
threads as Mainstay.

It does not: inspect or hash files, check a row rule, look for duplicate keys, quarantine, count rows by file, keep
a ledger, replace a date, let a later file correct an earlier one, read contracts or policies beyond the shipped
default, fit models, make the marts of care, points and offers, or test what it built.

Run one part: `python -m bench.bare load|build --landing DIR --database FILE [--format csv|parquet]`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import duckdb

ZONE = "Asia/Shanghai"
SEEDS = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds"
MARTS_SQL = ("bare_marts.sql", "bare_loyalty.sql", "bare_defections.sql")

TRANSACTIONS = {
    "transaction_id": "VARCHAR", "line_number": "INTEGER", "customer_id": "VARCHAR", "product_id": "VARCHAR",
    "transaction_at": "TIMESTAMP", "quantity": "DECIMAL(18,3)", "net_amount": "DECIMAL(18,2)",
    "discount_amount": "DECIMAL(18,2)", "cost_amount": "DECIMAL(18,2)", "store_id": "VARCHAR",
    "channel": "VARCHAR", "source_system": "VARCHAR",
}  # fmt: skip
CUSTOMERS = {
    "customer_id": "VARCHAR", "full_name": "VARCHAR", "phone": "VARCHAR", "email": "VARCHAR", "address": "VARCHAR",
    "birth_date": "DATE", "gender": "VARCHAR", "age_band": "VARCHAR", "income_band": "VARCHAR",
    "household_size": "VARCHAR", "marital_status": "VARCHAR", "region": "VARCHAR", "segment": "VARCHAR",
    "acquisition_channel": "VARCHAR", "registered_on": "DATE", "referred_by_customer_id": "VARCHAR",
    "account_manager_employee_id": "VARCHAR", "merged_into_customer_id": "VARCHAR",
    "preferred_channel": "VARCHAR", "is_marketing_consent": "BOOLEAN", "source_system": "VARCHAR",
}  # fmt: skip
PRODUCTS = {
    "product_id": "VARCHAR", "product_name": "VARCHAR", "category": "VARCHAR", "subcategory": "VARCHAR",
    "brand": "VARCHAR", "unit_cost": "DECIMAL(18,4)", "cost_source_system": "VARCHAR", "source_system": "VARCHAR",
}  # fmt: skip
FEEDBACK = {
    "feedback_id": "VARCHAR", "customer_id": "VARCHAR", "feedback_at": "TIMESTAMP", "kind": "VARCHAR",
    "score": "INTEGER", "driver": "VARCHAR", "topic": "VARCHAR", "channel": "VARCHAR", "comment_text": "VARCHAR",
    "responded_at": "TIMESTAMP", "resolved_at": "TIMESTAMP", "outcome_told_at": "TIMESTAMP",
    "source_system": "VARCHAR",
}  # fmt: skip
INTERACTIONS = {
    "interaction_id": "VARCHAR", "customer_id": "VARCHAR", "interaction_at": "TIMESTAMP", "direction": "VARCHAR",
    "channel": "VARCHAR", "kind": "VARCHAR", "campaign_id": "VARCHAR", "employee_id": "VARCHAR",
    "source_system": "VARCHAR",
}  # fmt: skip
WALLET_SURVEYS = {
    "survey_id": "VARCHAR", "category": "VARCHAR", "brand": "VARCHAR", "customer_id": "VARCHAR",
    "surveyed_at": "TIMESTAMP", "is_own_brand": "BOOLEAN", "preference_rank": "DECIMAL(9,3)",
    "declared_wallet": "DECIMAL(18,2)", "source_system": "VARCHAR",
}  # fmt: skip
EMPLOYEES = {
    "employee_id": "VARCHAR", "team_id": "VARCHAR", "store_id": "VARCHAR", "hired_on": "DATE", "left_on": "DATE",
    "source_system": "VARCHAR",
}  # fmt: skip
EMPLOYEE_SURVEYS = {
    "survey_id": "VARCHAR", "team_id": "VARCHAR", "surveyed_at": "TIMESTAMP", "score": "INTEGER",
    "source_system": "VARCHAR",
}  # fmt: skip
POINTS_REDEMPTIONS = {
    "redemption_id": "VARCHAR", "customer_id": "VARCHAR", "redeemed_at": "TIMESTAMP", "points": "BIGINT",
    "source_system": "VARCHAR",
}  # fmt: skip


def _reader(landing: Path, dataset: str, kind: str, columns: dict[str, str]) -> str:
    """A table function over all of a dataset's files, with explicit types."""
    files = sorted(str(path) for path in (landing / dataset).glob(f"*/*.{kind}"))
    listed = ", ".join(f"'{path}'" for path in files)
    typed = ", ".join(f"'{name}': '{type_}'" for name, type_ in columns.items())
    if kind == "parquet":
        return f"read_parquet([{listed}], filename = true)"
    if kind == "jsonl":
        return f"read_json([{listed}], format = 'newline_delimited', columns = {{{typed}}}, filename = true)"
    return (
        f"read_csv([{listed}], auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
        f"nullstr = '', dateformat = '%Y-%m-%d', timestampformat = '%Y-%m-%d %H:%M:%S', "
        f"columns = {{{typed}}}, filename = true)"
    )


def _open(database: Path, memory_limit: str | None) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(database))
    connection.execute("set TimeZone = 'UTC'")
    if memory_limit:
        connection.execute(f"set memory_limit = '{memory_limit}'")
    return connection


def load(landing: Path, database: Path, kind: str, memory_limit: str | None = None) -> None:
    """Read all landing files, typed, into tables of a DuckDB file."""
    day = "cast(string_split(filename, '/')[-2] as date)"
    # A dataset's format, columns and, if it has one, the moment whose local date is its business date.
    sets = {
        "transactions": (kind, TRANSACTIONS, "transaction_at"),
        "customers": ("csv", CUSTOMERS, None),
        "products": ("jsonl", PRODUCTS, None),
        "feedback": ("csv", FEEDBACK, "feedback_at"),
        "interactions": ("parquet", INTERACTIONS, "interaction_at"),
        "wallet_surveys": ("jsonl", WALLET_SURVEYS, "surveyed_at"),
        "employees": ("csv", EMPLOYEES, None),
        "employee_surveys": ("csv", EMPLOYEE_SURVEYS, "surveyed_at"),
        "points_redemptions": ("csv", POINTS_REDEMPTIONS, "redeemed_at"),
    }
    database.parent.mkdir(parents=True, exist_ok=True)
    with _open(database, memory_limit) as connection:
        for dataset, (ending, columns, moment) in sets.items():
            names = ", ".join(
                f"timezone('UTC', timezone('{ZONE}', {name})) as {name}" if type_ == "TIMESTAMP" else name
                for name, type_ in columns.items()
            )
            # The file's own local time, not the column of the same name that is made from it.
            business_date = f"cast(r.{moment} as date)" if moment else day
            connection.execute(
                f"create table {dataset} as select {names}, {business_date} as business_date, "
                f"{day} as partition_date, filename as file_id from {_reader(landing, dataset, ending, columns)} as r"
            )
        connection.execute("checkpoint")


def build(database: Path, as_of: str, memory_limit: str | None = None) -> None:
    """Compute the marts from the loaded tables; say how long each file took, if anyone asks."""
    seconds = {}
    with _open(database, memory_limit) as connection:
        connection.execute(
            f"set variable as_of = date '{as_of}'; set variable seeds = '{SEEDS}'; set variable as_of_end = "
            f"timezone('UTC', timezone('{ZONE}', timestamp '{as_of}' + interval 1 day))"
        )
        for name in MARTS_SQL:
            began = time.perf_counter()
            for statement in Path(__file__).with_name(name).read_text(encoding="utf-8").split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            seconds[name] = time.perf_counter() - began
        connection.execute("checkpoint")
    if result := os.environ.get("BENCH_RESULT"):
        Path(result).write_text(json.dumps({"seconds": seconds}), encoding="utf-8")


def main() -> None:
    """One part of the script, as a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("load", "build"))
    parser.add_argument("--landing", type=Path, required=True)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--as-of", default="2025-12-31")
    parser.add_argument("--memory-limit")
    args = parser.parse_args()
    if args.part == "load":
        load(args.landing, args.database, args.format, args.memory_limit)
    else:
        build(args.database, args.as_of, args.memory_limit)


if __name__ == "__main__":
    main()
