"""Find landing files by a contract's location pattern. File names are data: they are matched, never run."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.contracts.location import LandingFile, LocationPart, day_of, location_parts, split_location
from pipelines.errors import LandingError
from pipelines.land.control import is_control
from pipelines.settings import fault_of_day

if TYPE_CHECKING:
    from datetime import date

    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings


def is_left_alone(name: str) -> bool:
    """Whether a file is half-written or hidden: not landed yet."""
    return name.startswith((".", "_")) or name.endswith((".tmp", ".part", ".crc"))


def _check_name(path: Path) -> None:
    """A path must be text, and DuckDB must be able to open it as one file."""
    try:
        text = str(path).encode().decode()
    except UnicodeEncodeError as error:
        shown = str(path).encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise LandingError(
            f"{shown}: refused: expected a file name in UTF-8, found other bytes; rename it"
        ) from error
    if "\\" in text and any(mark in text for mark in "*?["):
        raise LandingError(
            f"{text}: refused: a path with a backslash and one of * ? [ cannot be opened safely; rename it"
        )


def _is_folder(entry: Path) -> bool:
    """Whether it is a folder; what cannot be looked at is an error, as its files must not pass for deleted."""
    try:
        return stat.S_ISDIR(entry.stat().st_mode)
    except FileNotFoundError:
        if entry.is_symlink():
            raise LandingError(
                f"{entry}: refused: expected a folder, found a link to nothing; mount what it points to, or remove it"
            ) from None
        return False


def require_landing_folder(settings: Settings, contract: SourceContract) -> None:
    """Make sure that files are missing because they were deleted, not because their disk is.

    Raises:
        LandingError: the folder that a dataset's files lie below is not there, or is empty.
    """
    folder = settings.landing
    if contract.location.startswith("/"):
        folder = Path("/")
        for name in split_location(contract.location)[:-1]:
            if any(mark in name for mark in "*?[{"):
                break
            folder /= name
    try:
        is_there = _is_folder(folder) and any(folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from error
    if not is_there:
        raise LandingError(
            f"the landing folder {folder} is not there or is empty, so the {contract.name} files are not known to be "
            "deleted, and nothing was removed. Mount it and run again; "
            "to empty a single date, land a file with just its header"
        )


def unreadable(root: Path, error: OSError) -> LandingError:
    """The landing folder, or a folder in it, cannot be read."""
    return LandingError(
        f"the landing folder {error.filename or root} cannot be read: {error.strerror}; check that it is there and readable"
    )


def discover(
    settings: Settings, contract: SourceContract, first: date | None = None, last: date | None = None
) -> list[LandingFile]:
    """What matches a dataset's location with a landing date from `first` to `last`, both included, in date and path order.

    Whatever bears a matching name is found, a folder or a dangling link too: `inspect` refuses it by name.

    Raises:
        LandingError: the landing folder cannot be read, a folder is a link to nothing, or a path names two dates or one
            that cannot be.
    """
    is_absolute = contract.location.startswith("/")
    root = Path("/") if is_absolute else settings.landing
    found: set[LandingFile] = set()

    def walk(folder: Path, rest: tuple[LocationPart, ...], codes: dict[str, str]) -> None:
        part, *tail = rest
        for entry in sorted(folder.iterdir()):
            match = part.regex.match(entry.name)
            if match is None or is_left_alone(entry.name) or is_control(entry.name):
                continue
            these = dict(codes)
            for code, digits in zip(part.codes, match.groups(), strict=True):
                if these.setdefault(code, digits) != digits:
                    raise LandingError(
                        f"{entry}: refused: its path names two dates; put it into the folder of its own date"
                    )
            day = day_of(these)
            if day is not None and ((first and day < first) or (last and day > last)):
                continue
            if not tail and day is not None:
                _check_name(entry)
                if fault := fault_of_day(day):
                    raise LandingError(f"{entry}: refused: {fault}; put it into the folder of its date")
                found.add(LandingFile(contract.name, day, entry))
            elif tail and _is_folder(entry):
                walk(entry, tuple(tail), these)

    try:
        if root.exists():
            walk(root, location_parts(contract.location), {})
    except OSError as error:
        raise unreadable(root, error) from error
    return sorted(found, key=lambda file: file.place)


def landed_dates(settings: Settings, contract: SourceContract) -> list[date]:
    """Every landing date that has a landing file, in order."""
    return sorted({file.partition_date for file in discover(settings, contract)})
