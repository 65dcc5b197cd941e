"""Load a range of business dates, dataset by dataset."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

from pipelines import ledger
from pipelines.contracts import source_contracts
from pipelines.errors import LandingError
from pipelines.land import check_files, discover
from pipelines.land.inspect import file_sha256
from pipelines.load.partitions import DatasetLoad, PartitionLoad
from pipelines.load.tables import contract_hash, create_tables
from pipelines.sql import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    import duckdb

    from pipelines.contracts import SourceContract
    from pipelines.land import LandingFile
    from pipelines.settings import Settings


def load_datasets(
    settings: Settings,
    run_id: str,
    first: date | None,
    last: date | None,
    datasets: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[DatasetLoad]:
    """Load what is landed for business dates `first` to `last` (both included, None: no bound).

    A partition whose files, contract and timezone are those of its last load is left as it is.

    Raises:
        LandingError: a file is refused.
        LoadError: rows are unaccounted for, or too many break the contract.
    """
    contracts = source_contracts(settings)
    say = progress or (lambda text: None)
    results = []
    with closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        create_tables(connection, contracts)
        for name, contract in contracts.items():
            if datasets is not None and name not in datasets:
                continue
            files = discover(settings, contract, first, last)
            changed = _changed(connection, settings, contract, files)
            result = DatasetLoad(name)
            if changed:
                say(f"{name}: {len(changed):,} files of {len({f.partition_date for f in changed}):,} dates")
                result = PartitionLoad(
                    connection, settings, contract, run_id, check_files(connection, run_id, contract, changed)
                ).run()
            result.unchanged = len({f.partition_date for f in files}) - len(result.dates)
            results.append(result)
        connection.execute("CHECKPOINT")
    return results


def pending_files(
    settings: Settings, first: date | None, last: date | None, datasets: Sequence[str] | None = None
) -> dict[str, list[LandingFile]]:
    """Per dataset, the files of partitions that `load_datasets` would load."""
    contracts = source_contracts(settings)
    with closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        return {
            name: _changed(connection, settings, contract, discover(settings, contract, first, last))
            for name, contract in contracts.items()
            if datasets is None or name in datasets
        }


def _changed(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: SourceContract,
    files: Sequence[LandingFile],
) -> list[LandingFile]:
    """All files of the partitions that are not loaded just as they are now."""
    known: dict[date, set[tuple[str, str, str]]] = defaultdict(set)
    for day, path, sha256, hash_ in connection.execute(
        "SELECT partition_date, path, sha256, contract_hash FROM ops.files WHERE dataset = ? AND status = 'loaded'",
        [contract.name],
    ).fetchall():
        known[day].add((path, sha256, hash_))
    hash_now = contract_hash(contract, settings)
    landed: dict[date, list[LandingFile]] = defaultdict(list)
    for file in files:
        landed[file.partition_date].append(file)
    changed: list[LandingFile] = []
    for day, of_day in landed.items():
        try:
            is_same = day in known and known[day] == {
                (str(f.path), file_sha256(f.path), hash_now) for f in of_day
            }
        except OSError as error:
            raise LandingError(
                f"{error.filename}: cannot be read: {error.strerror}; check the file and its rights"
            ) from error
        if not is_same:
            changed += of_day
    return changed
