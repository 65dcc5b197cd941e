"""What is landed, beside what is loaded: which partitions are new or changed, and which lost their files."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts import source_contracts
from pipelines.land import discover
from pipelines.land.opening import file_sha256
from pipelines.load.tables import contract_hash
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect
from pipelines.warehouse.looking import looking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pipelines.contracts import LandingFile, SourceContract
    from pipelines.settings import Settings

Version = tuple[str, str, str]
"""Name below the landing folder, SHA-256 and contract hash with which a file was loaded."""


@dataclass(frozen=True)
class Pending:
    """The partitions of one dataset in a range."""

    changed: dict[date, list[LandingFile]] = field(default_factory=dict)
    """All files of each partition that is to be loaded, in date order."""
    unchanged: list[date] = field(default_factory=list)
    """Loaded just as they are landed now."""
    missing: list[date] = field(default_factory=list)
    """Loaded, but no file of theirs is landed any more."""

    @property
    def files(self) -> list[LandingFile]:
        """The files to load."""
        return [file for of_day in self.changed.values() for file in of_day]


def loaded_versions(
    connection: duckdb.DuckDBPyConnection, contract: SourceContract, first: date | None, last: date | None
) -> dict[date, set[Version]]:
    """The files that the dataset's partitions in the range were loaded from."""
    known: dict[date, set[Version]] = defaultdict(set)
    for day, *version in connection.execute(
        "SELECT partition_date, path, sha256, contract_hash FROM ops.files "
        "WHERE dataset = ? AND status = 'loaded' ORDER BY partition_date",
        [contract.name],
    ).fetchall():
        if (first is None or day >= first) and (last is None or day <= last):
            known[day].add((contract.landed_name(version[0]), version[1], version[2]))
    return dict(known)


def compare(
    settings: Settings,
    contract: SourceContract,
    first: date | None,
    last: date | None,
    known: dict[date, set[Version]],
    *,
    reload: bool = False,
) -> Pending:
    """What a load of the range would do with each partition.

    A file that cannot be read counts as changed: loading it says what is wrong with it.

    Args:
        settings: the deployment.
        contract: the dataset's contract.
        first: first landing date of the range, None for no bound.
        last: last landing date of the range, None for no bound.
        known: what is loaded.
        reload: whether unchanged partitions are to be loaded again.

    Raises:
        LandingError: the landing folder cannot be read, or a path names two dates.
    """
    hash_now = contract_hash(contract, settings)
    landed: dict[date, list[LandingFile]] = defaultdict(list)
    for file in discover(settings, contract, first, last):
        landed[file.partition_date].append(file)
    pending = Pending(missing=[day for day in known if day not in landed])
    for day, files in landed.items():
        if not reload and day in known and _versions(contract, files, hash_now) == known[day]:
            pending.unchanged.append(day)
        else:
            pending.changed[day] = files
    return pending


def _versions(contract: SourceContract, files: Sequence[LandingFile], hash_now: str) -> set[Version] | None:
    try:
        return {(contract.landed_name(f.path), file_sha256(f.path), hash_now) for f in files}
    except OSError:
        return None


def pending_files(
    settings: Settings, first: date | None, last: date | None, datasets: Sequence[str] | None = None
) -> dict[str, list[LandingFile]]:
    """Per dataset, the files of partitions that `load_datasets` would load."""
    contracts = source_contracts(settings)
    with closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        return {
            name: compare(
                settings, contract, first, last, loaded_versions(connection, contract, first, last)
            ).files
            for name, contract in contracts.items()
            if datasets is None or name in datasets
        }


def missing_partitions(
    settings: Settings, first: date | None, last: date | None, datasets: Sequence[str] | None = None
) -> dict[str, list[date]]:
    """Per dataset that has any, the loaded partitions in the range that have no landing file any more."""
    contracts = source_contracts(settings)
    found: dict[str, list[date]] = {}
    with looking(settings, "look") as connection:
        for name, contract in contracts.items():
            if datasets is None or name in datasets:
                landed = {f.partition_date for f in discover(settings, contract, first, last)}
                loaded = loaded_versions(connection, contract, first, last)
                found[name] = [day for day in loaded if day not in landed]
    return {name: days for name, days in found.items() if days}
