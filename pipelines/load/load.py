"""Load a range of landing dates, dataset by dataset."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.contracts import source_contracts
from pipelines.contracts.location import fixed_folder
from pipelines.land.discover import require_landing_folder
from pipelines.load.apart import load_apart
from pipelines.load.partitions import load_here
from pipelines.load.pending import compare, loaded_versions
from pipelines.load.state import DatasetLoad, Order
from pipelines.load.tables import create_tables
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect, restrict
from pipelines.warehouse.engines import engine_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from pipelines.contracts import LandingFile, SourceContract
    from pipelines.settings import Settings

    Scrub = Callable[[duckdb.DuckDBPyConnection, SourceContract, Sequence[LandingFile]], Mapping[Path, int]]


def load_datasets(
    settings: Settings,
    run_id: str,
    first: date | None,
    last: date | None,
    datasets: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
    *,
    reload: bool = False,
    remove_missing: bool = False,
    scrub: Scrub | None = None,
) -> list[DatasetLoad]:
    """Load what is landed for the dates `first` to `last` (both included, None: no bound).

    A partition whose files, contract and timezone are those of its last load is left as it is. So is one that
    has no landing file any more, as landed files may be archived.

    Args:
        settings: the deployment.
        run_id: the run, for the ledger.
        first: first landing date.
        last: last landing date.
        datasets: only these; None for all.
        progress: hears what is loaded.
        reload: load unchanged partitions again too.
        remove_missing: empty the partitions that have no landing file any more.
        scrub: takes forgotten customers out of the files that are to be loaded, and says how many rows of which.

    Raises:
        LandingError: a file is refused, or files are missing because the landing folder is.
        LoadError: rows are unaccounted for, or too many break the contract.
    """
    contracts = source_contracts(settings)
    say = progress or (lambda text: None)
    results = []
    engine = engine_of(settings)
    spread = engine.spread(settings)
    with closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        create_tables(connection, settings)
        landed = [fixed_folder(settings.landing, c.location) for c in contracts.values()]
        engine.tidy(connection, settings)  # a load that was killed has left something
        restrict(connection, [*landed, *engine.places(settings)])
        for name, contract in contracts.items():
            if datasets is not None and name not in datasets:
                continue
            known = loaded_versions(connection, contract, first, last)
            pending = compare(settings, contract, first, last, known, reload=reload)
            gone = pending.missing if remove_missing else []
            if gone:
                require_landing_folder(settings, contract)
                say(f"{name}: {len(gone):,} dates have no landing file any more and are emptied")
            result = DatasetLoad(name)
            if pending.changed:
                say(f"{name}: {len(pending.files):,} files of {len(pending.changed):,} dates")
            if pending.changed or gone:
                erased = scrub(connection, contract, pending.files) if scrub else {}
                order = Order(connection, settings, contract, run_id, pending.files, gone, erased)
                result = load_here(order) if spread is None else load_apart(order, spread)
            result.unchanged = len(pending.unchanged)
            result.missing = [] if remove_missing else pending.missing
            results.append(result)
        engine.tidy(connection, settings)
        connection.execute("CHECKPOINT")
    return results
