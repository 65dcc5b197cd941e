"""Hours that no clock of a timezone has shown, because summer time skips them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pipelines.quoting import literal

_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_STEP, _PART = timedelta(days=7), timedelta(minutes=15)


@lru_cache(maxsize=32)
def skipped(zone: str) -> tuple[frozenset[int], frozenset[int], int]:
    """Months and hours of the day in which clocks of a zone were ever put forward, and the last year of it."""
    clock = ZoneInfo(zone)
    months, hours, last = set(), set(), 0

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(clock).utcoffset() or timedelta()

    start, before = _FIRST, offset(_FIRST)
    while start < _LAST:
        end = start + _STEP
        after = offset(end)
        if after > before:
            low, high = start, end
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            local, until = (high + before).replace(tzinfo=None), (high + after).replace(tzinfo=None)
            last = until.year
            while local <= until:
                months.add(local.month)
                hours.add(local.hour)
                local += _PART
        start, before = end, after
    return frozenset(months), frozenset(hours), last


def exists_at(local: str, zone: str) -> str:
    """SQL: a local time is one that clocks of the zone have shown.

    Only times of months and hours in which clocks are put forward are looked at closely: it costs much.
    """
    months, hours, last = skipped(zone)
    if not months:
        return "true"
    name = literal(zone)
    return (
        f"CASE WHEN year({local}) <= {last if last < _LAST.year - 2 else 9999} "
        f"AND month({local}) IN ({', '.join(map(str, sorted(months)))}) "
        f"AND hour({local}) IN ({', '.join(map(str, sorted(hours)))}) "
        f"THEN timezone({name}, timezone({name}, {local})) = {local} ELSE true END"
    )
