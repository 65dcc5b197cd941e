"""The bare script that Mainstay is measured against: plain DuckDB, written by hand, for clean data only.

It does: a typed read of the same landing files into the same columns (timestamps to UTC, business date in the
reporting timezone, the file and its date beside each row), then the same fifteen marts (`bare_marts.sql`), into
one DuckDB file, with DuckDB's default threads as Mainstay.

It does not: inspect or hash files, check a row rule, look for duplicate keys, quarantine, count rows by file, keep
a ledger, replace a date, let a later file correct an earlier one, read contracts or policies beyond the shipped
default, or test what it built. The benchmark's data has no surveys, feedback or interactions, so it writes
nulls where they would count.

Run one part: `python -m bench.bare load|build --landing DIR --database FILE [--format csv|parquet]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

ZONE = "Asia/Shanghai"
SEEDS = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds"
MARTS_SQL = Path(__file__).with_name("bare_marts.sql")

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
    "merged_into_customer_id": "VARCHAR",
    "preferred_channel": "VARCHAR", "is_marketing_consent": "BOOLEAN", "source_system": "VARCHAR",
}  # fmt: skip
PRODUCTS = {
    "product_id": "VARCHAR", "product_name": "VARCHAR", "category": "VARCHAR", "subcategory": "VARCHAR",
    "brand": "VARCHAR", "unit_cost": "DECIMAL(18,4)", "cost_source_system": "VARCHAR", "source_system": "VARCHAR",
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
    sets = (
        ("transactions", kind, TRANSACTIONS),
        ("customers", "csv", CUSTOMERS),
        ("products", "jsonl", PRODUCTS),
    )
    database.parent.mkdir(parents=True, exist_ok=True)
    with _open(database, memory_limit) as connection:
        for dataset, ending, columns in sets:
            names, business_date = ", ".join(columns), day
            if dataset == "transactions":
                names = names.replace(
                    "transaction_at", f"timezone('UTC', timezone('{ZONE}', transaction_at)) as transaction_at"
                )
                # The file's own local time, not the column of the same name that is made from it.
                business_date = "cast(r.transaction_at as date)"
            connection.execute(
                f"create table {dataset} as select {names}, {business_date} as business_date, "
                f"{day} as partition_date, filename as file_id from {_reader(landing, dataset, ending, columns)} as r"
            )
        connection.execute("checkpoint")


def build(database: Path, as_of: str, memory_limit: str | None = None) -> None:
    """Compute the marts from the loaded tables."""
    with _open(database, memory_limit) as connection:
        connection.execute(f"set variable as_of = date '{as_of}'; set variable seeds = '{SEEDS}'")
        for statement in MARTS_SQL.read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("checkpoint")


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
