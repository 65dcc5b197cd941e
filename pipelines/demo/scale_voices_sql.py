"""The scale generator's SQL for what customers say: feedback, contacts, wallet surveys.

All of it follows from the tables `customers` and `baskets` of `scale_sql`. A row is written once, with what
became known of it later: the made-up files need no corrections.
"""

from __future__ import annotations

from pipelines.demo.scale_draws import draw, literal_list
from pipelines.demo.scale_people_sql import MANAGERS
from pipelines.demo.scale_sql import REST_FROM

BASKETS_PER_FEEDBACK = 20

_DRIVERS = (
    "service_quality",
    "service_experience",
    "relationship_interaction",
    "shared_ideas",
    "added_value",
)
_TOPICS = (
    "service_problem",
    "inconvenience",
    "price",
    "checkout",
    "freshness",
    "staff",
    "delivery",
    "coupons",
)
_EXITS = ("moved_away", "inconvenience", "price", "competitor")
_CHANNELS = ("shop", "phone", "email", "app")


def feedback_sql(seed: int) -> str:
    """Table `feedback`: one row per 20 receipts, and interviews with a quarter of those who left.

    A customer has a lasting attitude and two topics. Who leaves over service complains in the end, and late
    complaints are about the checkout more often.
    """
    roll = draw("basket_key", "'kind'", seed=seed)
    feeling = draw("basket_key", "'feeling'", seed=seed)
    topic = f"cast(floor(8 * {draw('position', 'cast(2 * topic_draw as integer)', seed=seed)}) as integer)"
    return f"""
create table feedback as
with numbered as (
    select baskets.*, row_number() over (order by day, basket_key) as number,
    from baskets
),

asked as (
    select
        numbered.*, start_date + day_count - 1 as last_day,
        position, {roll} as roll, {draw("basket_key", "'topic'", seed=seed)} as topic_draw,
        0.6 * {draw("position", "'attitude'", seed=seed)} + 0.5 * {feeling}
            - case when leaving is null then 0 else 0.2 end as mood,
    from numbered
    inner join customers using (customer_id)
    where number % {BASKETS_PER_FEEDBACK} = 0
),

given as (
    select
        'fb-' || number as feedback_id,
        case when basket_key % 19 > 0 then customer_id end as customer_id,
        least(day + cast(basket_key % 4 as integer), last_day) as day,
        case
            when roll < 0.38 and coalesce(leaving, '') <> 'service_problem' then 'nps'
            when roll < 0.62 and coalesce(leaving, '') <> 'service_problem' then 'csat'
            when roll < 0.80 then 'complaint'
            when roll < 0.89 then 'suggestion'
            else 'praise'
        end as kind,
        mood,
        {literal_list(_DRIVERS)}[1 + cast(floor(6 * {draw("basket_key", "'driver'", seed=seed)}) as integer)] as driver,
        case
            when leaving = 'service_problem' then leaving
            when topic_draw > 0.9 then null
            when topic_draw > 0.7 and day > last_day - 80 then 'checkout'
            else {literal_list(_TOPICS)}[1 + {topic}]
        end as topic,
        {literal_list(_CHANNELS)}[1 + basket_key % 4] as channel,
        basket_key,
    from asked
    union all
    select
        'exit-' || position, customer_id,
        start_date + cast(end_day + 20 + floor(40 * {draw("position", "'asked'", seed=seed)}) as integer),
        'exit_interview', null, null,
        case leaves when 'unseen' then 'moved_away' else {literal_list(_EXITS)}[1 + position % 4] end,
        'phone', position,
    from customers
    where leaves is not null and {draw("position", "'exit'", seed=seed)} < 0.25
),

timed as (
    select *,
        cast(day as timestamp) + to_seconds(32400 + cast(hash(basket_key, {seed}) % 36000 as bigint)) as feedback_at,
        {draw("basket_key", "'heard'", seed=seed)} as heard, {draw("basket_key", "'wait'", seed=seed)} as wait,
        kind = 'complaint' or kind = 'suggestion' as is_answered,
    from given
)

select
    feedback_id, customer_id, feedback_at, kind,
    case kind
        when 'nps' then cast(greatest(0, least(10, floor(1 + 12 * mood))) as integer)
        when 'csat' then cast(greatest(1, least(5, floor(1.2 + 5 * mood))) as integer)
    end as score,
    driver, topic, channel,
    case when heard < 0.3 then 'Made up.' end as comment_text,
    case when is_answered and heard < 0.94 then feedback_at + to_seconds(900 + cast(floor(250000 * wait ** 3) as bigint)) end
        as responded_at,
    case when kind = 'complaint' and heard < 0.85
        then feedback_at + to_seconds(90000 + cast(floor(900000 * wait ** 2) as bigint)) end as resolved_at,
    case when kind = 'complaint' and heard < 0.7
        then feedback_at + to_seconds(180000 + cast(floor(900000 * wait ** 2) as bigint)) end as outcome_told_at,
    day,
from timed
"""


