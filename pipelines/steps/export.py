"""Export: the served night once more in PostgreSQL, where that is set; the one step after the night is published."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipelines.errors import ExportError, LockedError
from pipelines.steps.record import recorded

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary

log = logging.getLogger(__name__)

UNHARMED = "The serving file has the published night; bring PostgreSQL to it with `mainstay export postgres`"


def export(
    settings: Settings, run_id: str, say: Say | None = None, *, only_if_needed: bool = True
) -> Summary:
    """Bring PostgreSQL to the served night, whole or not at all.

    Args:
        settings: The deployment; `postgres_url` says where.
        run_id: The run.
        say: Hears what is going on.
        only_if_needed: Leave PostgreSQL alone if it has just this night.

    Raises:
        SettingsError: the address is missing or wrong.
        LockedError: another export writes there.
        ExportError: it could not be done: the served night stands, and PostgreSQL has the one before.
    """
    return recorded(
        settings, run_id, "export", lambda: bring(settings, say, only_if_needed=only_if_needed), say
    )


def bring(settings: Settings, say: Say | None = None, *, only_if_needed: bool = True) -> Summary:
    """The same beside the ledger: for a rollback, which needs no warehouse."""
    from pipelines.export import export_postgres

    try:
        return export_postgres(settings, say or log.info, only_if_needed=only_if_needed).as_dict()
    except (ExportError, LockedError) as error:
        raise type(error)(f"{error}. {UNHARMED}") from error


def exported(settings: Settings, run_id: str, say: Say | None = None) -> Summary:
    """What a command that has changed what is served adds to its summary: the export, where one is set."""
    return {"postgres": export(settings, run_id, say)} if settings.postgres_url is not None else {}
