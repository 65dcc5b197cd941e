"""Set a warehouse aside: its file, the file's log, and the rows that lie beside it, all under one name with the time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipelines.errors import MainstayError, WarehouseDamagedError
from pipelines.showing import visible
from pipelines.warehouse.durable import fsync
from pipelines.warehouse.engine import ASIDE, LAKE_MARK, NO_ROWS
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.spark.claim import other_owner
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.store import address_of

if TYPE_CHECKING:
    from pipelines.settings import Settings

NOTE = "setting-aside"
"""Holds the name as long as not all is aside, so that after a kill the rest follows under the same."""
_NAME = re.compile(r"\d{8}T\d{6}Z(-again)*")


class Aside(NamedTuple):
    """What was set aside, by its new names; None for what was not there."""

    file: Path | None = None
    rows: Path | None = None
    """The folder of those that lay beside the file."""


def set_aside(settings: Settings) -> Aside:
    """Rename the warehouse, its log and its rows, so that the next run begins a new one.

    Killed in between, it is to be called again: nothing is lost, and readers are told so meanwhile.

    Raises:
        LockedError: another process writes to it.
        MainstayError: something of it cannot be renamed; what can is aside, and what cannot stays where it is.
        SettingsError: the rows are another deployment's; nothing was touched.
    """
    warehouse = settings.warehouse
    if not warehouse.parent.exists():
        return Aside()
    with warehouse_lock(settings, "rebuild", "rebuild"):
        try:
            engine_of(settings).claim(settings)
            return _set_aside(settings, warehouse)
        except OSError as error:
            raise _cannot(warehouse.with_name(NOTE), error) from error


def _cannot(note: Path, error: OSError) -> MainstayError:
    what = Path(error.filename) if error.filename else note
    if what == note or not what.exists():
        return MainstayError(
            f"{what.parent} cannot be written ({error.strerror}); let Mainstay's account write there, and run again"
        )
    return MainstayError(
        f"{what} cannot be set aside ({error.strerror}); let Mainstay's account rename what lies in its folder, or move it "
        "away by hand, and run again"
    )


def require_none_begun(settings: Settings) -> None:
    """Make sure that nothing is half aside: the rows that are may be the only ones there are.

    Raises:
        WarehouseDamagedError: a rebuild was killed.
    """
    if _begun(settings.warehouse) is not None:
        raise WarehouseDamagedError(
            f"a rebuild was killed while it set {settings.warehouse} aside; run `mainstay rebuild`, which ends it, and then "
            "this again"
        )


def old_rows(settings: Settings) -> list[Path]:
    """Rows of this deployment that nothing reads: those set aside, and all in the lake of an engine that it had before.

    Not that lake itself, which may be a mount point or a link.
    """
    lake = Path(settings.lake)
    if not (lake / LAKE_MARK).exists() or left_alone(settings) is not None:
        return []
    if engine_of(settings).kept_as == "VIEW":  # its rows lie in the lake
        return sorted(lake.glob(f"{ASIDE}*"))
    return [path for path in lake.iterdir() if path.name not in NO_ROWS]


def left_alone(settings: Settings) -> str | None:
    """Why an erasure leaves the place alone that the settings name for a lake; None where it does not."""
    if "://" in settings.lake:
        is_used = address_of(settings) is not None
        return (
            None if is_used else f"with MAINSTAY_ENGINE={settings.engine} nothing looks into {settings.lake}"
        )
    mark = Lake(settings.lake).read_text(LAKE_MARK)
    owner = other_owner(mark, settings.lake, settings.warehouse)
    return None if owner is None else f"{settings.lake} is the lake of {visible(owner)}"


def _set_aside(settings: Settings, warehouse: Path) -> Aside:
    note, log = warehouse.with_name(NOTE), warehouse.with_name(f"{warehouse.name}.wal")
    name = _begun(warehouse) or _new_name(warehouse)
    aside = _aside(warehouse, name)
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
    return Aside(aside if aside.exists() else None, rows)


def _aside(warehouse: Path, name: str) -> Path:
    return warehouse.with_name(f"{warehouse.name}.{ASIDE}{name}")


def _begun(warehouse: Path) -> str | None:
    """The name that a killed one has begun with; None where there is none."""
    note = warehouse.with_name(NOTE)
    name = note.read_text(encoding="utf-8") if note.exists() else ""
    # Where the file is aside already, all was but for the note; what is there now is another warehouse.
    return name if _NAME.fullmatch(name) and not _aside(warehouse, name).exists() else None


def _new_name(warehouse: Path) -> str:
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    while _aside(warehouse, name).exists():  # twice in a second, or the clock was set back
        name = f"{name}-again"
    return name
