"""Serving an earlier version again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipelines.errors import PublishError
from pipelines.publish import files
from pipelines.publish.catalog import (
    DATABASE,
    Published,
    current,
    damage,
    read_manifest,
    serving_file,
    version_ids,
    versions_folder,
)
from pipelines.publish.recovery import point_parquet, recover, sentences

if TYPE_CHECKING:
    from pipelines.settings import Settings

logger = logging.getLogger(__name__)


def rollback(settings: Settings, to: str | None = None, *, dry_run: bool = False) -> Published:
    """Serve an earlier version again, as atomically as a new one; a later publishing goes on from there.

    Args:
        settings: Where the serving folder is.
        to: A version of `versions()`; default the newest one older than what is served.
        dry_run: Check that the version is whole and say what would be served, but change nothing.

    Raises:
        PublishError: There is no such version, or it has been damaged.
        LockedError: Another process publishes.
    """
    if not versions_folder(settings).is_dir():
        raise PublishError(
            f"{settings.serving}: nothing has been published yet, so there is nothing to roll back to"
        )
    with sentences(settings), files.exclusive(settings.serving, settings.lock_timeout_seconds):
        live = _peek(settings) if dry_run else recover(settings)
        known = version_ids(settings)
        place = known.index(live.version) + 1 if live is not None and live.version in known else 0
        target = to or next(iter(known[place:]), None)
        if target is None or target not in known:
            asked = (
                f"no version {to}"
                if to
                else f"no version older than {live.version if live else 'the served one'}"
            )
            raise PublishError(
                f"{settings.serving}: there is {asked} to roll back to; kept: {', '.join(known) or 'none'}"
            )
        manifest = read_manifest(versions_folder(settings) / target)
        source = versions_folder(settings) / target / DATABASE
        if problem := damage(settings, manifest, source):
            raise PublishError(
                f"version {target} cannot be served: {problem}; choose another one of {', '.join(known)}"
            )
        unchanged = live is not None and live.version == target
        if not dry_run and not unchanged:
            files.swap_file(source, serving_file(settings), settings.serving / f".swap-{target}")
            point_parquet(settings, target)
        return manifest.published(serving_file(settings), unchanged=unchanged)


def _peek(settings: Settings) -> Published | None:
    """What is live, or None where the file cannot be read, without touching anything."""
    try:
        return current(settings)
    except PublishError as error:
        logger.warning("%s", error)
        return None