def interactions_sql(seed: int) -> str:
    """Table `interactions`: six contacts a customer, spread over the time since the first day, and win-back calls.

    Four in ten of those who left, for good or for a time, are called within ten weeks.
    """
    return f"""
create table interactions as
with contacts as (
    select
        position, customer_id, start_date, unnest(range(6)) as number, first_day, day_count,
        cast(first_day + floor((number + {draw("position", "number", "'contact'", seed=seed)}) / 6 * (day_count - first_day))
            as integer) as day_number,
        ['outbound', 'outbound', 'inbound'][1 + number % 3] as direction,
        ['message', 'call', 'question', 'campaign_mailing', 'message', 'service'][1 + (position + number) % 6] as kind,
    from customers
    union all
    select
        position, customer_id, start_date, 6, first_day, day_count,
        cast(case when rest_days is null then end_day else {REST_FROM} end + 10
            + floor(60 * {draw("position", "'called'", seed=seed)}) as integer),
        'outbound', 'call',
    from customers
    where (leaves is not null or rest_days is not null) and {draw("position", "'call'", seed=seed)} < 0.4
)

select
    printf('i-%d-%d', position, number) as interaction_id, customer_id,
    cast(start_date + day_number as timestamp) + to_seconds(32400 + cast(hash(position, number, {seed}) % 36000 as bigint))
        as interaction_at,
    direction, {literal_list(_CHANNELS)}[1 + (position + number) % 4] as channel, kind,
    case when kind = 'campaign_mailing' then 'c-' || day_number // 30 end as campaign_id,
    case when kind = 'call' then printf('E%05d', position % {MANAGERS}) end as employee_id,
    start_date + day_number as day,
from contacts
"""


def wallet_surveys_sql(seed: int) -> str:
    """Table `wallet_surveys`: two surveys of one customer in thirty, and of those who went to a competitor.

    Category `all` and one more, up to three other brands; who goes to a competitor ranks us last in the end.
    """
    return f"""
create table wallet_surveys as
with asked as (
    select
        *, unnest(range(1, 3)) as wave, end_day - first_day as known_days,
        cast(end_day + case when leaves is not null then 90 * wave - 200 else 250 * wave - 540 end as integer) as day_number,
        1 + position % 3 as others,
    from customers
    where leaves = 'competitor' or {draw("position", "'survey'", seed=seed)} < 1 / 30
),

answered as (
    select
        *, unnest(['all', {literal_list(("Fresh", "Grocery", "Household"))}[1 + position % 3]]) as category,
        case
            when leaves = 'competitor' and wave = 2 then others + 1
            when leaves = 'competitor' then 1
            else 1 + hash(position, category, wave, {seed}) % (others + 1)
        end as own_rank,
    from asked
    where day_number >= first_day
),

ranked as (
    select *, unnest(range(0, others + 1)) as brand_number, hash(position, category, {seed}) % 10 as roll,
    from answered
)

select
    printf('w%d-%d', wave, position) as survey_id, category,
    ['Our shops', 'Rival A', 'Rival B', 'Rival C'][1 + brand_number] as brand, customer_id,
    cast(start_date + day_number as timestamp) + to_seconds(36000 + cast(position % 30000 as bigint)) as surveyed_at,
    brand_number = 0 as is_own_brand,
    case when brand_number = 0 then own_rank when brand_number >= own_rank then brand_number + 1 else brand_number end
        as preference_rank,
    case when roll < 6
        then cast(line_amount * line_count * 30 / known_days * if(category = 'all', 1.2 + roll / 5, 0.3) as decimal(18, 0)) end
        as declared_wallet,
    start_date + day_number as day,
from ranked
"""
