"""Simulated redemptions of points: who collects, spends them at the till once enough have come together.

The estimate of what a household has is a careful one: a point for each unit of currency, half of one for fuel, nothing
for its tier, and points of a month are gone when half a year is over. So the ledger of the marts covers what is asked
for, but for the few redemptions beyond the balance, which a till without a line to the ledger would have let pass.
"""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.demo.simulate import SIMULATED, Draws, fetch_columns

if TYPE_CHECKING:
    import duckdb

COLLECTORS = 0.8
"""Share of the households that ever redeem."""

AIMS = (100, 200, 500, 1000)
"""Points that a collector waits for, each as often as the others."""

REDEEM_RATE = 0.5
"""Share of the purchase days with enough points on which some are spent, in whole hundreds."""

OVERDRAWN_RATE = 0.01
EXPIRY_MONTHS = 6

_DAYS = """
select
    household_id,
    business_date,
    month(business_date) as month,
    greatest(0, sum(case when department = 'FUEL' then net_cents // 2 else net_cents end) // 100)::integer as points,
    max(local_at) as last_at
from lines
left join products using (product_id)
group by household_id, business_date
having sum(net_cents) > 0
order by household_id, business_date
"""

_REDEMPTIONS = f"""
create table demo_points_redemptions as
select
    cast(redeemed_at as date) as landing_date,
    concat_ws('-', 'points', household_id, strftime(redeemed_at, '%Y%m%d')) as redemption_id,
    cast(household_id as varchar) as customer_id,
    redeemed_at,
    points,
    '{SIMULATED}' as source_system
from simulated_redemptions
order by landing_date, redeemed_at, redemption_id
"""


def _spend(lots: deque[list[int]], points: int) -> None:
    """Take the points from the oldest lots; what is beyond them is not there to take."""
    while points and lots:
        taken = min(points, lots[0][1])
        lots[0][1] -= taken
        points -= taken
        if not lots[0][1]:
            lots.popleft()


def create_redemptions(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `demo_points_redemptions`: at most one a day and household, with its last receipt of the day."""
    days = fetch_columns(connection, _DAYS)
    draws = Draws("redemptions")
    rows = []
    for household, places in groupby(range(len(days["points"])), key=lambda i: int(days["household_id"][i])):
        is_collector, aim = draws.one() < COLLECTORS, AIMS[int(draws.one() * len(AIMS))]
        lots: deque[list[int]] = deque()
        for i in places:
            month, luck, is_beyond = int(days["month"][i]), draws.one(), draws.one() < OVERDRAWN_RATE
            while lots and lots[0][0] + EXPIRY_MONTHS < month:
                lots.popleft()
            lots.append([month, int(days["points"][i])])
            balance = sum(points for _, points in lots)
            if not is_collector or balance < aim or luck >= REDEEM_RATE:
                continue
            points = balance // 100 * 100 + (2000 if is_beyond else 0)
            _spend(lots, points)
            rows.append(
                {"household_id": household, "redeemed_at": days["last_at"][i].item(), "points": points}
            )
    connection.register("simulated_redemptions", pa.Table.from_pylist(rows))
    connection.execute(_REDEMPTIONS)
    connection.unregister("simulated_redemptions")
