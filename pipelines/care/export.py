"""The list written to a file, with its row in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.care.care_list import CareList, read_list
from pipelines.care.columns import COLUMNS
from pipelines.care.files import contents, put, require_writable
from pipelines.warehouse import ledger
from pipelines.warehouse.lock import warehouse_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from pipelines.settings import Settings


@dataclass(frozen=True)
class Export:
    """A list and the file that it was, or would be, written to."""

    care: CareList
    target: Path
    is_written: bool


def export_list(
    settings: Settings,
    target: Path,
    day: date | None = None,
    language: str = "en",
    *,
    force: bool = False,
    dry_run: bool = False,
    on_wait: Callable[[str], None] | None = None,
) -> Export:
    """Write the list of a date to a file that its owner alone can read.

    The ledger has it first: a kill leaves no file that nobody knows of.

    Args:
        settings: The deployment.
        target: The file, .csv or .xlsx.
        day: The date; default the day after that of the marts.
        language: Of headings, labels and sentences.
        force: Overwrite a file that is there.
        dry_run: Try everything and write nothing.
        on_wait: Hears whom we wait for.

    Raises:
        BuildError: there are no marts, or they are not those of a night that ended well.
        ErasureUnfinishedError: somebody on it may be being erased.
        SettingsError: the file may not be written there, or the marts know nothing of the date.
        StorageError: the disk is full, or the folder does not let us.
        LockedError: a step has the warehouse for longer than `lock_timeout_seconds`.
    """
    require_writable(settings, target, force=force)
    with warehouse_lock(settings, "care", "export", on_wait=on_wait):
        care = read_list(settings, day, language)
        data = contents(care, target.suffix)
        if dry_run:
            return Export(care, target, is_written=False)
        moment = ledger.begin_export(
            settings,
            "care",
            target,
            run_id=care.run_id,
            list_date=care.list_date,
            rows=len(care.rows),
            columns=COLUMNS,
        )
        try:
            put(target, data, force=force)
        except BaseException:
            ledger.end_export(settings, moment, "failed")
            raise
        ledger.end_export(settings, moment, "written")
    return Export(care, target, is_written=True)
