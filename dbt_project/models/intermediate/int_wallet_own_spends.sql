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

surveys as (

    select distinct
        customer_id,
        category,
        month
    from {{ ref('int_wallet_valid_answers') }}

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

category_windows as (

    select
        category_months.customer_id,
        category_months.category,
        window_months.month,
        sum(category_months.net_amount) as window_net_amount
    from category_months
    inner join window_months
        on category_months.month = window_months.spend_month
    -- `all` is the total's name; a category called so counts in the total only.
    where category_months.category <> 'all'
    group by 1, 2, 3

),

spends as (

    select
        customer_id,
        category,
        month,
        sum(window_net_amount) as window_net_amount
    from (
        select customer_id, 'all' as category, month, window_net_amount from customer_windows
        union all
        select customer_id, category, month, window_net_amount from category_windows
        union all
        select customer_id, category, month, 0 as window_net_amount from surveys
    ) as parts
    group by 1, 2, 3

)

select
    spends.customer_id,
    spends.category,
    spends.month,
    greatest(
        0.0,
        cast(spends.window_net_amount as double) / customer_windows.months_observed
    ) as own_spend
from spends
inner join customer_windows
    on
        spends.customer_id = customer_windows.customer_id
        and spends.month = customer_windows.month
