"""Days on which nothing is sold, as a deployment declares them: weekdays, dates, and ranges of dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class ClosedDays:
    """The declared days; `day in closed` asks."""

    weekdays: frozenset[int] = frozenset()
    every_year: frozenset[tuple[int, int]] = frozenset()
    """Month and day."""
    ranges: tuple[tuple[date, date], ...] = ()

    def __contains__(self, day: date) -> bool:
        """Whether the day is declared closed."""
        return (
            day.weekday() in self.weekdays
            or (day.month, day.day) in self.every_year
            or any(first <= day <= last for first, last in self.ranges)
        )

    def as_variable(self) -> dict[str, list[object]]:
        """The days as dbt is told of them: weekdays by ISO 8601 from 1 for Monday on, the rest as pairs."""
        return {
            "weekdays": [day + 1 for day in sorted(self.weekdays)],
            "every_year": [list(day) for day in sorted(self.every_year)],
            "ranges": [[first.isoformat(), last.isoformat()] for first, last in self.ranges],
        }


def read_closed_days(text: str | None) -> ClosedDays:
    """Read `sunday, 12-25, 2025-01-28..2025-02-04`.

    Raises:
        ValueError: a part is none of these; the text says which and what to write.
    """
    weekdays, every_year, ranges = set(), set(), []
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        first, _, last = (end.strip() for end in part.partition(".."))
        try:
            if part.lower() in WEEKDAYS:
                weekdays.add(WEEKDAYS.index(part.lower()))
            elif len(part) == len("MM-DD"):
                day = date.fromisoformat(f"2000-{part}")  # a leap year, so that 02-29 is one
                every_year.add((day.month, day.day))
            else:
                ranges.append((date.fromisoformat(first), date.fromisoformat(last or first)))
                if ranges[-1][1] < ranges[-1][0]:
                    raise ValueError(part)
        except ValueError:
            raise ValueError(
                f"{part!r} is no closed day; write a weekday (sunday), a date (2025-03-01), one of every year (12-25) or "
                "a range (2025-01-28..2025-02-04)"
            ) from None
    return ClosedDays(frozenset(weekdays), frozenset(every_year), tuple(ranges))
