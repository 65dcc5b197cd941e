"""The scale generator's SQL for care and points: what is done of the rhythm of care, and points that are spent."""

from __future__ import annotations

from pipelines.demo.scale_draws import draw

CYCLE_DAYS = 90
CARED_DAYS = 120
"""Care is given in so many last days."""

RHYTHM = {1: "message", 16: "message", 31: "message", 46: "message", 61: "message", 76: "message"} | {
    45: "call",
    90: "call",
}
"""Day of the cycle with the kind of contact that fulfils it, as the shipped `care_policy.csv` asks for."""

IN_TIME, LATE = 0.6, 0.15
"""Shares of the due contacts that are made within five days, and 6 to 15 days after."""

BASKETS_PER_REDEMPTION = 40
REDEEMED_SHARE = 0.7
"""Of what the receipts since the last redemption give at a point a unit of currency, so that balances cover it."""

CONSENT_RATE = 0.85


def consents(seed: int) -> str:
    """SQL of a customer's consent; a twentieth was never asked."""
    roll = draw("position", "'consent'", seed=seed)
    return f"case when {roll} < {CONSENT_RATE} then true when {roll} < 0.95 then false end"


def care_sql(seed: int) -> str:
    """Adds to table `interactions` what was done for customers who consent and have not left."""
    rhythm = ", ".join(f"({day}, '{kind}')" for day, kind in RHYTHM.items())
    luck, shift = (draw("position", "due_number", f"'{topic}'", seed=seed) for topic in ("kept", "shift"))
    return f"""
insert into interactions by name
with due as (
    select
        position, customer_id, start_date, day_count, kind,
        first_day + {CYCLE_DAYS} * cycle + rhythm.day - 1 as due_number,
    from customers, (values {rhythm}) as rhythm (day, kind), range(day_count // {CYCLE_DAYS} + 1) as range (cycle)
    where leaves is null and ({consents(seed)})
        and due_number between day_count - {CARED_DAYS} and day_count - 1
),

kept as (
    select *,
        cast(due_number + case
            when {luck} < {IN_TIME} then floor({shift} * 11) - 5
            else 6 + floor({shift} * 10)
        end as integer) as day_number,
    from due
    where {luck} < {IN_TIME + LATE}
)

select
    printf('care-%d-%d', position, due_number) as interaction_id, customer_id,
    cast(start_date + day_number as timestamp) + to_seconds(32400 + cast(hash(position, due_number, {seed}) % 36000 as bigint))
        as interaction_at,
    'outbound' as direction, if(kind = 'call', 'phone', 'message') as channel, kind,
    start_date + day_number as day,
from kept
where day_number < day_count
"""


def points_redemptions_sql(seed: int) -> str:
    """Table `points_redemptions`: with each customer's every 40th receipt, from a place in the row of their own."""
    return f"""
create table points_redemptions as
with spent as (
    select
        baskets.*,
        basket_key % 100000 as basket,
        least(basket + 1, {BASKETS_PER_REDEMPTION}) * basket_lines * line_amount as collected,
    from baskets
    where basket_key % 100000 % {BASKETS_PER_REDEMPTION} = basket_key // 100000 % {BASKETS_PER_REDEMPTION}
)

select
    'p-' || basket_key as redemption_id, customer_id,
    cast(day as timestamp) + to_seconds(28860 + cast(hash(basket_key, {seed}) % 50400 as bigint)) as redeemed_at,
    greatest(1, cast(floor(collected * {REDEEMED_SHARE}) as bigint)) as points,
    day,
from spent
"""
