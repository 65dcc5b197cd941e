"""The erasure's order: tombstones first, then landing files, then loaded rows. After a kill it begins again at its start.

Tombstones tell whom to look for, so what a kill left undone is found by them alone, and no number is written down anywhere.
Landing comes before the loaded rows, which tell the personal values that are looked for in rows that are no rows.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contracts import source_contracts
from pipelines.errors import UnknownCustomerError
from pipelines.forget.leftovers import count_derived, drop_without_contract, without_contract
from pipelines.forget.person import known_numbers, numbers_of, seeker_for
from pipelines.forget.rewrite import scratch_of
from pipelines.forget.rows import RowsErased, count_rows, erase_rows
from pipelines.forget.scrub import scrub_files
from pipelines.forget.scrubbed import Scrubbed
from pipelines.forget.seek import Seeker
from pipelines.forget.tombstones import Tombstones, read_tombstones
from pipelines.land import discover
from pipelines.land.control import control_files
from pipelines.load.tables import create_tables
from pipelines.publish.files import crash_point
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from pipelines.settings import Settings


@dataclass
class Erased:
    """What was erased, or would be: counts only."""

    numbers: int
    rows: RowsErased
    landing: dict[str, Scrubbed] = field(default_factory=dict)
    derived: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    """Rows of datasets whose contract was taken away: their tables go whole, whoever is in them."""

    @property
    def is_nothing(self) -> bool:
        """Whether the person is nowhere."""
        return not (self.rows.total or self.derived or any(s.files for s in self.landing.values()))

    @property
    def unread(self) -> list[Path]:
        """Landing files of which nobody knows whom they are about."""
        return [path for scrubbed in self.landing.values() for path in scrubbed.unread]

    def as_dict(self) -> dict[str, Any]:
        """For the ledger, the summary and `--json`."""
        landed = {
            name: {
                "files": len(s.files),
                "rows_removed": sum(s.removed.values()),
                "rows_emptied": sum(s.emptied.values()),
            }
            for name, s in self.landing.items()
            if s.files
        }
        return {
            "customer_numbers": self.numbers,
            "landing": landed,
            **{f"rows_{name}": found for name, found in vars(self.rows).items()},
            **({"derived": self.derived} if self.derived else {}),
            **({"dropped_without_contract": self.dropped} if self.dropped else {}),
            "files_not_looked_into": len(self.unread),
        }


def look(settings: Settings, number: str, say: Callable[[str], None]) -> tuple[frozenset[str], Erased]:
    """All numbers of a person, and what an erasure would erase; nothing is changed.

    Raises:
        UnknownCustomerError: the number is nowhere.
    """
    earlier = read_tombstones(settings)
    with closing(_opened(settings)) as connection:
        numbers = numbers_of(connection, number)
        looked_for = Tombstones(b"only to look")
        looked_for.hashes = frozenset(map(looked_for.hash_of, numbers))
        seeker = seeker_for(connection, settings, looked_for, numbers)
        landing = _scrub_landing(connection, settings, seeker, say, only_look=True)
        found = Erased(
            len(numbers),
            count_rows(connection, settings, numbers, seeker, landing),
            landing,
            count_derived(connection, settings, numbers),
            without_contract(connection, settings),
        )
    if found.is_nothing:
        was_erased = earlier is not None and earlier.erased_of([number])
        raise UnknownCustomerError(
            "this customer was erased before, and nothing of them has come since"
            if was_erased
            else "no such customer: the number is neither in loaded rows, nor in quarantine, nor in a landing file; "
            "numbers are compared exactly as the source writes them"
        )
    return numbers, found


def erase(
    settings: Settings,
    tombstones: Tombstones,
    say: Callable[[str], None],
    numbers: frozenset[str] = frozenset(),
) -> Erased:
    """Erase everybody who has a tombstone from landing files and loaded rows.

    Args:
        settings: The deployment.
        tombstones: Whom.
        say: Hears what is looked into.
        numbers: Theirs, where they are known; after a kill they are found by their hashes.
    """
    with closing(_opened(settings)) as connection:
        numbers = numbers or known_numbers(connection, settings, tombstones)
        seeker = seeker_for(connection, settings, tombstones, numbers)
        _clear_scratches(settings)
        landing = _scrub_landing(connection, settings, seeker, say)
    crash_point("landing_scrubbed")
    say("loaded rows")
    dropped = drop_without_contract(settings)  # first: where the rows are gone, nobody comes here again
    rows = erase_rows(settings, numbers, seeker, landing)
    crash_point("rows_erased")
    return Erased(len(numbers), rows, landing, dropped=dropped)


def _opened(settings: Settings) -> duckdb.DuckDBPyConnection:
    connection = connect(settings)
    connection.execute(ledger.DDL)
    create_tables(connection, settings)
    return connection


def _scrub_landing(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    seeker: Seeker,
    say: Callable[[str], None],
    *,
    only_look: bool = False,
) -> dict[str, Scrubbed]:
    found = {}
    for name, contract in source_contracts(settings).items():
        files = discover(settings, contract)
        say(f"landing files of {name}: {len(files):,}")
        found[name] = scrub_files(connection, settings, contract, files, seeker, only_look=only_look)
    return found


def _clear_scratches(settings: Settings) -> None:
    """What a kill left of files that were being written anew."""
    for contract in source_contracts(settings).values():
        for file in discover(settings, contract):
            for path in (file.path, *control_files(file.path)):
                scratch_of(path.resolve()).unlink(missing_ok=True)
