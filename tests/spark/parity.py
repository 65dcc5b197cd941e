"""Do two warehouses have the same marts? Row by row and column by column, in both directions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from pipelines.contracts import MartContract
from pipelines.quoting import file_literal, ident, literal
from pipelines.warehouse.connection import LAKE

RELATIVE = 1e-12
"""How far doubles may be apart: engines add them up in another order. All else is equal."""


def attached(one: Path, other: Path) -> duckdb.DuckDBPyConnection:
    """Both warehouses, the first one's marts as `one.marts`, the second's as `other.marts`.

    A view names the database it is in, so each is attached under the name that it was made in, and looked at by another.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, path in (("one", one), ("other", other)):
        folder = duckdb.connect(str(path), read_only=True)
        folder.execute(f"SET VARIABLE {LAKE} = {file_literal(path.parents[1] / 'lake')}")
        tables = folder.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = 'marts'"
        ).fetchall()
        for schema, table in tables:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(f'{name} {schema}')}")
            found = folder.execute(f"SELECT * FROM {ident(schema)}.{ident(table)}").to_arrow_table()
            connection.register("found", found)
            connection.execute(f"CREATE TABLE {ident(f'{name} {schema}')}.{ident(table)} AS FROM found")
            connection.unregister("found")
        folder.close()
    return connection


def differences(connection: duckdb.DuckDBPyConnection, contracts: Iterable[MartContract]) -> list[str]:
    """What of the marts is not the same, in words; nothing where they are."""
    found = []
    for contract in contracts:
        found += _of_mart(connection, contract)
    return found


def _of_mart(connection: duckdb.DuckDBPyConnection, contract: MartContract) -> list[str]:
    one, other = (f"{ident(f'{side} marts')}.{ident(contract.name)}" for side in ("one", "other"))
    names = [column.name for column in contract.columns]
    keys = contract.key or names
    types = [
        dict(connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {side})").fetchall())
        for side in (one, other)
    ]
    found = [
        f"{contract.name}.{name} is {types[0].get(name)} and {types[1].get(name)}"
        for name in names
        if types[0].get(name) != types[1].get(name) or name not in types[0]
    ]
    if list(types[0]) != list(types[1]):
        found.append(f"{contract.name}: its columns are not in the same order")
    if found:
        return found
    for side in (one, other):
        (twice,) = connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {side} GROUP BY {', '.join(map(ident, keys))} HAVING count(*) > 1)"
        ).fetchone() or (0,)
        if twice:
            found.append(f"{side}: {twice} keys come twice, so that rows cannot be told apart")
    on = " AND ".join(f"l.{ident(key)} IS NOT DISTINCT FROM r.{ident(key)}" for key in keys)
    counts = ", ".join(
        f"count(*) FILTER (WHERE l.here AND r.here AND {_differs(name, types[0][name])})" for name in names
    )
    row = connection.execute(
        f"SELECT count(*) FILTER (WHERE r.here IS NULL), count(*) FILTER (WHERE l.here IS NULL), {counts} "
        f"FROM (SELECT *, true AS here FROM {one}) AS l FULL JOIN (SELECT *, true AS here FROM {other}) AS r ON {on}"
    ).fetchone()
    assert row is not None
    if row[0] or row[1]:
        found.append(f"{contract.name}: {row[0]} rows are only in the first, {row[1]} only in the second")
    for name, count in zip(names, row[2:], strict=True):
        if count:
            example = connection.execute(
                f"SELECT {', '.join(f'l.{ident(k)}' for k in keys[:3])}, l.{ident(name)}, r.{ident(name)} "
                f"FROM (SELECT *, true AS here FROM {one}) AS l JOIN (SELECT *, true AS here FROM {other}) AS r ON {on} "
                f"WHERE {_differs(name, types[0][name])} LIMIT 1"
            ).fetchone()
            found.append(f"{contract.name}.{name}: {count} rows differ, as {example}")
    return found


def _differs(name: str, type_: str) -> str:
    left, right = f"l.{ident(name)}", f"r.{ident(name)}"
    if type_ in ("DOUBLE", "FLOAT"):
        return (
            f"({left} IS DISTINCT FROM {right} AND coalesce(abs({left} - {right}) > "
            f"{literal(repr(RELATIVE))}::DOUBLE * greatest(abs({left}), abs({right})), true))"
        )
    return f"{left} IS DISTINCT FROM {right}"


def main() -> None:
    """`python -m tests.spark.parity ONE OTHER`: say what of two warehouses' marts is not the same."""
    import sys

    from pipelines.contracts import mart_contracts
    from pipelines.settings import load_settings

    connection = attached(Path(sys.argv[1]), Path(sys.argv[2]))
    contracts = mart_contracts(load_settings())
    found = differences(connection, contracts.values())
    print("\n".join(found) or f"{len(contracts)} marts are the same")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
