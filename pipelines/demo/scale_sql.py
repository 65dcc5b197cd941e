"""The scale generator's SQL: customers with tiers, receipts spread over time, products, a night's lines.

What customers say stands in `scale_voices_sql`, who serves them in `scale_people_sql`.
"""

from __future__ import annotations

from datetime import date

from pipelines.demo.scale_draws import add_months, draw, literal_list
from pipelines.quoting import literal

SHARES = {"diamond": 0.03, "gold": 0.10, "silver": 0.20, "ordinary": 0.47, "new": 0.20}
LAPSED_SHARE = 0.10
BASKET_LINES = 5
PRODUCTS = 2_000
MIN_LINES_PER_CUSTOMER = 20

LEAVES = ("price", "habit_change", "competitor", "service_problem", "unseen")
"""Why those who left did so: what their lines, surveys and feedback show of it."""

REST_FROM = 60
"""The day from which some stay away for a time."""

PRICE_DAYS, HABIT_DAYS = (75, 270), 195
"""Who leaves for the price buys little in so many last days and what is discounted in so many; a change of habit."""

# Average monthly spend from … to …, and lines per month beside an ordinary customer's. Ends keep clear of the
# policy's bounds, because a customer's lines add up to the aim only within a few per cent.
_TIERS = """
(values
    ('diamond', 1150.0, 3000.0, 4.0),
    ('gold', 560.0, 900.0, 2.5),
    ('silver', 335.0, 455.0, 1.6),
    ('ordinary', 20.0, 265.0, 1.0),
    ('new', 40.0, 1500.0, 1.0),
    ('lapsed', 20.0, 600.0, 1.0)
) as tiers (tier, spend_from, spend_to, pace)
"""


def customers_sql(people: int, rows: int, months: int, first: date, seed: int) -> str:
    """Table `customers`: one row per customer with tier, first and last day, lines and a line's mean amount.

    Tiers are dealt out by position, so shares are exact; ids are shuffled by a multiplier prime to any
    smaller number. Lines add up to `rows` exactly: each customer gets the difference of two rounded running
    totals.
    """
    active = people - int(people * LAPSED_SHARE)
    bounds, total = [], 0.0
    for tier, share in SHARES.items():
        total += share
        bounds.append(f"when position < {round(total * active)} then {literal(tier)}")
    days = (add_months(first, months) - first).days
    month_starts = [(add_months(first, m) - first).days for m in range(months)]
    sure = MIN_LINES_PER_CUSTOMER // 2
    shared = rows - people * sure
    starts = "[" + ", ".join(map(str, month_starts)) + "]"
    return f"""
create table customers as
with people as (
    select
        position,
        case {" ".join(bounds)} else 'lapsed' end as tier,
        printf('C%09d', (position * 2147483647 + {seed}) % {people}) as customer_id,
        {draw("position", "'spend'", seed=seed)} as spend_draw,
        {draw("position", "'start'", seed=seed)} as start_draw,
        {draw("position", "'stays'", seed=seed)} as stay_draw,
        {draw("position", "'rests'", seed=seed)} as rest_draw,
    from range({people}) as range (position)
),

spans as (
    select
        people.*, spend_from, spend_to, pace,
        -- seven in ten of the old ones were there from the start; the others came before the last six months
        {starts}[case tier
            when 'new' then {months} - 2 + cast(floor(start_draw * 3) as integer)
            when 'lapsed' then 1
            else 1 + cast(floor(greatest(start_draw - 0.7, 0) / 0.3 * {months - 6}) as integer)
        end] as first_day,
    from people
    inner join {_TIERS} using (tier)
),

stays as (
    -- Of the old ones from the start, some have just gone, and some stayed away in their first year.
    select *,
        tier not in ('new', 'lapsed') and first_day = 0 as is_old,
        case
            when tier = 'lapsed' then {month_starts[months - 12]} * (0.3 + 0.7 * stay_draw)
            when is_old and stay_draw < 0.05 then {days} - 90 - floor(2000 * stay_draw)
            else {days}
        end as end_day,
        90 + floor(1000 * rest_draw) as planned_days,
        case when is_old and rest_draw < 0.1 and {REST_FROM} + planned_days < {month_starts[months - 12]}
            then planned_days end as rest_days,
    from spans
),

weighed as (
    select
        *,
        (end_day - first_day - coalesce(rest_days, 0)) / 30.4375 as active_months,
        cast(round(pace * active_months * 1000) as bigint) as weight,
        sum(weight) over (order by position) as until,
        sum(weight) over () as total,
    from stays
),

dealt as (
    -- a fixed share for everyone first, so that nobody goes without a line
    select
        *,
        {sure} + cast(floor(until / total * {shared}) as bigint)
            - cast(floor((until - weight) / total * {shared}) as bigint) as given,
        sum(given) over () as given_total,
    from weighed
)

select
    position, customer_id, tier, first_day, end_day, rest_days,
    cast(given + case when position = 0 then {rows} - given_total else 0 end as bigint) as line_count,
    date '{first}' as start_date,
    {days} as day_count,
    -- those who left went each for one of five causes, the last of them unseen
    case when end_day < {days} then {literal_list(LEAVES)}[1 + position % {len(LEAVES)}] end as leaves,
    -- One line in a hundred is returned, so a hundred lines are worth 98. Who has just gone spent the year's sum before.
    (spend_from + (spend_to - spend_from) * spend_draw * spend_draw) * active_months / line_count / 0.98
        * case when tier = 'lapsed' then 1 else 365 / (365 - ({days} - end_day)) end as line_amount,
from dealt
"""


