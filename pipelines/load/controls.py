"""Control totals against what was read of a file: rows, and sums over every row, also those that are set aside later."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pipelines.quoting import ident
from pipelines.showing import visible
from pipelines.warehouse.connection import insert_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.contracts import LandingFile
    from pipelines.land import Inspected
    from pipelines.load.state import PartitionLoad


class ControlMismatchError(Exception):
    """Undo the load: files do not hold what their control totals say."""

    def __init__(self, refused: list[tuple[LandingFile, str]]) -> None:
        super().__init__("\n  ".join(sentence for _, sentence in refused))
        self.refused = refused


def unreadable(column: str) -> str:
    """SQL over the temporary table `careful`: a row's figure is no number, so that nobody knows the sum."""
    return f'({ident(column)} IS NULL AND len("row reasons") > 0)'


def note_sums(load: PartitionLoad, file: Inspected) -> None:
    """Sum the controlled columns over all rows of the temporary table `careful`, bad ones too where they can be read."""
    if file.control is None or not file.control.totals:
        return
    for column in file.control.totals:
        (total, unread) = load.connection.execute(
            f"SELECT sum({ident(column)}), count(*) FILTER (WHERE {unreadable(column)}) FROM careful"
        ).fetchall()[0]
        load.sums.setdefault(file.file_id, {})[column] = None if unread else Decimal(total or 0)


def uncounted(load: PartitionLoad) -> set[int]:
    """Controlled files that were read quickly and have rows which never came to `raw`: their sums need the careful way."""
    controlled = [
        i for i, f in enumerate(load.files) if f.control and f.control.totals and f.file_id not in load.sums
    ]
    if not controlled:
        return set()
    found = _sums(load)
    return {
        i
        for i in controlled
        if found.get(load.files[i].file_id, {}).get("", 0) != load.counts[load.files[i].file_id].rows_in
    }


def check_controls(load: PartitionLoad) -> None:
    """Before anything is set aside: each file has the rows and the sums that its control totals say.

    A sum is not asked for where a row's figure cannot be read; the rows still are.

    Raises:
        ControlMismatchError: some have not.
    """
    if not any(file.control for file in load.files):
        return
    quick = _sums(load)
    refused = []
    for file in load.files:
        if file.control is None:
            continue
        sums = load.sums.get(file.file_id) or quick.get(file.file_id, {})
        faults = []
        rows = load.counts[file.file_id].rows_in
        if file.control.rows is not None and file.control.rows != rows:
            faults.append((f"{file.control.rows:,} rows", f"{rows:,}"))
        for column, said in file.control.totals.items():
            found = sums.get(column, Decimal(0))
            if found is not None and found != said:
                faults.append((f"a sum of {column} of {said:,}", f"{found:,}"))
        if faults:
            wanted, had = (" and ".join(part) for part in zip(*faults, strict=True))
            refused.append(
                (
                    file.file,
                    f"{visible(str(file.file.path))}: refused: {visible(file.control.path.name)} says {wanted}, "
                    f"found {had}; have both written again, whole",
                )
            )
    if refused:
        raise ControlMismatchError(refused)


def control_sums(load: PartitionLoad) -> list[list[str]]:
    """Of each controlled file and column, as `ops.controls` holds it: what the source says, and the sum that stays in `raw`."""
    controlled = [f for f in load.files if f.control and f.control.totals]
    if not controlled:
        return []
    loaded = _sums(load)
    return [
        [f.file_id, load.name, column, str(said), str(loaded.get(f.file_id, {}).get(column, 0))]
        for f in controlled
        for column, said in (f.control.totals if f.control else {}).items()
    ]


def keep_controls(load: PartitionLoad, sums: Sequence[Sequence[str]]) -> None:
    """Note the sums, which each build holds `raw` against."""
    load.connection.execute(
        "DELETE FROM ops.controls WHERE dataset = ? AND list_contains(?::VARCHAR[], file_id)",
        [load.name, [f.file_id for f in load.files]],
    )
    insert_rows(load.connection, "ops.controls", sums)


def _sums(load: PartitionLoad) -> dict[str, dict[str, Decimal]]:
    """By file id, the sums of the controlled columns over `raw`, and under no name the count of rows."""
    columns = sorted({c for f in load.files if f.control for c in f.control.totals})
    sums = "".join(f", coalesce(sum({ident(c)}), 0)" for c in columns)
    return {
        file_id: {"": Decimal(count), **dict(zip(columns, map(Decimal, values), strict=True))}
        for file_id, count, *values in load.connection.execute(
            f"SELECT file_id, count(*){sums} FROM {load.table} WHERE {load.loaded_here} GROUP BY file_id"
        ).fetchall()
    }
