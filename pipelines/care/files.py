"""The list as a file for its owner alone: whole or not there, and nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import os
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.care.columns import COLUMNS
from pipelines.care.texts import Texts
from pipelines.errors import SettingsError, StorageError
from pipelines.showing import for_spreadsheet

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.care.care_list import CareList
    from pipelines.settings import Settings

FORMATS = (".csv", ".xlsx")

OWNER_ALONE = 0o600
_SHEET_ROWS = 1_048_575
"""Rows of a sheet below its header."""
_CELL_CHARACTERS = 32_767
_WIDTHS = {"why": 90, "name": 24, "email": 28, "phone": 18, "reachable": 32, "customer_id": 16}
_WIDTH = 14


def require_writable(settings: Settings, target: Path, *, force: bool) -> None:
    """Make sure that the list may be written there, before anything is read.

    Raises:
        SettingsError: the ending is unknown, the folder is not there or is read by others or by Mainstay itself, or
            a file is there already.
    """
    if target.suffix.lower() not in FORMATS:
        raise SettingsError(
            f"{target}: the list is written as .csv or .xlsx; give the file one of these endings"
        )
    if not target.parent.is_dir():
        raise SettingsError(f"{target.parent} is no folder; make it, or name another")
    folder = target.parent.resolve()
    for kept, why in ((settings.serving, "others read it"), (settings.landing, "its files are loaded")):
        if folder.is_relative_to(kept.resolve()):
            raise SettingsError(
                f"{target} lies below {kept}: {why}, and the list has names and telephone numbers; name another folder"
            )
    if target.is_dir():
        raise SettingsError(f"{target} is a folder; name a file")
    if not force and (target.exists() or target.is_symlink()):
        raise SettingsError(f"{target} is there already; name a new file, or overwrite it with --force")


def contents(care: CareList, ending: str) -> bytes:
    """The bytes of the file, made in memory: no other file ever holds them.

    Raises:
        SettingsError: there are more rows than a sheet holds.
    """
    texts = Texts(care.language)
    header = [texts("column", name) for name in COLUMNS]
    rows = [[row[name] for name in COLUMNS] for row in care.rows]
    if not rows:
        rows = [[texts("list", "empty", day=care.list_date)]]
    if ending.lower() == ".csv":
        return _csv([header, *rows])
    if len(rows) > _SHEET_ROWS:
        raise SettingsError(f"{len(rows):,} rows are more than a sheet holds; write a .csv instead")
    return _xlsx(header, rows, texts("list", "sheet", day=care.list_date))


def put(target: Path, data: bytes, *, force: bool) -> None:
    """Write the file at once: under a name of its own first, which takes the target's when it is whole.

    Raises:
        SettingsError: a file has appeared there meanwhile, and is not to be overwritten.
        StorageError: the disk is full, or the folder does not let us.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # what a killed process left
        # Whatever stands there under that name, a link too, is not written to.
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OWNER_ALONE)
        try:
            with os.fdopen(handle, "wb") as stream:
                os.fchmod(handle, OWNER_ALONE)
                stream.write(data)
                stream.flush()
                os.fsync(handle)
            _take_its_name(partial, target, force=force)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{target}: the list cannot be written there ({error.strerror or error}); free some space, mend the folder's "
            "rights, or name another folder"
        ) from error


def _take_its_name(partial: Path, target: Path, *, force: bool) -> None:
    if not force:
        try:
            os.link(partial, target)  # unlike a rename it overwrites nothing
        except FileExistsError as error:
            raise SettingsError(
                f"{target} has appeared meanwhile; name a new file, or overwrite it with --force"
            ) from error
        except OSError:  # a file system without hard links
            partial.replace(target)
    else:
        partial.replace(target)
    with suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _csv(rows: list[list[Any]]) -> bytes:
    stream = io.StringIO(newline="")
    # Text all quoted: where the delimiter is another, what follows would be a cell of its own.
    csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC).writerows(
        [_neutral(cell) for cell in row] for row in rows
    )
    return stream.getvalue().encode("utf-8-sig")  # the mark tells Excel that it is UTF-8


def _neutral(cell: Any) -> Any:
    """Text as text, harmless; figures as figures, and nothing for nothing."""
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, str):
        return for_spreadsheet(cell, keep_numbers=False)
    return cell


def _xlsx(header: list[str], rows: list[list[Any]], title: str) -> bytes:
    import xlsxwriter  # a person's command: not for every start of the command line

    made = io.BytesIO()
    # In memory, as temporary files would hold names; and no text is taken for a formula, number or link.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(made, options) as book:
        sheet = book.add_worksheet(title[:31])
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        text = book.add_format({"num_format": "@", "valign": "top"})
        wrapped = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left", "valign": "top"})
        amount = book.add_format({"num_format": "#,##0.00", "valign": "top"})
        whole = book.add_format({"num_format": "0", "valign": "top"})
        for number, name in enumerate(COLUMNS):
            sheet.set_column(number, number, _WIDTHS.get(name, _WIDTH))
            sheet.write_string(0, number, header[number], bold)
        for line, row in enumerate(rows, start=1):
            for number, cell in enumerate(row):
                if isinstance(cell, str):
                    harmless = for_spreadsheet(cell, keep_numbers=False)[:_CELL_CHARACTERS]
                    sheet.write_string(line, number, harmless, wrapped if COLUMNS[number] == "why" else text)
                elif isinstance(cell, date):
                    sheet.write_datetime(line, number, cell, day)
                elif cell is not None:
                    sheet.write_number(line, number, cell, whole if isinstance(cell, int) else amount)
        sheet.freeze_panes(1, 3)
        sheet.autofilter(0, 0, len(rows), len(COLUMNS) - 1)
        sheet.set_landscape()
        sheet.repeat_rows(0)
    return made.getvalue()
