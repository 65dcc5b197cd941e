"""What a landed file would give, found out beside the warehouse: both ways of reading, each rule and each expression."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts import LOAD_COLUMNS
from pipelines.contracts.location import fixed_folder
from pipelines.errors import ContractError
from pipelines.land import discover
from pipelines.land.inspect import inspect
from pipelines.load.careful import careful_read
from pipelines.load.quick import quick_select
from pipelines.load.tables import REASON_KIND
from pipelines.quoting import ident
from pipelines.warehouse.connection import connect, restrict, scalar

if TYPE_CHECKING:
    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings

MOST_BYTES = 8 * 1024 * 1024
"""A sample is read row by row; a larger file would keep a person waiting."""


@dataclass(frozen=True)
class SampleReading:
    """What became of one file's rows."""

    path: Path
    rows: int
    broken: int
    not_ours: int
    reasons: list[str]
    """The most frequent kinds of reasons for broken rows, without values."""


def read_sample(settings: Settings, contract: SourceContract) -> SampleReading | None:
    """Read the smallest file of the newest landed date; None if none is landed, or none is small enough.

    Raises:
        LandingError: the file would be refused.
        ContractError: an expression or rule cannot be run on it, in one way of reading or the other.
    """
    files = discover(settings, contract)
    newest = [f for f in files if f.partition_date == files[-1].partition_date and f.path.is_file()]
    file = min(newest, key=lambda f: f.path.stat().st_size, default=None)
    if file is None or file.path.stat().st_size > MOST_BYTES:
        return None
    found = inspect(file, contract)
    columns = [ident(name) for name in (*(c.name for c in contract.columns), *LOAD_COLUMNS)]
    with closing(connect(settings, Path(":memory:"))) as connection:
        restrict(connection, [fixed_folder(settings.landing, contract.location)])
        try:
            if contract.format != "jsonl":
                connection.execute(f"EXPLAIN {quick_select(contract, [found], settings.timezone, columns)}")
            rows = careful_read(connection, found, contract, settings.timezone)
        except duckdb.Error as error:
            raise ContractError(
                f"{contract.path}: a rule or expression cannot be run on {file.path} ({type(error).__name__}); "
                "mend it in the contract"
            ) from error
        kinds = {
            kind: scalar(connection, 'SELECT count(*) FROM careful WHERE "row kind" = ?', [kind])
            for kind in ("broken", "rejected", "ignored")
        }
        reasons = connection.execute(
            f'SELECT {REASON_KIND} AS kind FROM (SELECT unnest("row reasons") AS reason FROM careful '
            "WHERE \"row kind\" = 'broken') GROUP BY kind ORDER BY count(*) DESC, kind LIMIT 3"
        ).fetchall()
    return SampleReading(
        file.path, rows, kinds["broken"], kinds["rejected"] + kinds["ignored"], [r for (r,) in reasons]
    )
