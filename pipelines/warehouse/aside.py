"""Set a warehouse aside: its file, the file's log, and the rows that lie beside it, all under one name with the time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import MainstayError
from pipelines.warehouse.durable import fsync
from pipelines.warehouse.engine import ASIDE
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.lock import warehouse_lock

if TYPE_CHECKING:
    from pipelines.settings import Settings

NOTE = "setting-aside"
"""Holds the name as long as not all is aside, so that after a kill the rest follows under the same."""
_NAME = re.compile(r"\d{8}T\d{6}Z(-again)*")


def set_aside(settings: Settings) -> list[Path]:
    """Rename the warehouse, its log and its rows, so that the next run begins a new one; gives the new names, the file's first.

    Killed in between, it is to be called again: nothing is lost, and readers are told so meanwhile.

    Raises:
        LockedError: another process writes to it.
        MainstayError: something of it cannot be renamed; what can is aside, and what cannot stays where it is.
    """
    warehouse = settings.warehouse
    if not warehouse.parent.exists():
        return []
    with warehouse_lock(settings, "rebuild", "rebuild"):
        try:
            return _set_aside(settings, warehouse)
        except OSError as error:
            raise MainstayError(
                f"{error.filename} cannot be set aside ({error.strerror}); let Mainstay's account rename what lies in its "
                "folder, or move it away by hand, and run again"
            ) from error


def _set_aside(settings: Settings, warehouse: Path) -> list[Path]:
    note, log = warehouse.with_name(NOTE), warehouse.with_name(f"{warehouse.name}.wal")
    name = _name(warehouse, note)
    aside = warehouse.with_name(f"{warehouse.name}.{ASIDE}{name}")
    note.write_text(name, encoding="utf-8")
    fsync(note)
    fsync(note.parent)
    # Before the file that looks into them: the next load removes what no file names.
    rows = engine_of(settings).set_aside(settings, name)
    # The log first: killed in between, it must not be left for a new warehouse, which would replay it.
    if log.exists():
        log.rename(aside.with_name(f"{aside.name}.wal"))
    if warehouse.exists():
        warehouse.rename(aside)
    fsync(note.parent)
    note.unlink()
    return [path for path in (aside, rows) if path is not None and path.exists()]


def _name(warehouse: Path, note: Path) -> str:
    """The name that a killed one has begun with, or the time."""

    def is_taken(name: str) -> bool:
        return warehouse.with_name(f"{warehouse.name}.{ASIDE}{name}").exists()

    begun = note.read_text(encoding="utf-8") if note.exists() else ""
    # Where the file is aside already, all was but for the note; what is there now is another warehouse.
    if _NAME.fullmatch(begun) and not is_taken(begun):
        return begun
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    while is_taken(name):  # twice in a second, or the clock was set back
        name = f"{name}-again"
    return name
