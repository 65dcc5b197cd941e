"""What failures below the warehouse mean for a person: a damaged file, a full disk, no memory, a folder without rights."""

from __future__ import annotations

import errno
import shlex
import shutil
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import (
    BuildError,
    LoadError,
    MainstayError,
    OutOfMemoryError,
    StorageError,
    ValidationFailedError,
    WarehouseDamagedError,
)
from pipelines.quoting import no_pattern
from pipelines.settings import PROJECT_DIR
from pipelines.showing import cut, visible, without_addresses, without_values
from pipelines.warehouse import sparks_faults
from pipelines.warehouse.store import unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

_DAMAGE = (
    "not a valid DuckDB database file",
    "Corrupt database file",
    "Could not read enough bytes from file",
    "Failed to deserialize",
    "Trying to read a database file with version",
)
_FULL = ("No space left on device", "Disk quota exceeded", "disk is full", "max_temp_directory_size")
_MEMORY = (
    "Out of Memory Error:",
    "Cannot allocate memory",
    "std::bad_alloc",
    "bad allocation",
    "MemoryError:",
)
_CUT_OFF = ("marshal data too short", "bad marshal data")
_CLOSED = (
    "Read-only file system",
    "Permission denied",
    "Input/output error",
    "disk I/O error",
    "File too large",
    "Mkdirs failed to create",
)
_SOURCES = (
    *(
        "IO Error:",
        "HTTP Error:",
        "TransactionContext Error:",
        "FATAL Error:",
        "Serialization Error:",
        "Out of Memory Error:",
    ),
    *("OperationalError", "[Errno ", "MemoryError:", "std::bad_alloc", "EOFError:"),
    *sparks_faults.MEMORY,
    *sparks_faults.LOST,
    *sparks_faults.FILES,
)
_MISSING = ("No files found that match", "(HTTP 404 ")
_FULL_BYTES = 64 * 1024
_OPAQUE = (MainstayError, LoadError, BuildError, ValidationFailedError)
_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
_CLOSED_NUMBERS = (
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ESTALE),
)


def explained(settings: Settings, error: BaseException) -> MainstayError | None:
    """What a failure below the warehouse means for a person: a damaged file, a full disk, no memory, a folder without rights.

    Libraries pass such a failure on as text within errors of their own, so every error's text is looked into that
    has no better sentence; None where it means nothing of the kind.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return _out_of_memory(settings, str(error) or type(error).__name__)
    if isinstance(error, EOFError | ValueError | ImportError) and any(s in str(error) for s in _CUT_OFF):
        return _cut_off(str(error))
    if isinstance(error, ConnectionError) and sparks_faults.is_of_java(error):
        return sparks_faults.lost(settings, str(error))
    if isinstance(error, OSError) and error.errno is not None:
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        if error.errno in _FULL_NUMBERS:
            return _full(settings, text)
        return _closed(settings, text) if error.errno in _CLOSED_NUMBERS else None
    # The more special errors of ours have sentences of their own.
    if not isinstance(error, Exception) or (isinstance(error, MainstayError) and type(error) not in _OPAQUE):
        return None
    if known := unread(settings, str(error)):
        return known
    text = str(error) if isinstance(error, MainstayError | duckdb.Error) else without_values(str(error))
    first = " ".join(text.split())
    if not isinstance(error, duckdb.Error) and not any(source in first for source in _SOURCES):
        return None  # the words stand in somebody's data
    if any(sign in first for sign in _DAMAGE):
        return damaged(settings, first)
    if any(sign in first for sign in _MISSING) and any(
        name in first for name in (settings.lake, no_pattern(settings.lake))
    ):
        return sparks_faults.not_there(settings, first)
    if any(sign in first for sign in _FULL):
        return _full(settings, first)
    if any(sign in first for sign in sparks_faults.MEMORY):
        return sparks_faults.out_of_memory(settings, first)
    if any(sign in first for sign in sparks_faults.LOST) or (
        isinstance(error, BuildError) and sparks_faults.REFUSED in first
    ):
        return sparks_faults.lost(settings, first)
    if any(sign in first for sign in _MEMORY):
        return _out_of_memory(settings, first)
    if any(sign in first for sign in _CUT_OFF):
        return _cut_off(first)
    if any(sign in first for sign in _CLOSED):
        return _closed(settings, first)
    return None


def said(error: BaseException, *, is_personal: bool) -> str:
    """What an error says, on one line and cut; without a word of DuckDB on values where these may be personal."""
    text = without_values(str(error)) if is_personal else without_addresses(str(error))
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return cut(visible(first.strip()), sparks_faults.SAID_CHARACTERS)


def message_of(error: BaseException) -> str:
    """What of an error may be kept and sent: its sentence, and of a defect's text nothing that a database says of values."""
    text = str(error) if isinstance(error, MainstayError) else without_values(str(error))
    return visible(text, keep="\n") or type(error).__name__


