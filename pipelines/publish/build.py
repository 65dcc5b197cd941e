"""Builds one night, a DuckDB file and Parquet files, in a folder of its own that BI does not see."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from pipelines.contracts.info_table import INFO_COLUMNS, INFO_COMMENT, INFO_TABLE
from pipelines.publish import files
from pipelines.publish.catalog import DATABASE, PublishedTable
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime
    from pathlib import Path

    import duckdb

    from pipelines.contracts import MartContract
    from pipelines.settings import Settings

NEWEST_STORAGE = "v1.5.0"
"""What the setting's `latest` stands for: the newest storage format of the DuckDB that is locked."""

LAYOUT = 1
"""To be raised when this module builds other files from the same marts, so that those are published anew."""


@dataclass(frozen=True)
class Night:
    """What is to be published."""

    version: str
    run_id: str
    as_of_date: date
    published_at: datetime
    content: str
    tables: dict[str, PublishedTable]
    storage_version: str
    """Storage format of the serving file: the oldest DuckDB that can read it."""

    def info_rows(self) -> list[tuple[object, ...]]:
        """Rows of the `_publish` table."""
        moment = self.published_at.astimezone(UTC).replace(tzinfo=None)
        return [
            (
                self.run_id,
                self.as_of_date,
                moment,
                name,
                t.row_count,
                t.contract_version,
                self.version,
                t.fingerprint,
                self.content,
            )
            for name, t in sorted(self.tables.items())
        ]


def storage_version(settings: Settings) -> str:
    """The storage format that the deployment's serving file is to have."""
    wanted = settings.serving_storage_version
    return NEWEST_STORAGE if wanted == "latest" else wanted


def content_hash(
    as_of_date: date, contracts: Iterable[MartContract], tables: dict[str, PublishedTable], storage: str
) -> str:
    """Hash of all that a reader can tell from another night's, but for run and moment."""
    parts = [
        [
            c.name,
            c.version,
            _comment(c),
            [[k.name, k.type, k.description, k.required] for k in c.columns],
            c.key,
            tables[c.name].fingerprint,
        ]
        for c in sorted(contracts, key=lambda c: c.name)
    ]
    text = json.dumps([LAYOUT, storage, as_of_date.isoformat(), parts], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _comment(contract: MartContract) -> str:
    texts = (contract.grain, contract.table.description or "")
    return " ".join(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _create(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    comment: str,
    columns: Iterable[tuple[str, str, str, bool]],
) -> str:
    target = f"serving.main.{ident(table)}"
    columns = list(columns)
    ddl = ", ".join(
        f"{ident(name)} {type_}{' NOT NULL' if required else ''}" for name, type_, _, required in columns
    )
    connection.execute(f"CREATE TABLE {target} ({ddl})")
    connection.execute(f"COMMENT ON TABLE {target} IS {literal(comment)}")
    for name, _, description, _ in columns:
        if description:
            connection.execute(f"COMMENT ON COLUMN {target}.{ident(name)} IS {literal(description)}")
    return target


def build(
    connection: duckdb.DuckDBPyConnection,
    warehouse: str,
    contracts: Iterable[MartContract],
    night: Night,
    folder: Path,
) -> None:
    """Write the night's DuckDB file and Parquet files into the folder; rows lie in the order of the key.

    Args:
        connection: Has the warehouse attached read-only.
        warehouse: Name the warehouse is attached as.
        contracts: What to publish; `check_marts` has passed.
        night: Identity and expected content.
        folder: An empty folder with a subfolder `parquet`.
    """
    # Without a log of its own the file cannot leave one behind, and a killed build is thrown away anyhow.
    connection.execute(
        f"ATTACH {literal(str(folder / DATABASE))} AS serving "
        f"(STORAGE_VERSION {literal(night.storage_version)}, RECOVERY_MODE no_wal_writes)"
    )
    for contract in contracts:
        columns = [(c.name, c.type, c.description, c.required) for c in contract.columns]
        target = _create(connection, contract.name, _comment(contract), columns)
        names = ", ".join(ident(c.name) for c in contract.columns)
        order = ", ".join(ident(name) for name in contract.key) or "ALL"
        source = f"{ident(warehouse)}.marts.{ident(contract.name)}"
        connection.execute(f"INSERT INTO {target} SELECT {names} FROM {source} ORDER BY {order}")
        files.crash_point(f"copied {contract.name}")
    info = _create(connection, INFO_TABLE, INFO_COMMENT, [(*column, True) for column in INFO_COLUMNS])
    marks = ", ".join("?" for _ in INFO_COLUMNS)
    for row in night.info_rows():
        connection.execute(f"INSERT INTO {info} VALUES ({marks})", row)
    connection.execute("CHECKPOINT serving")
    files.crash_point("checkpointed")
    for name in [*sorted(night.tables), INFO_TABLE]:
        file = literal(str(folder / "parquet" / f"{name}.parquet"))
        connection.execute(f"COPY serving.main.{ident(name)} TO {file} (FORMAT parquet, COMPRESSION zstd)")
    connection.execute("DETACH serving")