def baskets_sql(seed: int) -> str:
    """Table `baskets`: one row per receipt, evenly spread with scatter; the first is on the first day."""
    size = BASKET_LINES
    return f"""
create table baskets as
with opened as (
    select
        customers.*,
        unnest(range(cast(ceil(line_count / {size}.0) as bigint))) as basket,
        ceil(line_count / {size}.0) as basket_count,
    from customers
),

placed as (
    select
        *,
        end_day - coalesce(rest_days, 0) as bought_days,
        case when basket = 0 then first_day
            else first_day + floor(
                (basket + 0.95 * {draw("position", "basket", seed=seed)})
                / basket_count * (bought_days - first_day)
            )
        end as even_day,
        least(even_day + case when even_day >= {REST_FROM} then coalesce(rest_days, 0) else 0 end, end_day - 1) as day_number,
        end_day - day_number as days_left,
    from opened
)

select
    start_date + cast(day_number as integer) as day,
    printf('%s-%05d', customer_id, basket) as transaction_id,
    customer_id,
    position * 100000 + basket as basket_key,
    case when days_left <= {PRICE_DAYS[1]} then leaves end as leaving,
    leaves = 'habit_change' and days_left <= {HABIT_DAYS} as is_narrow,
    is_narrow or (leaves = 'price' and days_left <= {PRICE_DAYS[0]}) as is_little,
    least({size}, line_count - basket * {size}) as basket_lines,
    line_amount,
from placed
order by day, basket_key
"""


def products_sql(seed: int) -> str:
    """Table `products`: one row per product with price, category and unit cost."""
    return f"""
create table products as
select
    product_number,
    printf('P%05d', product_number) as product_id,
    1.5 + 38 * {draw("product_number", "'price'", seed=seed)} as unit_price,
    ['Fresh', 'Grocery', 'Household', 'Beauty', 'Clothing', 'Electronics', 'Toys', 'Garden'][
        1 + product_number % 8
    ] as category,
    [0.30, 0.22, 0.28, 0.42, 0.45, 0.16, 0.35, 0.33][1 + product_number % 8] as margin_rate,
    round(unit_price * (1 - margin_rate), 4) as unit_cost,
from range({PRODUCTS}) as range (product_number)
"""


def lines_sql(day: date, seed: int) -> str:
    """A night's lines; the quantity is what the amount buys at the product's price, so costs give margins."""
    return f"""
with lines as (
    select *, unnest(range(basket_lines)) as line, hash(basket_key, line, {seed}) as roll,
    from baskets
    where day = date '{day}'
),

priced as (
    select
        *,
        -- a change of habit leaves three of the eight categories
        cast(roll % {PRODUCTS} as bigint)
            - case when is_narrow then cast(roll % 8 as bigint) - cast(roll % 3 as bigint) else 0 end
            as product_number,
        line_amount * (0.6 + 0.8 * ((roll >> 16) % 1000003) / 1000003.0)
            * case when (roll >> 40) % 100 = 0 then -1 else 1 end * case when is_little then 0.3 else 1 end as amount,
    from lines
)

select
    transaction_id,
    cast(line + 1 as integer) as line_number,
    customer_id,
    product_id,
    cast(day as timestamp) + to_seconds(28800 + cast(hash(basket_key, {seed}) % 50400 as bigint))
        as transaction_at,
    cast(amount / unit_price as decimal(18, 3)) as quantity,
    cast(amount as decimal(18, 2)) as net_amount,
    cast(case when (roll >> 48) % 5 = 0 or leaving = 'price' then abs(amount) * 0.1 else 0 end as decimal(18, 2))
        as discount_amount,
    cast(null as decimal(18, 2)) as cost_amount,
    cast('S' || (basket_key // 100000) % 50 as varchar) as store_id,
    case when hash(basket_key) % 10 < 7 then 'shop' else 'web' end as channel,
    'simulated' as source_system,
from priced
inner join products using (product_number)
order by basket_key, line
"""


PRODUCT_ROWS = """
select
    product_id, 'Product ' || product_number as product_name, category, cast(null as varchar) as subcategory,
    'Brand ' || product_number % 40 as brand, cast(unit_cost as decimal(18, 4)) as unit_cost,
    'simulated' as cost_source_system, 'simulated' as source_system,
from products
order by product_number
"""
