"""Simulated contacts: messages, calls and visits to households that have stayed away for longer than they use to.

Who is contacted is drawn by lot, and purchases are the package's: no contact has brought anybody back, so that
contacted and not contacted return alike but for chance. All of it is marked `simulated`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.demo.export import INTERACTIONS
from pipelines.demo.simulate import DAY, SIMULATED, Draws, fetch_columns
from pipelines.demo.source import FIRST_DATE, LAST_DATE

if TYPE_CHECKING:
    import duckdb

CONTACTED, AGAIN = 0.65, 0.4
"""Share of the absences that are followed up, and of those the share that is followed up twice."""

KINDS = {"message": (0.6, "email"), "call": (0.3, "phone"), "visit": (0.1, "shop")}
"""Each kind of contact with its share and its channel."""

# An absence is twice a household's long gap, 3 weeks at least, as a lapse of the marts roughly is.
_ABSENCES = f"""
with days as (
    select household_id, business_date
    from lines
    group by household_id, business_date
    having sum(net_cents) > 0
),

gaps as (
    select
        household_id,
        business_date,
        lead(business_date) over (partition by household_id order by business_date) as next_date,
        next_date - business_date as gap_days
    from days
),

habits as (
    select
        household_id,
        greatest(22, 2 * case when count(gap_days) >= 5 then quantile_disc(gap_days, 0.9) else 0 end) as usual
    from gaps
    group by household_id
)

select
    household_id,
    business_date - date '{FIRST_DATE}' + usual + 1 as away_from,
    coalesce(next_date, date '{LAST_DATE}' + 1) - date '{FIRST_DATE}' as back_on
from gaps
inner join habits using (household_id)
where away_from < back_on
order by household_id, away_from
"""

_BOTH = f"""
create or replace table demo_interactions as
select * from demo_interactions
union all by name
select
    cast(contacted_at as date) as landing_date,
    concat_ws('-', kind, household_id, strftime(contacted_at, '%Y%m%d')) as interaction_id,
    cast(household_id as varchar) as customer_id,
    contacted_at as interaction_at,
    'outbound' as direction,
    channel,
    kind,
    '{SIMULATED}' as source_system
from (
    select *, timestamp '{FIRST_DATE}' + to_seconds(second) as contacted_at from simulated_contacts
)
order by landing_date, interaction_at, interaction_id
"""


def create_interactions(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `demo_interactions`: the package's mailings and redemptions, and the simulated contacts."""
    connection.execute(INTERACTIONS)
    absences = fetch_columns(connection, _ABSENCES)
    count = len(absences["household_id"])
    draws = Draws("contacts")
    tries = [
        (draws.uniform(count) < share, first + draws.below(span, count))
        for share, first, span in ((CONTACTED, 0, 20), (AGAIN, 10, 20))
    ]
    kinds = draws.pick([share for share, _ in KINDS.values()], 2 * count).reshape(2, count)
    seconds = 9 * 3600 + draws.below(9 * 3600, 2 * count).reshape(2, count)
    rows: list[tuple[int, int, str]] = []
    for i in range(count):
        day = int(absences["away_from"][i])
        for attempt, (is_made, waits) in enumerate(tries):
            day += int(waits[i])
            if not is_made[i] or day >= absences["back_on"][i]:
                break
            second = day * DAY + int(seconds[attempt, i])
            rows.append((int(absences["household_id"][i]), second, tuple(KINDS)[kinds[attempt, i]]))
    contacts = pa.table(
        {
            "household_id": pa.array([household for household, _, _ in rows], pa.int64()),
            "second": pa.array([second for _, second, _ in rows], pa.int64()),
            "kind": pa.array([kind for _, _, kind in rows], pa.string()),
            "channel": pa.array([KINDS[kind][1] for _, _, kind in rows], pa.string()),
        }
    )
    connection.register("simulated_contacts", contacts)
    connection.execute(_BOTH)
    connection.unregister("simulated_contacts")
