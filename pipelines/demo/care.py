"""Simulated care: contacts by the rhythm of the care policy, kept well or badly, and customers who get in touch.

Care begins with the fourth quarter. Some contacts are made in time, some late and some not at all; who stays away for
weeks is left to those who win customers back (`contacts`), so that care never counts as winning back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipelines.demo.profiles import create_profiles
from pipelines.demo.simulate import DAY, SIMULATED, Draws, fetch_columns
from pipelines.demo.source import FIRST_DATE, LAST_DATE

if TYPE_CHECKING:
    import duckdb

    from pipelines.demo.simulate import Ints

BEGINS = "2017-10-01"
CYCLE_DAYS = 90
RHYTHM = {1: "message", 16: "message", 31: "message", 45: "call", 46: "message"} | {
    61: "message",
    76: "message",
    90: "call",
}
"""Day of the cycle with the kind of contact that fulfils it, as `demo/policies/care_policy.csv` asks for."""

IN_TIME, LATE = 0.55, 0.15
"""Shares of the contacts that are made within five days of their day, and 6 to 15 days after it."""

AWAY_DAYS = 21
INBOUND_RATE = 0.006
"""Share of the purchase days after which a household gets in touch."""

INBOUND = {"message": 0.4, "email": 0.3, "phone": 0.2, "app": 0.1}
"""Channels that customers use, with their shares."""

_INBOUND_KINDS = {"message": "message", "email": "message", "phone": "call", "app": "message"}

_PURCHASE_DAYS = f"""
select household_id, business_date - date '{FIRST_DATE}' as day
from lines
group by household_id, business_date
having sum(net_cents) > 0
order by household_id, business_date
"""

# A call is made by telephone, and a review where it suits.
_DUE = f"""
with firsts as (
    select household_id, min(business_date) as first_date
    from (select household_id, business_date from lines group by all having sum(net_cents) > 0)
    group by household_id
),

asked as (
    select *
    from firsts
    inner join profiles using (household_id)
    where is_marketing_consent
),

due as (
    select
        household_id,
        first_date + {CYCLE_DAYS} * cycle::integer + rhythm.day::integer - 1 as due_date,
        rhythm.kind,
        case when rhythm.kind = 'call' then 'phone' else coalesce(nullif(preferred_channel, 'phone'), 'message') end
            as channel
    from asked, range({366 // CYCLE_DAYS + 1}) as cycles (cycle), rhythm
    union all
    select
        household_id,
        (registered_on + to_years(years.year::integer - year(registered_on)::integer))::date as due_date,
        'review' as kind,
        'shop' as channel
    from asked, (values ({LAST_DATE.year}), ({LAST_DATE.year + 1})) as years (year)
    where registered_on is not null
)

select household_id, due_date - date '{FIRST_DATE}' as day, kind, channel
from due
where due_date between date '{BEGINS}' and date '{LAST_DATE}' + 5
order by household_id, day, kind
"""

_ADD = f"""
create or replace table demo_interactions as
select * from demo_interactions
union all by name
select
    cast(contacted_at as date) as landing_date,
    concat_ws('-', purpose, kind, household_id, strftime(contacted_at, '%Y%m%d')) as interaction_id,
    cast(household_id as varchar) as customer_id,
    contacted_at as interaction_at,
    direction,
    channel,
    kind,
    '{SIMULATED}' as source_system
from (select *, timestamp '{FIRST_DATE}' + to_seconds(second) as contacted_at from simulated_care)
order by landing_date, interaction_at, interaction_id
"""

_Contact = tuple[int, int, str, str, str, str]
"""Household, second of the year, purpose, direction, channel and kind."""


def _kept(connection: duckdb.DuckDBPyConnection, days: dict[int, Ints]) -> list[_Contact]:
    """What was done of what was due."""
    rhythm = pa.table({"day": list(RHYTHM), "kind": list(RHYTHM.values())})
    connection.register("rhythm", rhythm)
    due = fetch_columns(connection, _DUE)
    connection.unregister("rhythm")
    count, draws = len(due["day"]), Draws("care")
    luck, offsets = draws.uniform(count), draws.uniform(count)
    seconds = 9 * 3600 + draws.below(9 * 3600, count)
    last = (LAST_DATE - FIRST_DATE).days
    made: dict[tuple[int, int, str], _Contact] = {}
    for i in range(count):
        if luck[i] >= IN_TIME + LATE:
            continue
        late_by = int(offsets[i] * 11) - 5 if luck[i] < IN_TIME else 6 + int(offsets[i] * 10)
        household, day, kind = int(due["household_id"][i]), int(due["day"][i]) + late_by, str(due["kind"][i])
        own = days[household]
        before = int(np.searchsorted(own, day, side="right"))
        if day <= last and before and day - int(own[before - 1]) <= AWAY_DAYS:
            at = day * DAY + int(seconds[i])
            # two due dates may be served on one day: that is one contact
            made[household, day, kind] = (household, at, "care", "outbound", str(due["channel"][i]), kind)
    return list(made.values())


def _heard(days: dict[int, Ints]) -> list[_Contact]:
    """Households that ask or tell something within a day of a purchase."""
    draws = Draws("inbound")
    bought = [(household, int(day)) for household, own in days.items() for day in own]
    luck = draws.uniform(len(bought))
    channels = draws.pick(list(INBOUND.values()), len(bought))
    seconds = 9 * 3600 + draws.below(9 * 3600, len(bought))
    last, names = (LAST_DATE - FIRST_DATE).days, tuple(INBOUND)
    return [
        (household, (day + 1) * DAY + int(seconds[i]), "heard", "inbound", channel, _INBOUND_KINDS[channel])
        for i, (household, day) in enumerate(bought)
        if luck[i] < INBOUND_RATE and day < last and (channel := names[channels[i]])
    ]


def add_care(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the contacts of care, ours and theirs, to `demo_interactions`."""
    create_profiles(connection)
    bought = fetch_columns(connection, _PURCHASE_DAYS)
    households, starts = np.unique(bought["household_id"], return_index=True)
    parts = np.split(bought["day"], starts[1:])
    days = {int(household): own for household, own in zip(households, parts, strict=True)}
    contacts = _kept(connection, days) + _heard(days)
    names = ("household_id", "second", "purpose", "direction", "channel", "kind")
    table = pa.table(
        {name: list(column) for name, column in zip(names, zip(*contacts, strict=True), strict=True)}
    )
    connection.register("simulated_care", table)
    connection.execute(_ADD)
    connection.unregister("simulated_care")
