"""Find landing files by a contract's location pattern. File names are data: they are matched, never run."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import ContractError, LandingError

if TYPE_CHECKING:
    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings

_DATE = re.compile(r"\{date(?::([^}]+))?\}")
_DIGITS = {"%Y": r"\d{4}", "%m": r"\d{2}", "%d": r"\d{2}", "%y": r"\d{2}", "%j": r"\d{3}"}


@dataclass(frozen=True, order=True)
class LandingFile:
    """A file that belongs to a dataset and a business date."""

    dataset: str
    partition_date: date
    path: Path


def _date_pattern(contract: SourceContract, part: str) -> tuple[re.Pattern[str], str]:
    """Regex of one path part that holds {date}, and the date's format."""
    match = _DATE.search(part)
    assert match is not None
    date_format = match.group(1) or "%Y-%m-%d"
    digits = re.escape(date_format)
    for code, regex in _DIGITS.items():
        digits = digits.replace(code, regex)
    if "%" in digits:
        raise ContractError(
            f"{contract.path}: servers.path: {{date:{date_format}}} has a code Mainstay does not know; use %Y, %m, %d, %y, %j"
        )
    before, after = part[: match.start()], part[match.end() :]
    regex = fnmatch.translate(before).removesuffix(r"\Z") + f"(?P<date>{digits})" + fnmatch.translate(after)
    return re.compile(regex), date_format


def _is_temporary(name: str) -> bool:
    """Half-written or hidden files are not landed yet."""
    return name.startswith((".", "_")) or name.endswith((".tmp", ".part", ".crc"))


def discover(
    settings: Settings, contract: SourceContract, first: date | None = None, last: date | None = None
) -> list[LandingFile]:
    """The files of a dataset with a business date from `first` to `last`, both included, in date and name order.

    Raises:
        LandingError: the landing folder cannot be read.
    """
    pattern = Path(contract.location)
    root = Path(pattern.anchor) if pattern.is_absolute() else settings.landing
    parts = pattern.relative_to(pattern.anchor).parts if pattern.is_absolute() else pattern.parts
    found: set[LandingFile] = set()

    def walk(folder: Path, rest: tuple[str, ...], day: date | None) -> None:
        part, *tail = rest
        dated, date_format = _date_pattern(contract, part) if _DATE.search(part) else (None, "")
        plain = re.compile(fnmatch.translate(part))
        for entry in sorted(folder.iterdir()):
            this_day = day
            if dated is not None:
                match = dated.match(entry.name)
                if match is None:
                    continue
                try:
                    this_day = datetime.strptime(match["date"], date_format).date()  # noqa: DTZ007 - a date has no zone
                except ValueError:
                    continue
                if (first and this_day < first) or (last and this_day > last):
                    continue
            elif not plain.match(entry.name):
                continue
            if _is_temporary(entry.name):
                continue
            if tail and entry.is_dir():
                walk(entry, tuple(tail), this_day)
            elif not tail and entry.is_file() and this_day is not None:
                found.add(LandingFile(contract.name, this_day, entry))

    try:
        if root.exists():
            walk(root, tuple(parts), None)
    except OSError as error:
        raise LandingError(
            f"the landing folder {error.filename or root} cannot be read: {error.strerror}; check that it is there and readable"
        ) from error
    return sorted(found)


def landed_dates(settings: Settings, contract: SourceContract) -> list[date]:
    """Every business date that has a landing file, in order."""
    return sorted({file.partition_date for file in discover(settings, contract)})
