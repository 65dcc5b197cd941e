"""What the offers' models read: the demo's tables as they were on a day, and generated lines."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb

from bench.offers.models import READ
from pipelines.demo.scale_sql import baskets_sql, customers_sql, lines_sql, products_sql
from pipelines.quoting import literal

FIRST, MONTHS, LINES_PER_CUSTOMER = date(2024, 1, 1), 24, 400


def opened(path: Path, work: Path) -> duckdb.DuckDBPyConnection:
    """A database with the schemas that models are in; two threads, and memory as the aim has it."""
    connection = duckdb.connect(
        str(path),
        config={"threads": 2, "memory_limit": "5GiB", "temp_directory": str(work / "spilled")},
    )
    connection.execute("set TimeZone = 'UTC'")
    for schema in ("staging", "intermediate", "marts"):
        connection.execute(f"create schema if not exists {schema}")
    return connection


def copy_demo(connection: duckdb.DuckDBPyConnection, warehouse: Path, as_of: date) -> None:
    """The tables that are read, without anything after the day."""
    connection.execute(f"attach {literal(str(warehouse))} as mainstay (read_only)")
    for name in READ:
        until = "" if name.startswith("staging") else f"where business_date <= date '{as_of}'"
        connection.execute(f"create or replace table {name} as select * from mainstay.{name} {until}")
    connection.execute("detach mainstay")


def last_day(warehouse: Path) -> date:
    """The last day that has a line."""
    with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
        rows = connection.execute("select max(business_date) from marts.fct_transactions").fetchone()
    if rows is None or rows[0] is None:
        raise SystemExit(f"{warehouse} has no line: load the demo first (`make nightly`)")
    return date.fromisoformat(str(rows[0]))


def make_up(connection: duckdb.DuckDBPyConnection, rows: int, seed: int) -> None:
    """The scale generator's lines of all days at once, and what else is read, of these."""
    people = max(1, rows // LINES_PER_CUSTOMER)
    for query in (
        customers_sql(people, rows, MONTHS, FIRST, seed),
        baskets_sql(seed),
        products_sql(seed),
    ):
        connection.execute(query)
    one_night = lines_sql(FIRST, seed)
    lines = one_night.replace(f"where day = date '{FIRST}'", "").replace("order by basket_key, line", "")
    connection.execute(
        f"""
        create table marts.fct_transactions as
        select
            transaction_id, line_number, customer_id, product_id, transaction_at,
            cast(transaction_at as date) as business_date, quantity, net_amount
        from ({lines})
        """
    )
    connection.execute(
        """
        create table intermediate.int_customer_days as
        select customer_id, business_date, sum(net_amount) > 0 as is_purchase_day
        from marts.fct_transactions
        where customer_id is not null
        group by customer_id, business_date
        """
    )
    connection.execute(
        "create table staging.stg_products as select product_id, product_id as product_name, category from products"
    )
    for table in ("customers", "baskets", "products"):
        connection.execute(f"drop table {table}")
