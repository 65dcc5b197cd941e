"""What lies in the landing folder and is no dataset's: misnamed files, which would be missed and never missing."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.contracts import source_contracts
from pipelines.contracts.location import location_parts
from pipelines.land.control import data_file, is_control
from pipelines.land.discover import discover, is_left_alone, unreadable
from pipelines.showing import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from pipelines.closed_days import ClosedDays
    from pipelines.contracts import SourceContract
    from pipelines.settings import Settings

_NAME = 200


def unmatched_files(settings: Settings) -> list[Path]:
    """Landed files that no contract's location matches, in order, as they are named below the landing folder.

    Hidden and half-written files are none. Of an absolute location those count that lie beside its files.

    Raises:
        LandingError: the landing folder cannot be read, or a path names two dates or one that cannot be.
    """
    contracts = source_contracts(settings).values()
    known = {file.path for contract in contracts for file in discover(settings, contract)}
    found: set[Path] = set()
    try:
        if settings.landing.exists():
            used = {folder for path in known for folder in path.parents}
            found.update(
                path.relative_to(settings.landing)
                for path in _files(settings.landing, settings.landing.resolve(), known, used)
            )
        for contract in contracts:
            if contract.location.startswith("/"):
                beside = (p for p in _beside(contract) if not (is_control(p.name) and data_file(p) in known))
                found.update(path for path in beside if path not in known)
    except OSError as error:
        raise unreadable(settings.landing, error) from error
    return sorted(found)


def _files(folder: Path, landing: Path, known: set[Path], used: set[Path]) -> Iterator[Path]:
    """The files below a folder that are not known.

    A folder that may not be looked into, such as `lost+found`, stands for what is in it: `discover` has found it not needed.
    So does a link to a folder elsewhere, unless it leads to landed files: it could lead to the whole machine.
    """
    try:
        entries = list(folder.iterdir())
    except PermissionError:
        yield folder
        return
    for entry in entries:
        if (
            is_left_alone(entry.name)
            or entry in known
            or (is_control(entry.name) and data_file(entry) in known)
        ):
            continue
        if not entry.is_dir():
            yield entry
        elif not entry.is_symlink() or entry in used:
            yield from _files(entry, landing, known, used)
        elif not entry.resolve().is_relative_to(landing):
            yield entry


def _beside(contract: SourceContract) -> Iterator[Path]:
    """The files in the folders that an absolute location leads to."""
    folders = [Path("/")]
    for part in location_parts(contract.location)[:-1]:
        folders = [
            entry
            for folder in folders
            for entry in folder.iterdir()
            if part.regex.match(entry.name) and entry.is_dir()
        ]
    for folder in folders:
        yield from (e for e in folder.iterdir() if e.is_file() and not is_left_alone(e.name))


def told(settings: Settings, files: list[Path], most: int = 3) -> str:
    """Which files they are, and the way out, in a sentence."""
    names = ", ".join(shown(file, limit=_NAME) for file in files[:most])
    more = f" and {len(files) - most:,} more" if len(files) > most else ""
    places = ", ".join(contract.location for contract in source_contracts(settings).values())
    return (
        f"landed, but not where a contract looks for files, so never loaded: {names}{more}. Rename them to what a location "
        f"says ({places}), or move them out of {settings.landing}"
    )


def gaps(landed: Iterable[date], closed: ClosedDays) -> list[date]:
    """Dates without a file between dates that have one; days declared closed are none.

    A dataset that does not come daily has a gap where its most frequent distance would have brought another file.
    """
    days = sorted(set(landed))
    distances = Counter((later - earlier).days for earlier, later in pairwise(days))
    if not distances:
        return []
    most = max(distances.values())
    step = min(distance for distance, count in distances.items() if count == most)
    missing = []
    for earlier, later in pairwise(days):
        between = (earlier.toordinal() + step * n for n in range(1, (later - earlier).days // step))
        missing += [earlier.fromordinal(number) for number in between]
    return [day for day in missing if day not in closed]


def landing_gaps(
    settings: Settings, loaded: dict[str, Iterable[date]] | None = None
) -> dict[str, list[date]]:
    """Per obligatory dataset that has any, the gaps between its landed dates.

    Args:
        settings: the deployment.
        loaded: dates that were loaded, by dataset: their files may be archived.

    Raises:
        LandingError: the landing folder cannot be read.
    """
    found = {}
    for name, contract in source_contracts(settings).items():
        if contract.is_obligatory:
            landed = {file.partition_date for file in discover(settings, contract)}
            found[name] = gaps({*landed, *(loaded or {}).get(name, ())}, settings.closed)
    return {name: days for name, days in found.items() if days}


def spans(days: list[date]) -> str:
    """Dates in words: single ones, and ranges of dates that follow each other."""
    runs: list[list[date]] = []
    for day in days:
        if runs and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    shown = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
