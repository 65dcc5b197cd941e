"""Rows that break their contract: set aside with their reasons, and no more of them than the contract tolerates."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.load.accounts import write_ledger
from pipelines.load.careful import careful_read
from pipelines.load.tables import REASON_KIND
from pipelines.warehouse import ledger

if TYPE_CHECKING:
    from datetime import date

    from pipelines.contracts import SourceContract
    from pipelines.land import Inspected
    from pipelines.load.state import PartitionLoad


@dataclass(frozen=True)
class Excess:
    """Partitions with more rejects than their contract tolerates."""

    failed: list[tuple[date, int, int]]
    """Landing date, rows that break the contract, and all rows that came in."""
    reasons: list[tuple[str, int]]
    """The most frequent ones of the first of these dates."""


class TooManyRejectsError(Exception):
    """Undo the load, but keep the rejects to look at."""

    def __init__(self, excess: Excess, sentence: str) -> None:
        super().__init__(sentence)
        self.excess = excess


def quarantine_rejects(load: PartitionLoad, file: Inspected) -> None:
    """Move the bad rows of the temporary table `careful` to quarantine, and drop it."""
    load.connection.execute(
        f"INSERT INTO {load.quarantine} (run_id, dataset, partition_date, file_id, file_path, line_number, raw_text, "
        'reasons, set_aside_at, kind) SELECT ?, ?, partition_date, file_id, ?, "line number", "raw text", '
        '"row reasons", ?, "row kind" FROM careful WHERE "row kind" IN (\'broken\', \'rejected\') ORDER BY "line number"',
        [load.run_id, load.name, str(file.file.path), ledger.now()],
    )
    load.connection.execute("DROP TABLE careful")


def check_tolerance(load: PartitionLoad) -> None:
    """Per landing date: the share of rejects must be within what the contract tolerates.

    Raises:
        TooManyRejectsError: it is not.
    """
    rejects = load.connection.execute(
        f"SELECT partition_date, count(*) FROM {load.quarantine} WHERE {load.here} AND kind = 'broken' "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    rows_in: dict[date, int] = defaultdict(int)
    for file in load.files:
        rows_in[file.file.partition_date] += load.counts[file.file_id].rows_in
    failed = [
        (day, bad, rows_in[day])
        for day, bad in rejects
        if bad > rows_in[day] * load.contract.tolerated_reject_rate
    ]
    if failed:
        excess = Excess(failed, top_reasons(load, failed[0][0]))
        raise TooManyRejectsError(excess, too_many_rejects(load.contract, excess, len(rows_in)))


def too_many_rejects(contract: SourceContract, excess: Excess, dates: int) -> str:
    """The sentence that stops a load of so many dates."""
    day, bad, rows = excess.failed[0]
    reasons = "; ".join(f"{reason} ({count:,} rows)" for reason, count in excess.reasons)
    more = (
        f" So it is on {len(excess.failed) - 1} more: {', '.join(str(d) for d, _, _ in excess.failed[1:4])} …"
        if len(excess.failed) > 1
        else ""
    )
    return (
        f"{contract.name} {day}: {bad:,} of {rows:,} rows break the contract, {bad / rows:.2%} where "
        f"{contract.tolerated_reject_rate:.2%} is tolerated. Most often: {reasons}.{more} "
        f"None of the {dates} dates of this load was taken over. "
        f"See `mainstay quarantine show {contract.name} --date {day}`, mend the file or {contract.path}, and load again"
    )


def top_reasons(load: PartitionLoad, day: date | None = None) -> list[tuple[str, int]]:
    """The most frequent reasons by column and kind, with the example values cut out."""
    rows = load.connection.execute(
        f"SELECT {REASON_KIND} AS kind, count(*) FROM ("
        f"SELECT unnest(reasons) AS reason FROM {load.quarantine} WHERE {load.here} AND kind = 'broken' "
        "AND (CAST(? AS DATE) IS NULL OR partition_date = ?)) GROUP BY kind ORDER BY 2 DESC, 1 LIMIT 3",
        [day, day],
    ).fetchall()
    return [(str(reason), int(count)) for reason, count in rows]


def keep_rejects(load: PartitionLoad) -> None:
    """After a refusal: raw keeps what it held, quarantine and the ledger say what was wrong."""
    clear_earlier_rejects(load)
    for index in sorted(load.careful):
        careful_read(load.connection, load.files[index], load.contract, load.settings.timezone)
        quarantine_rejects(load, load.files[index])
    note_rejected(load)


def clear_earlier_rejects(load: PartitionLoad) -> None:
    """What the load before set aside stays beside its raw rows; what earlier refusals left is out of date."""
    load.connection.execute(
        f"DELETE FROM {load.quarantine} WHERE {load.here} AND (run_id, file_id) NOT IN "
        "(SELECT (run_id, file_id) FROM ops.files WHERE dataset = ? AND status = 'loaded')",
        [load.name],
    )
    load.connection.execute(
        f"UPDATE ops.files SET status = 'replaced' WHERE dataset = ? AND status IN ('rejected', 'refused') AND {load.here}",
        [load.name],
    )


def note_rejected(load: PartitionLoad) -> None:
    """Enter the files as rejected, once their rejects are in quarantine."""
    quarantined = dict(
        load.connection.execute(
            f"SELECT file_id, count(*) FROM {load.quarantine} WHERE {load.here} AND run_id = ? AND kind = 'broken' "
            "GROUP BY file_id",
            [load.run_id],
        ).fetchall()
    )
    for file_id, count in load.counts.items():
        count.loaded, count.duplicates, count.quarantined = 0, 0, quarantined.get(file_id, 0)
    write_ledger(load, "rejected")
