{%- set window_months = var('revenue_retention_window_months') | int -%}
with months as (
    select * from {{ ref('int_months') }}
),

customer_months as (
    select * from {{ ref('int_customer_months') }}
),

first_month as (
    select min(month_index) as month_index from months
),

covered_months as (
    select
        months.month,
        months.month_index,
        months.is_complete_month
    from months
    inner join first_month
        on months.month_index - {{ 2 * window_months - 1 }} >= first_month.month_index
),

-- Listed once and joined by equality: a range join would compare every customer's month with every other.
window_months as (
    select
        covered_months.month,
        months.month as spend_month,
        covered_months.month_index - months.month_index < {{ window_months }} as is_later_window
    from covered_months
    inner join months
        on
            covered_months.month_index - months.month_index
            between 0 and {{ 2 * window_months - 1 }}
),

customer_windows as (
    select
        window_months.month,
        customer_months.customer_id,
        sum(case when window_months.is_later_window then 0 else customer_months.net_amount end) as earlier_spend,
        sum(case when window_months.is_later_window then customer_months.net_amount else 0 end) as later_spend
    from customer_months
    inner join window_months
        on customer_months.month = window_months.spend_month
    group by 1, 2
),

clamped as (
    select
        month,
        earlier_spend,
        case when later_spend > 0 then later_spend else 0 end as later_spend
    from customer_windows
    where earlier_spend > 0
),

summed as (
    select
        covered_months.month,
        covered_months.is_complete_month,
        count(clamped.earlier_spend) as customer_count,
        coalesce(sum(clamped.earlier_spend), 0) as opening_revenue,
        coalesce(sum(least(clamped.earlier_spend, clamped.later_spend)), 0) as retained_revenue,
        coalesce(sum(clamped.later_spend), 0) as closing_revenue
    from covered_months
    left join clamped
        on covered_months.month = clamped.month
    group by 1, 2
)

select
    month,
    is_complete_month,
    cast({{ window_months }} as integer) as window_months,
    cast(customer_count as bigint) as customer_count,
    cast(opening_revenue as {{ amount_type() }}) as opening_revenue,
    cast(retained_revenue as {{ amount_type() }}) as retained_revenue,
    cast(closing_revenue as {{ amount_type() }}) as closing_revenue,
    cast(retained_revenue as double) / nullif(cast(opening_revenue as double), 0) as grr,
    cast(closing_revenue as double) / nullif(cast(opening_revenue as double), 0) as nrr
from summed
