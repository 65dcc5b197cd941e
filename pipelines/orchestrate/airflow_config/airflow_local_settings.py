"""Airflow imports this module by its name, in every process of its own, from the folder that PYTHONPATH names.

It lets writers of a SQLite metadata database wait for each other. SQLite begins a transaction as a reader; one
that reads first and writes later fails at once with "database is locked" if somebody wrote in between, however
long its timeout is. Airflow's `backfill create` does so, beginning with a savepoint. Begun as a writer, it waits.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine


@event.listens_for(Engine, "savepoint")
def begin_as_a_writer(connection: Connection, name: str) -> None:
    """Take SQLite's write lock before the savepoint, unless the transaction has begun already."""
    del name
    if connection.dialect.name != "sqlite":
        return
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