def damaged(settings: Settings, what: str) -> WarehouseDamagedError:
    """The error for a warehouse that cannot be read any more, with the way out."""
    return WarehouseDamagedError(
        f"the warehouse {settings.warehouse} is damaged ({what}); run `mainstay rebuild`: it is rebuilt from the "
        "landing files. BI keeps the last published night meanwhile"
    )


def _full(settings: Settings, what: str) -> StorageError:
    return StorageError(
        f"no space is left on the disk of {_place(settings, what)} ({what}); free some space and run the same command "
        "again. BI keeps the last published night"
    )


def _place(settings: Settings, what: str) -> str:
    """Where something could not be written."""
    if any(sign in what for sign in sparks_faults.FILES):
        return f"{settings.lake}, or of what a machine of Spark has for its scratch files,"
    return str(settings.var)


def _out_of_memory(settings: Settings, what: str) -> OutOfMemoryError:
    limit = settings.duckdb_memory_limit
    said = what.partition("Possible solutions")[0].strip()  # DuckDB's are of its own statements
    return OutOfMemoryError(
        f"memory ran out ({said}); end other programs or give the machine more, raise duckdb_memory_limit "
        f"({limit or 'not set: four fifths of the machine'}) where that is the bound, or lower duckdb_threads, and run the "
        "same command again. BI keeps the last published night"
    )


def _cut_off(what: str) -> StorageError:
    return StorageError(
        f"a compiled module of Python is cut off ({what}), as a full disk leaves it; delete the compiled ones, which "
        f"are not needed: `find {shlex.quote(str(PROJECT_DIR))} {shlex.quote(sys.prefix)} -name '*.pyc' -delete`"
    )


def _closed(settings: Settings, what: str) -> StorageError:
    with suppress(OSError):
        if (
            shutil.disk_usage(settings.var).free < _FULL_BYTES
        ):  # SQLite calls a full disk an error of the disk
            return _full(settings, what)
    return StorageError(
        f"{_place(settings, what)} cannot be read or written as needed ({what}); let the user who runs Mainstay read and "
        "write there and run the same command again. BI keeps the last published night"
    )


@contextmanager
def database_errors(settings: Settings) -> Iterator[None]:
    """Raise what a disk or a damaged warehouse did to a step as one sentence; see `explained`.

    Of what else DuckDB or Spark says the values are left out, also where it stands below an error of ours: it goes into the
    ledger, logs, mails and Airflow's database.

    DuckDB says "Query interrupted" when a signal ends a query: then what the signal raised goes on instead.
    """
    try:
        yield
    except Exception as error:
        cause = error.__cause__
        if isinstance(error, RuntimeError) and cause is not None and not isinstance(cause, Exception):
            raise cause from None
        known = explained(settings, error)
        if (
            known is None
            and not isinstance(error, MainstayError)
            and without_values(str(error)) != str(error)
        ):
            less = said(error, is_personal=True)
            # Other libraries pass on what DuckDB said, in errors that take more than a text.
            is_own = isinstance(error, duckdb.Error)
            said_less = type(error)(less) if is_own else RuntimeError(f"{type(error).__name__}: {less}")
            raise said_less.with_traceback(error.__traceback__) from None
        _forget_values_below(error)
        if known is None:
            raise
        raise known from (None if without_values(str(error)) != str(error) else error)


def _forget_values_below(error: BaseException) -> None:
    """Cut off what an error came of, from the first one on that holds values: logs write the whole chain."""
    below = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if below is None:
        return
    if without_values(str(below)) != str(below):
        error.__cause__, error.__suppress_context__ = None, True
    else:
        _forget_values_below(below)
