"""The step `publish`: its order is such that a kill between any two steps leaves one whole night.

1. Clear or complete what a killed run left (`recovery.recover`).
2. Fingerprint the marts; stop here if just that content is served.
3. Build, audit and sync the night in `.building-<version>`: invisible, thrown away after a kill.
4. Move its Parquet folder in place: nobody points to it yet; without a live version it is thrown away.
5. Remove stale logs and rename a link of the new file over `marts.duckdb`: **from here the night is live.**
6. Swap the Parquet pointer, and move the folder in among the versions: the next run does it after a kill.
7. Prune: each version leaves the shelf by one rename before it is removed.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import MainstayError, PublishError
from pipelines.publish import files
from pipelines.publish.audit import audit_files, check_contracts, check_marts, fingerprint
from pipelines.publish.build import Night, build, content_hash, storage_version
from pipelines.publish.catalog import (
    DATABASE,
    MANIFEST,
    Manifest,
    Published,
    damage,
    new_version,
    next_sequence,
    parquet_folder,
    read_manifest,
    serving_file,
    versions_folder,
)
from pipelines.publish.recovery import building_folder, file_version, prune, recover, sentences
from pipelines.quoting import ident, literal
from pipelines.warehouse.connection import attach_warehouse, connect
from pipelines.warehouse.rights import for_readers, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelines.contracts import MartContract
    from pipelines.publish.catalog import PublishedTable
    from pipelines.settings import Settings

logger = logging.getLogger(__name__)


def _is_served(settings: Settings, live: Published | None, content: str) -> bool:
    """Whether just this content is live already, undamaged and with its version on the shelf."""
    if live is None or live.content != content:
        return False
    try:
        manifest = read_manifest(versions_folder(settings) / live.version)
    except PublishError as error:
        logger.warning("%s", error)
        return False
    problem = damage(settings, manifest, serving_file(settings))
    if problem:
        logger.warning("publishing the same night anew: %s", problem)
    return problem is None


def _write_manifest(night: Night, folder: Path, size_and_sum: tuple[int, str], sequence: int) -> Manifest:
    manifest = Manifest(
        version=night.version,
        run_id=night.run_id,
        as_of_date=night.as_of_date.isoformat(),
        published_at=night.published_at.isoformat(),
        content=night.content,
        duckdb_version=duckdb.__version__,
        size_bytes=size_and_sum[0],
        sha256=size_and_sum[1],
        tables={name: vars(table) for name, table in sorted(night.tables.items())},
        parquet_sha256={p.name: files.sha256(p) for p in sorted((folder / "parquet").iterdir())},
        sequence=sequence,
    )
    manifest.write(folder / MANIFEST)
    return manifest


def _build_and_audit(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: list[MartContract],
    night: Night,
    outside_audit: Callable[[Path], None] | None,
) -> Manifest:
    """Build the night in its folder, audit it, and make every byte of it durable."""
    folder = building_folder(settings, night.version)
    (folder / "parquet").mkdir(parents=True)
    database = folder / DATABASE
    build(connection, settings.warehouse.stem, contracts, night, folder)
    for path in (database, *(folder / "parquet").iterdir()):
        files.make_read_only(path)
    files.crash_point("built")
    audit_files(connection, contracts, night, folder)
    files.crash_point("audited")
    before = (database.stat().st_size, files.sha256(database))
    if outside_audit is not None:
        outside_audit(database)
        if files.sidecars(database) or (database.stat().st_size, files.sha256(database)) != before:
            raise PublishError(
                f"{database}: the audit wrote into the file that it should only read; open it read-only"
            )
        files.crash_point("audited_outside")
    manifest = _write_manifest(night, folder, before, next_sequence(settings))
    for path in (folder, folder / "parquet", folder / MANIFEST):
        for_readers(settings, path)
    for path in (database, *(folder / "parquet").iterdir()):
        for_readers(settings, path, read_only=True)
    for path in (*(folder / "parquet").iterdir(), database, folder / MANIFEST, folder / "parquet", folder):
        files.fsync(path)
    files.crash_point("synced")
    return manifest


def _go_live(settings: Settings, version: str) -> None:
    parquet = parquet_folder(settings)
    (building_folder(settings, version) / "parquet").rename(parquet / version)
    files.fsync(parquet)
    files.fsync(building_folder(settings, version))
    files.crash_point("parquet_placed")
    files.swap_file(
        building_folder(settings, version) / DATABASE,
        serving_file(settings),
        settings.serving / f".swap-{version}",
    )
    file_version(settings, version)


def _attach_warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    if not settings.warehouse.is_file():
        raise PublishError(f"{settings.warehouse}: there is no warehouse to publish from; run a night first")
    connection = connect(settings, Path(":memory:"))
    try:
        connection.execute(f"SET temp_directory = {literal(str(settings.serving / '.building-spill'))}")
        # Under its own name, because views of dbt name the database they are in.
        attach_warehouse(settings, connection, settings.warehouse.stem)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(settings: Settings) -> None:
    private_folder(settings, settings.warehouse.parent)
    for folder in (settings.serving, versions_folder(settings), parquet_folder(settings)):
        folder.mkdir(parents=True, exist_ok=True)
        for_readers(settings, folder)


@dataclass(frozen=True)
class MartsAtHand:
    """The built marts, fit to be published, beside what is served; nobody else publishes meanwhile."""

    connection: duckdb.DuckDBPyConnection
    """Has the warehouse attached, read-only, under its own name."""
    contracts: list[MartContract]
    tables: dict[str, PublishedTable]
    live: Published | None


@contextmanager
def marts_at_hand(settings: Settings, contracts: dict[str, MartContract]) -> Iterator[MartsAtHand]:
    """Keep other publishers out, put right what a killed one left, and check and fingerprint the built marts.

    Raises:
        PublishError: contracts or marts cannot be published.
        LockedError: another process writes to the warehouse or publishes.
    """
    wanted = [contracts[name] for name in sorted(contracts)]
    check_contracts(wanted)
    with sentences(settings):
        _prepare(settings)
        with (
            files.exclusive(settings.serving, settings.lock_timeout_seconds),
            _attach_warehouse(settings) as connection,
        ):
            live = recover(settings)
            warehouse = settings.warehouse.stem
            check_marts(connection, warehouse, wanted)
            tables = {
                c.name: fingerprint(connection, f"{ident(warehouse)}.marts.{ident(c.name)}", c)
                for c in wanted
            }
            yield MartsAtHand(connection, wanted, tables, live)


def publish(
    settings: Settings,
    run_id: str,
    as_of: date,
    contracts: dict[str, MartContract],
    *,
    audit: Callable[[Path], None] | None = None,
) -> Published:
    """Publish the marts of the warehouse as one new night, or leave everything as it is.

    Unchanged content (same as-of date, contracts and rows) is not published again: the result has `unchanged`
    set and names the run that published it first.

    Args:
        settings: Where warehouse and serving folder are, and how many versions to keep.
        run_id: The run that built the marts.
        as_of: The business date they are for.
        contracts: The marts to publish; each comes from `marts.<name>` in the warehouse.
        audit: Opens the finished file read-only before anyone sees it, and raises to refuse it.

    Raises:
        PublishError: The night was refused or could not be written; BI sees the old night, or the new one if
            the failure came after the swap (then running again completes it).
        LockedError: Another process writes to the warehouse or publishes.
    """
    with marts_at_hand(settings, contracts) as marts:
        live = marts.live
        storage = storage_version(settings)
        content = content_hash(as_of, marts.contracts, marts.tables, storage)
        files.crash_point("fingerprinted")
        if live is not None and _is_served(settings, live, content):
            prune(settings, live.version)
            return read_manifest(versions_folder(settings) / live.version).published(
                live.path, unchanged=True
            )
        version, moment = new_version(settings, run_id, datetime.now(UTC))
        night = Night(version, run_id, as_of, moment, content, marts.tables, storage)
        try:
            manifest = _build_and_audit(marts.connection, settings, marts.contracts, night, audit)
            _go_live(settings, version)
        except BaseException:
            _tidy_up(settings)
            raise
        prune(settings, version)
        return manifest.published(serving_file(settings))


def _tidy_up(settings: Settings) -> None:
    """After a failure, do at once what the next run would do first; what gets reported is the failure."""
    try:
        recover(settings)
    except (MainstayError, OSError, duckdb.Error) as error:
        logger.warning("%s: leftovers stay until the next publishing: %s", settings.serving, error)
