"""Simulated profiles: what a household is called, where it can be reached, and whether it wants to be.

The package's households are anonymous. Names, numbers and addresses cannot be anybody's: names say that they are
simulated, numbers lie in the range kept for fiction (555-0100 to 555-0199) and addresses in a domain kept for examples.
Birthdays fit the package's age bands. Their rows are otherwise real, and so their `source_system` says `PARTLY`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.demo.simulate import SIMULATED, Draws, fetch_columns
from pipelines.demo.source import FIRST_DATE

if TYPE_CHECKING:
    import duckdb

PARTLY = f"completejourney, {SIMULATED} in part"
"""`source_system` of a household's row: real, but for the columns made here and its account manager."""

CONSENTS: tuple[tuple[bool | None, float], ...] = ((True, 0.85), (False, 0.1), (None, 0.05))
PREFERENCES: tuple[tuple[str | None, float], ...] = (
    ("message", 0.2),
    ("email", 0.2),
    ("phone", 0.1),
    (None, 0.5),
)
PHONE_RATE, EMAIL_RATE, BIRTHDAY_RATE, REGISTERED_RATE = 0.9, 0.8, 0.85, 0.95

REGISTERED_FROM = date(2010, 1, 1)
"""Households registered between this day and the first night: a row of the first export knows no later one."""

AGES = {
    "19-24": (19, 24),
    "25-34": (25, 34),
    "35-44": (35, 44),
    "45-54": (45, 54),
    "55-64": (55, 64),
    "65+": (65, 84),
}
"""First and last year of life of each of the package's age bands."""

_ANY_AGE = (19, 84)
_AREA_CODES = (
    *(202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216),
    *(217, 218, 219, 224, 225, 228, 229, 231, 234, 239, 240, 248, 251),
)


def _phone(household: int) -> str:
    """A number of the household's own: each area code has a hundred that nobody is given."""
    area = _AREA_CODES[household // 100 % len(_AREA_CODES)]
    return f"+1-{area}-555-01{household % 100:02d}"


def _birth_date(age_band: str | None, share: float) -> date:
    youngest, oldest = AGES.get(age_band or "", _ANY_AGE)
    latest = date(FIRST_DATE.year - youngest, 1, 1) - timedelta(days=1)
    earliest = date(FIRST_DATE.year - oldest - 1, 1, 1)
    return earliest + timedelta(days=int(share * ((latest - earliest).days + 1)))


def create_profiles(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `profiles`: each household once, with its simulated columns."""
    known = fetch_columns(
        connection,
        "select household_id, cast(age as varchar) as age_band from (select distinct household_id from lines) "
        "left join demographics using (household_id) order by household_id",
    )
    households, ages = known["household_id"].tolist(), known["age_band"].tolist()
    count, draws = len(households), Draws("profiles")
    consents = draws.pick([share for _, share in CONSENTS], count)
    preferences = draws.pick([share for _, share in PREFERENCES], count)
    has_phone, has_email, has_birthday, has_registered = (
        draws.uniform(count) < rate for rate in (PHONE_RATE, EMAIL_RATE, BIRTHDAY_RATE, REGISTERED_RATE)
    )
    births = draws.uniform(count)
    registered = draws.below((FIRST_DATE - REGISTERED_FROM).days + 1, count)
    rows = [
        {
            "household_id": household,
            "full_name": f"Simulated {household:04d}",
            "phone": _phone(household) if has_phone[i] else None,
            "email": f"{SIMULATED}.{household:04d}@example.com" if has_email[i] else None,
            "birth_date": _birth_date(ages[i], float(births[i])) if has_birthday[i] else None,
            "registered_on": REGISTERED_FROM + timedelta(days=int(registered[i]))
            if has_registered[i]
            else None,
            "preferred_channel": PREFERENCES[preferences[i]][0],
            "is_marketing_consent": CONSENTS[consents[i]][0],
        }
        for i, household in enumerate(households)
    ]
    connection.register("simulated_profiles", pa.Table.from_pylist(rows))
    connection.execute("create or replace table profiles as from simulated_profiles")
    connection.unregister("simulated_profiles")
