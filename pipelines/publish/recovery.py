"""What makes publishing safe to kill: the serving folder's layout, and what a run does with what it finds.

serving/marts.duckdb                      what BI opens; a link to the current version's file
serving/parquet/current -> <version>      the same night as Parquet files
serving/parquet/<version>/<table>.parquet
serving/versions/<version>/marts.duckdb, manifest.json
serving/.building-<version>/              a night that is not live yet, or was killed
serving/.swap-<version>, .removing-<version>, parquet/.current-<version>: alive for an instant
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import LockedError, PublishError, WarehouseDamagedError
from pipelines.publish import files
from pipelines.publish.catalog import (
    VERSION_ID,
    Published,
    current,
    parquet_folder,
    serving_file,
    version_ids,
    versions_folder,
)
from pipelines.warehouse.faults import explained

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

logger = logging.getLogger(__name__)


@contextmanager
def sentences(settings: Settings) -> Iterator[None]:
    """Turn what the system and DuckDB raise into one sentence for a person."""
    untouched = "what BI reads is still one whole night"
    try:
        yield
    except duckdb.Error as error:
        if "Could not set lock" in str(error):
            raise LockedError(f"cannot publish while another process writes: {error}") from error
        known = explained(settings, error)
        if isinstance(known, WarehouseDamagedError):
            raise known from error
        kind = type(known) if known else PublishError
        raise kind(f"publishing to {settings.serving} failed: {known or error}; {untouched}") from error
    except OSError as error:
        known = explained(settings, error)
        kind = type(known) if known else PublishError
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise kind(
                f"{settings.serving}: no space left for the new night; {untouched}; free some space"
            ) from error
        raise kind(
            f"{settings.serving}: publishing cannot write there: {error}; {untouched}; "
            "check the folder and its rights"
        ) from error


def building_folder(settings: Settings, version: str) -> Path:
    """Where a night is until it is live."""
    return settings.serving / f".building-{version}"


def point_parquet(settings: Settings, version: str) -> None:
    """Let `parquet/current` lead to the version."""
    folder = parquet_folder(settings)
    files.swap_pointer(folder / "current", version, folder / f".current-{version}")


def file_version(settings: Settings, version: str) -> None:
    """Let Parquet follow the live version, and move its folder in among the versions."""
    point_parquet(settings, version)
    files.remove_tree(versions_folder(settings) / version)  # only a restored backup can be in the way
    building_folder(settings, version).rename(versions_folder(settings) / version)
    files.crash_point("filed")
    files.fsync(versions_folder(settings))
    files.fsync(settings.serving)


def recover(settings: Settings) -> Published | None:
    """Bring whatever a killed run left to one whole night without leftovers, and return what is live.

    The served file decides: the version it names is completed, every other unfinished one is thrown away.
    """
    target = serving_file(settings)
    with files.writers_kept_out(target):
        files.remove_sidecars(target)
    try:
        live = current(settings)
    except PublishError as error:
        logger.warning("%s", error)
        live = None
    for path in sorted(settings.serving.glob(".building-*")):
        if live is None or path != building_folder(settings, live.version):
            files.remove_tree(path)
    for pattern in (".swap-*", ".removing-*", "parquet/.current-*"):
        for path in sorted(settings.serving.glob(pattern)):
            files.remove_tree(path)
    files.crash_point("leftovers_removed")
    if live is not None and building_folder(settings, live.version).is_dir():
        file_version(settings, live.version)
    known = {*version_ids(settings), live.version if live else ""}
    for path in parquet_folder(settings).iterdir():
        if VERSION_ID.match(path.name) and path.name not in known:
            files.remove_tree(path)
    if live is not None and (parquet_folder(settings) / live.version).is_dir():
        point_parquet(settings, live.version)
    return live


def prune(settings: Settings, live: str) -> None:
    """Remove all but the newest `keep_versions` versions, and never the live one."""
    keep_only(settings, {*version_ids(settings)[: settings.keep_versions], live})


def keep_only(settings: Settings, kept: set[str]) -> int:
    """Remove all other versions, and say how many; nobody else publishes meanwhile."""
    gone = [version for version in version_ids(settings) if version not in kept]
    for version in gone:
        removing = settings.serving / f".removing-{version}"
        # At once, so that no half version is ever listed.
        (versions_folder(settings) / version).rename(removing)
        files.crash_point("pruning")
        files.remove_tree(removing)
        files.remove_tree(parquet_folder(settings) / version)
    files.crash_point("pruned")
    return len(gone)
