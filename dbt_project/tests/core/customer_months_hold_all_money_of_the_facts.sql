-- The first aggregation loses and doubles nothing: lines, net and profit, customers' and anonymous, agree with the
-- facts in total.
with facts as (
    select
        count(*) as line_count,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(profit_amount), 0) as profit_amount
    from {{ ref('fct_transactions') }}
),

months as (
    select
        coalesce(sum(line_count), 0) as line_count,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(profit_amount), 0) as profit_amount
    from {{ ref('int_customer_months') }}
),

category_months as (
    select
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(profit_amount), 0) as profit_amount
    from {{ ref('int_customer_category_months') }}
),

anonymous_months as (
    select
        coalesce(sum(line_count), 0) as line_count,
        coalesce(sum(net_amount), 0) as net_amount,
        coalesce(sum(profit_amount), 0) as profit_amount
    from {{ ref('int_anonymous_months') }}
)

select
    facts.net_amount,
    months.net_amount as net_amount_by_month,
    category_months.net_amount as net_amount_by_category_and_month,
    anonymous_months.net_amount as anonymous_net_amount
from facts
cross join months
cross join category_months
cross join anonymous_months
where
    facts.line_count <> months.line_count + anonymous_months.line_count
    or facts.net_amount <> months.net_amount + anonymous_months.net_amount
    or facts.profit_amount <> months.profit_amount + anonymous_months.profit_amount
    or facts.net_amount <> category_months.net_amount + anonymous_months.net_amount
    or facts.profit_amount <> category_months.profit_amount + anonymous_months.profit_amount
