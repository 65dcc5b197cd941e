"""Write and take away the landing files of a partition, as the shipped contracts want them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.contracts import source_contracts

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings

Row = Mapping[str, Any]
Files = Mapping[str, tuple[Row, ...]]
"""A partition's files: rows by the file's name without its ending. A file without rows has just its header."""

ARROW_TYPES = {"VARCHAR": pa.string(), "TIMESTAMP": pa.timestamp("us")}


class Partition(NamedTuple):
    """A dataset's business date."""

    dataset: str
    day: date

    def __str__(self) -> str:
        return f"{self.dataset} {self.day}"


def land(settings: Settings, partition: Partition, files: Files | None) -> None:
    """Make these the partition's landing files, and the only ones; None: there are none at all."""
    contract = source_contracts(settings)[partition.dataset]
    folder = settings.landing / contract.location.replace("{date}", str(partition.day)).rpartition("/")[0]
    for stale in folder.glob("*"):
        stale.unlink()
    for name, rows in (files or {}).items():
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{name}.{contract.format}", contract, rows)


def _write(path: Path, contract: SourceContract, rows: tuple[Row, ...]) -> None:
    columns = {c.source_name: c.type for c in contract.source_columns}
    if contract.format == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.get(column) for column in columns] for row in rows)
        path.write_text(text.getvalue(), encoding="utf-8")
    elif contract.format == "jsonl":
        path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows), encoding="utf-8")
    else:
        schema = pa.schema([(name, ARROW_TYPES[type_]) for name, type_ in columns.items()])
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), path)
