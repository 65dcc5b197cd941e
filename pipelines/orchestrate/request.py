"""What a backfill is asked for: the one meaning of the DAG's parameters and of the command's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipelines.contracts import known_contracts, source_contracts
from pipelines.contracts.location import place_of
from pipelines.errors import LandingError, SettingsError
from pipelines.land import discover, landed_dates
from pipelines.publish import as_of_for
from pipelines.settings import Settings, fault_of_day


@dataclass(frozen=True)
class Backfill:
    """A range of landing dates, both ends included, and what to do with it."""

    first: date
    last: date
    datasets: tuple[str, ...] | None = None
    """None means all."""
    changed_only: bool = False
    """Leave partitions alone whose files are loaded just as they are."""
    remove_missing: bool = False
    """Empty loaded partitions whose files are all gone from landing."""
    as_of: date | None = None
    """Business date to build for; None means the last landed one of the range."""
    accept_loss: bool = False
    """Let a new warehouse publish fewer transactions than are served."""
    reason: str | None = None
    """Why it is done, for those who read the ledger later."""

    def __post_init__(self) -> None:
        """Refuse what no deployment could do.

        Raises:
            SettingsError: the range ends before it starts.
        """
        if self.last < self.first:
            raise SettingsError(
                f"the range ends ({self.last}) before it starts ({self.first}); swap the dates"
            )

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Backfill:
        """Read the DAG run's parameters.

        Raises:
            SettingsError: a date is missing or none, or the range or a dataset is wrong.
        """
        first, last = _date(params, "first_date"), _date(params, "last_date")
        if first is None or last is None:
            missing = "first_date" if first is None else "last_date"
            raise SettingsError(
                f"a backfill needs first_date and last_date (YYYY-MM-DD); {missing} is missing"
            )
        return cls(
            first=first,
            last=last,
            datasets=tuple(params.get("datasets") or ()) or None,
            changed_only=bool(params.get("changed_only")),
            remove_missing=bool(params.get("remove_missing")),
            as_of=_date(params, "as_of_date"),
            accept_loss=bool(params.get("accept_loss")),
            reason=str(params.get("reason") or "").strip() or None,
        )

    def params(self) -> dict[str, Any]:
        """The same as the DAG run's parameters."""
        return {
            "first_date": self.first.isoformat(),
            "last_date": self.last.isoformat(),
            "datasets": list(self.datasets) if self.datasets else None,
            "changed_only": self.changed_only,
            "remove_missing": self.remove_missing,
            "as_of_date": self.as_of.isoformat() if self.as_of else None,
            "accept_loss": self.accept_loss,
            "reason": self.reason,
        }

    def as_of_date(self, settings: Settings) -> date:
        """The business date to build for: never before what BI sees, and never after the last landed sales.

        A range may well reach beyond what is landed; the marts must not look at days that nobody has sold on yet.
        """
        if self.as_of is not None:
            return as_of_for(settings, self.as_of)
        yesterday = datetime.now(settings.zone).date() - timedelta(days=1)
        last = min(self.last, yesterday)
        dates = landed_dates(settings, source_contracts(settings)["transactions"])
        return as_of_for(settings, max((day for day in dates if day <= last), default=last))

    def require_files(self, settings: Settings) -> None:
        """Make sure that there is something to do.

        Raises:
            SettingsError: a dataset that was asked for is unknown, or has no contract in this deployment.
            LandingError: nothing is landed in the range, and what is missing is not to be removed.
        """
        every, known = known_contracts(settings), source_contracts(settings)
        if unknown := sorted(set(self.datasets or ()) - set(every)):
            raise SettingsError(f"unknown dataset {', '.join(unknown)}; use {', '.join(every)}")
        absent = [name for name in self.datasets or () if name not in known]
        if absent:
            raise SettingsError(
                f"no contract for {', '.join(absent)} in {settings.contracts / 'sources'}; add it, or leave the dataset out"
            )
        contracts = [known[name] for name in self.datasets or known]
        if self.remove_missing:
            return
        if not any(discover(settings, contract, self.first, self.last) for contract in contracts):
            day = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
            wanted = [c for c in contracts if self.datasets or c.is_obligatory]
            places = ", ".join(
                str(settings.landing / place_of(contract.location, self.first)) for contract in wanted
            )
            raise LandingError(
                f"no file is landed for {day}: expected {places}. Land the exports and run again; "
                "to empty loaded dates whose files are gone, ask for remove_missing (--remove-missing)"
            )


def _date(params: Mapping[str, Any], name: str) -> date | None:
    value = params.get(name)
    if not value:
        return None
    try:
        day = date.fromisoformat(str(value))
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}, which is no date; write YYYY-MM-DD") from error
    if fault := fault_of_day(day):
        raise SettingsError(f"{name}: {fault}")
    return day
