"""Two published nights of all marts, most of them empty: enough to look at, and made in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from deployments import Deployment, create

from pipelines.contracts import mart_contracts
from pipelines.publish import Published, publish
from pipelines.quoting import ident

NIGHTS = (date(2017, 11, 30), date(2017, 12, 31))
_ANY = {
    "VARCHAR": "'x'",
    "DATE": "DATE '2017-01-01'",
    "TIMESTAMP": "TIMESTAMP '2017-01-01'",
    "BOOLEAN": "true",
}
"""Of a required column that a row says nothing of; a number is 0."""


def two_nights(home: Path) -> tuple[Deployment, list[Published]]:
    """A deployment and what it published: of the first night one sale is corrected, one tier moved, one month new."""
    shop = create(home)
    shop.settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    october, november, december = date(2017, 10, 1), date(2017, 11, 1), date(2017, 12, 1)
    with _writing(shop) as connection:
        connection.execute("create schema marts")
        for name, contract in mart_contracts(shop.settings).items():
            columns = ", ".join(f"{ident(c.name)} {c.type}" for c in contract.columns)
            connection.execute(f"create table marts.{ident(name)} ({columns})")
        for number, month, amount in ((1, october, 10), (2, november, 20)):
            _insert(connection, "fct_transactions", _sale(number, month, amount))
        for customer, month, tier in (
            ("ann", october, "gold"),
            ("ann", november, "gold"),
            ("bob", november, "new"),
        ):
            row = {"customer_id": customer, "month": month, "tier": tier}
            _insert(connection, "customer_tiers_monthly", row)
    nights = [_publish(shop, NIGHTS[0])]
    with _writing(shop) as connection:
        connection.execute("update marts.fct_transactions set net_amount = 21.5 where transaction_id = 't2'")
        connection.execute(
            "update marts.customer_tiers_monthly set tier = 'silver' where customer_id = 'ann' and month = ?",
            [november],
        )
        _insert(connection, "fct_transactions", _sale(3, december, 30))
    return shop, [*nights, _publish(shop, NIGHTS[1])]


@contextmanager
def _writing(shop: Deployment) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(shop.settings.warehouse)) as connection:
        yield connection


def _sale(number: int, month: date, amount: int) -> dict[str, Any]:
    return {"transaction_id": f"t{number}", "business_date": month, "month": month, "net_amount": amount}


def _insert(connection: duckdb.DuckDBPyConnection, mart: str, row: dict[str, Any]) -> None:
    columns = [c for c in mart_contracts()[mart].columns if c.name in row or c.required]
    names = ", ".join(ident(c.name) for c in columns)
    values = ", ".join("?" if c.name in row else _ANY.get(c.type, "0") for c in columns)
    given = [row[c.name] for c in columns if c.name in row]
    connection.execute(f"insert into marts.{ident(mart)} ({names}) values ({values})", given)


def _publish(shop: Deployment, as_of: date) -> Published:
    return publish(shop.settings, f"night-{as_of}", as_of, mart_contracts(shop.settings))
