-- Average monthly net spend over the tier window. The months of each window are listed once and joined
-- by equality: a range join would compare every customer's month with every other.
with customer_windows as (
    select * from {{ ref('int_customer_windows') }}
),

category_months as (
    select * from {{ ref('int_customer_category_months') }}
),

months as (
    select * from {{ ref('int_months') }}
),

valid_answers as (
    select * from {{ ref('int_wallet_valid_answers') }}
),

window_months as (
    select
        months.month,
        spend_months.month as spend_month
    from months
    inner join months as spend_months
        on
            months.month_index - spend_months.month_index
            between 0 and {{ var('tier_window_months') | int - 1 }}
),

-- A surveyed category counts even without a transaction; `all` is the total's name and comes from the windows.
category_spends as (
    select
        category_months.customer_id,
        category_months.category,
        window_months.month,
        category_months.net_amount
    from category_months
    inner join window_months
        on category_months.month = window_months.spend_month
    where category_months.category <> 'all'
    union all
    select
        customer_id,
        category,
        month,
        0 as net_amount
    from valid_answers
    where category <> 'all'
),

category_windows as (
    select
        customer_id,
        category,
        month,
        sum(net_amount) as window_net_amount
    from category_spends
    group by customer_id, category, month
)

select
    customer_id,
    'all' as category,
    month,
    greatest(0.0, cast(window_net_amount as double) / months_observed) as own_spend
from customer_windows
union all
select
    category_windows.customer_id,
    category_windows.category,
    category_windows.month,
    greatest(
        0.0,
        cast(category_windows.window_net_amount as double) / customer_windows.months_observed
    ) as own_spend
from category_windows
inner join customer_windows
    on
        category_windows.customer_id = customer_windows.customer_id
        and category_windows.month = customer_windows.month
