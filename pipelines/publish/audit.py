"""What may be published: checks on contracts and marts before a night is built, and on its files after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.contracts.info_table import INFO_TABLE
from pipelines.errors import PublishError
from pipelines.publish import files
from pipelines.publish.build import Night
from pipelines.publish.catalog import DATABASE, PublishedTable
from pipelines.quoting import file_literal, ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from pipelines.contracts import MartContract


def check_contracts(contracts: Iterable[MartContract]) -> None:
    """Refuse contracts that may not be published: personal data, no table, names that are no file names."""
    names: set[str] = set()
    for contract in contracts:
        name = contract.name
        if personal := [c.name for c in contract.columns if c.is_personal]:
            raise PublishError(
                f"{contract.path}: {name}.{', '.join(personal)} is classified pii, which is never published; "
                "leave it out of the mart and its contract"
            )
        if "/" in name or "\0" in name or name.startswith((".", "_")):
            raise PublishError(
                f"{contract.path}: {name!r} cannot be a published table's name; use letters, digits and _"
            )
        if name.lower() in names:
            raise PublishError(f"{contract.path}: {name} is published by another contract already; keep one")
        names.add(name.lower())
    if not names:
        raise PublishError(
            "no mart has a contract, so there is nothing to publish; add data_contracts/marts/*.odcs.yaml"
        )


def _columns_of(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str
) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, type_ in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = ? ORDER BY table_name, column_index",
        [database, schema],
    ).fetchall():
        found.setdefault(table, []).append((column, type_))
    return found


def _compare_columns(where: str, contract: MartContract, found: list[tuple[str, str]]) -> None:
    expected = {c.name: c.type for c in contract.columns}
    actual = dict(found)
    problems = [f"{name} is missing" for name in expected if name not in actual]
    problems += [f"{name} is not in the contract" for name in actual if name not in expected]
    problems += [
        f"{name} is {actual[name]}, expected {type_}"
        for name, type_ in expected.items()
        if actual.get(name, type_) != type_
    ]
    if problems:
        raise PublishError(f"{where}: the columns are not those of {contract.path}: {'; '.join(problems)}")


def check_marts(
    connection: duckdb.DuckDBPyConnection, database: str, contracts: Iterable[MartContract]
) -> None:
    """Refuse marts that are missing or whose columns are not exactly the contract's."""
    found = _columns_of(connection, database, "marts")
    contracts = list(contracts)
    if missing := [c.name for c in contracts if c.name not in found]:
        raise PublishError(
            f"the warehouse has no table {', '.join(f'marts.{m}' for m in missing)}; run the step `build`"
        )
    for contract in contracts:
        _compare_columns(f"warehouse table marts.{contract.name}", contract, found[contract.name])


def fingerprint(
    connection: duckdb.DuckDBPyConnection, relation: str, contract: MartContract
) -> PublishedTable:
    """Count and fingerprint the rows of a relation in any order, by xor and sum of their 64-bit hashes.

    Sum and xor together see duplicates and swapped values. DuckDB may change its hash with a release: then
    unchanged marts are published once more, nothing else.
    """
    columns = ", ".join(ident(c.name) for c in contract.columns)
    row = connection.execute(
        "SELECT count(*), coalesce(bit_xor(h), 0), coalesce(sum(h), 0) "
        f"FROM (SELECT hash({columns}) AS h FROM {relation})"
    ).fetchone()
    assert row is not None  # noqa: S101  # an aggregate without GROUP BY has exactly one row
    return PublishedTable(row[0], contract.version, f"{row[0]}-{int(row[1]):016x}-{int(row[2]):x}")


def audit_files(
    connection: duckdb.DuckDBPyConnection, contracts: Iterable[MartContract], night: Night, folder: Path
) -> None:
    """Read the closed files back and compare them with the warehouse's fingerprints and the contracts.

    Raises:
        PublishError: Names the table, what was expected and what was found.
    """
    database = folder / DATABASE
    if left := files.sidecars(database):
        raise PublishError(f"{left[0]}: the new serving file was not closed cleanly; publish again")
    connection.execute(f"ATTACH {literal(str(database))} AS serving (READ_ONLY)")
    try:
        tags = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'serving'"
        ).fetchall()[0][0]
        if not str(tags.get("storage_version")).startswith(night.storage_version):
            raise PublishError(
                f"{database}: storage version {tags.get('storage_version')}, expected {night.storage_version}"
            )
        by_name = {c.name: c for c in contracts}
        found = _columns_of(connection, "serving", "main")
        if set(found) != {*by_name, INFO_TABLE}:
            raise PublishError(
                f"{database}: tables {sorted(found)}, expected {sorted({*by_name, INFO_TABLE})}"
            )
        for name, contract in by_name.items():
            _compare_columns(f"serving table {name}", contract, found[name])
            parquet = f"read_parquet({file_literal(folder / 'parquet' / f'{name}.parquet')})"
            for what, relation in (
                ("serving table", f"serving.main.{ident(name)}"),
                ("Parquet file", parquet),
            ):
                actual, expected = fingerprint(connection, relation, contract), night.tables[name]
                if actual.row_count != expected.row_count:
                    raise PublishError(
                        f"{what} {name}: {actual.row_count} rows, expected {expected.row_count}"
                    )
                if actual != expected:
                    raise PublishError(
                        f"{what} {name}: its {actual.row_count} rows are not the warehouse's "
                        f"(fingerprint {actual.fingerprint}, expected {expected.fingerprint})"
                    )
        info = connection.execute(
            f"SELECT * FROM serving.main.{ident(INFO_TABLE)} ORDER BY table_name"
        ).fetchall()
        if info != night.info_rows():
            raise PublishError(f"{database}: {INFO_TABLE} holds {info}, expected {night.info_rows()}")
    finally:
        connection.execute("DETACH serving")
