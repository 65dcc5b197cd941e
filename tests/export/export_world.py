"""A deployment whose served nights have every mart of the contracts, filled with values that are easily got wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.contracts import MartContract, mart_contracts
from pipelines.contracts.parts import Column
from pipelines.publish import Published, current, publish
from pipelines.quoting import ident, literal
from pipelines.settings import PROJECT_DIR, Settings
from tests.postgres_server import Server

AS_OF = date(2017, 12, 31)
TEXTS = [
    "",
    "\\N",
    "\\.",
    "a\n\\.\nb",
    "tab\there",
    "cr\rlf\r\n",
    "q\"u'o,te",
    "\\",
    "钻石会员 💎",
    " pad ",
    "null",
    "$1 {x}",
]
ROWS = 2 * len(TEXTS)
"""Rows of each mart in night 0; night N has N more, so that every mart tells which night it is of."""


def deployment(home: Path, server: Server, **options: Any) -> Settings:
    """Settings of a deployment that exports to the server."""
    given = {"lock_timeout_seconds": 5.0, "duckdb_threads": 2, "postgres_url": server.url()} | options
    home.mkdir(parents=True, exist_ok=True)
    return Settings(home=home, **given)


def _value(column: Column) -> str:
    """SQL of a column's value in row `i`; keys are told apart by it."""
    is_key, kind = column.key_position is not None, column.type.partition("(")[0]
    if kind == "VARCHAR":
        texts = "[" + ", ".join(map(literal, TEXTS)) + "]"
        return (
            f"'k' || i || {texts}[1 + i % {len(TEXTS)}]"
            if is_key
            else f"{texts}[1 + (i + {len(column.name)}) % {len(TEXTS)}]"
        )
    return {
        "DATE": "date '2016-02-29' + i::integer",
        "TIMESTAMP": "timestamp '2017-10-29 00:59:59.123456' + interval (i) minute",
        "BOOLEAN": "i % 2 = 0",
        "INTEGER": "i::integer" if is_key else "2147483647 - i::integer",
        "BIGINT": "i" if is_key else "9223372036854775807 - i",
        "DOUBLE": "[0.1 + 0.2, -0.0, 1e-300, 1.7976931348623157e308, 'inf'::double, i / 3.0][1 + i % 6]",
        "DECIMAL": "(i - 5) * 1.07",
    }[kind]


FEW = ("care_schedule", "dim_customers", "dim_tiers", "fct_feedback", "loyalty_matrix")
"""Marts of the nights in whose swaps all depends on there being several tables, and nothing on which."""


def contracts_of(names: Iterable[str]) -> dict[str, MartContract]:
    return {name: mart_contracts()[name] for name in names}


def build_marts(settings: Settings, night: int, contracts: dict[str, MartContract]) -> None:
    """What the steps before publish leave."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("create schema if not exists marts")
        for name, contract in contracts.items():
            values = []
            for column in contract.columns:
                value = f"({_value(column)})::{column.type}"
                if not column.required and column.key_position is None:
                    value = f"case when i % 5 < 4 then {value} end"
                values.append(f"{value} as {ident(column.name)}")
            rows = f"range({ROWS + night}) as r(i)"
            connection.execute(
                f"create or replace table marts.{ident(name)} as select {', '.join(values)} from {rows}"
            )


def publish_night(settings: Settings, night: int, names: Iterable[str] = FEW) -> Published:
    """Publish marts of `ROWS + night` rows."""
    contracts = contracts_of(names)
    build_marts(settings, night, contracts)
    return publish(settings, f"run-{night}", AS_OF, contracts)


def served(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Rows of the serving file; its timestamps as the moments that they are."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(settings.serving / 'marts.duckdb'))} as s (read_only)")
        connection.execute("use s")
        rows = connection.execute(sql).fetchall()
    return [tuple(v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for v in row) for row in rows]


def columns_of(contract: MartContract) -> str:
    return ", ".join(ident(c.name) for c in contract.columns)


def nights_in(server: Server, schema: str = "mainstay", user: str = "admin") -> set[int]:
    """Which nights the schema's marts are of, told by their rows, in one transaction: one, unless something is badly wrong."""
    with server.connect(user) as connection, connection.transaction():
        return nights_of(connection, schema)


def nights_of(connection: Any, schema: str = "mainstay") -> set[int]:
    """The same, in a transaction that is open."""
    tables = connection.execute(f"SELECT table_name, run_id FROM {schema}._publish").fetchall()
    assert {name for name, _ in tables} >= set(FEW)
    nights = {int(run.removeprefix("run-")) for _, run in tables}
    for name, _ in tables:
        nights.add(connection.execute(f'SELECT count(*) FROM {schema}."{name}"').fetchone()[0] - ROWS)
    return nights


EXPORT = """
    import json, os, signal, sys
    from pathlib import Path
    from pipelines import export
    from pipelines.export import export as exporting
    from pipelines.settings import load_settings

    def at(name):
        print("at", name, flush=True)
        if name == os.environ.get("KILL_AT"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == os.environ.get("WAIT_AT"):
            sys.stdin.readline()

    exporting.crash_point = at
    export.export_postgres(load_settings(), lambda text: print("said", text, flush=True))
"""


def start_export(settings: Settings, **environment: str) -> subprocess.Popen[str]:
    """Export in a process of its own, which can be killed or held at a crash point."""
    assert settings.postgres_url is not None
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(EXPORT)],
        env=os.environ
        | {
            "PYTHONPATH": str(PROJECT_DIR),
            "MAINSTAY_HOME": str(settings.home),
            "MAINSTAY_POSTGRES_URL": settings.postgres_url.get_secret_value(),
        }
        | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def version(settings: Settings) -> str:
    found = current(settings)
    assert found is not None
    return found.version
