"""Lakes without Spark: partitions and tables as a task or a build leaves them, and the deployment that names them."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb

from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect, transaction
from pipelines.warehouse.spark import manifest
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.manifest import Entry

DAY = date(2024, 1, 1)
COLUMNS = {
    ("raw", "sales"): [("id", "VARCHAR"), ("partition_date", "DATE")],
    ("marts", "dim"): [("id", "VARCHAR")],
}
FOLDERS = {
    ("raw", "sales"): f"raw/sales/partition_date={DAY}/a/rows.parquet",
    ("marts", "dim"): "marts/dim/v1/part-0.parquet",
}


def fill(settings: Settings, said: str) -> None:
    """Give a deployment one row in a partition and one in a whole table, both of which say who they are of."""
    lake = Lake.of(settings)
    for file in FOLDERS.values():
        path = Path(lake.path(file))
        path.parent.mkdir(parents=True)
        pattern = str(path).replace("'", "''")
        duckdb.execute(f"COPY (SELECT '{said}' AS id) TO '{pattern}' (FORMAT parquet)")
    with closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        with transaction(connection):
            for table, file in FOLDERS.items():
                folder, is_loaded = file.rpartition("/")[0], table[0] == "raw"
                own = [["id", "VARCHAR", "string"]]
                day, by = (DAY, "partition_date") if is_loaded else (None, None)
                manifest.add(connection, [Entry(*table, folder, day, own, by)])
                manifest.show(connection, settings, lake, table, COLUMNS[table])
        manifest.write_copy(connection, lake)


def seen(settings: Settings) -> list[str]:
    """What a reader sees, who writes nothing: of the partition, and of the whole table."""
    with closing(connect(settings, read_only=True)) as connection:
        return [
            value
            for schema, table in FOLDERS
            for (value,) in connection.execute(f"SELECT id FROM {schema}.{table}").fetchall()
        ]


def there(settings: Settings) -> set[str]:
    """Files with rows, relative to the lake."""
    return {str(path.relative_to(settings.lake)) for path in Path(settings.lake).rglob("*.parquet")}
