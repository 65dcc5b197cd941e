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


def attached(one: Path, other: Path, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Both warehouses, the first one's marts as `"one marts".x`, the second's as `"other marts".x`.

    Nothing is copied. A view over a lake names the database that it was made in, so its query is made a view anew here.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if spill is not None:
        connection.execute(f"SET temp_directory = {literal(str(spill))}")
    for name, path in (("one", one), ("other", other)):
        connection.execute(f"ATTACH {literal(str(path))} AS {ident(name)} (READ_ONLY)")
        connection.execute(f"CREATE SCHEMA {ident(f'{name} marts')}")
        found = connection.execute(
            "SELECT table_name, NULL FROM duckdb_tables() WHERE database_name = $1 AND schema_name = 'marts' UNION ALL "
            "SELECT view_name, sql FROM duckdb_views() WHERE database_name = $1 AND schema_name = 'marts'",
            [name],
        ).fetchall()
        for mart, sql in found:
            query = sql.partition(" AS ")[2] if sql else f"FROM {ident(name)}.marts.{ident(mart)}"
            query = query.replace(f"getvariable({literal(LAKE)})", file_literal(path.parents[1] / "lake"))
            connection.execute(f"CREATE VIEW {ident(f'{name} marts')}.{ident(mart)} AS {query}")
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
