{#
    Monthly retention and monthly profit per customer at risk, by tier and in all, from the deployment's own data.

    Both are ratios of sums over customer-months. A customer's months are not independent of each other, so their
    variances and covariance come from the customers' residuals (the ratio estimator of cluster sampling:
    W. G. Cochran, Sampling Techniques, 3rd edition 1977, chapters 6 and 9A).
#}
{%- set minimum_customer_months = 30 -%}
{#- With fewer lapses a rate near 1 looks surer than it is: with none its variance would be 0. -#}
{%- set minimum_lapses = 5 -%}
with exposures as (
    select * from {{ ref('int_retention_exposures') }}
),

members as (
    select
        tier,
        customer_id,
        is_held_now,
        months_at_risk,
        months_kept,
        profit_amount as profit,
        first_month
    from exposures
    where tier is not null
    union all
    select
        'all' as tier,
        customer_id,
        max(is_held_now) as is_held_now,
        sum(months_at_risk) as months_at_risk,
        sum(months_kept) as months_kept,
        sum(profit_amount) as profit,
        min(first_month) as first_month
    from exposures
    group by customer_id
),

totals as (
    select
        tier,
        sum(is_held_now) as customers,
        cast(sum(months_at_risk) as double) as customer_months,
        sum(months_at_risk) - sum(months_kept) as lapses,
        cast(count(first_month) as double) as observed_customers,
        min(first_month) as first_month,
        cast(sum(months_kept) as double) / nullif(cast(sum(months_at_risk) as double), 0) as retention_rate,
        cast(sum(profit) as double) / nullif(cast(sum(months_at_risk) as double), 0) as profit
    from members
    group by tier
),

residuals as (
    select
        members.tier,
        members.months_kept - totals.retention_rate * members.months_at_risk as kept,
        cast(members.profit as double) - totals.profit * members.months_at_risk as profit
    from members
    inner join totals
        on members.tier = totals.tier
),

spreads as (
    select
        tier,
        sum(kept * kept) as kept_squares,
        sum(profit * profit) as profit_squares,
        sum(kept * profit) as products
    from residuals
    group by tier
),

-- A customer has 12 months at most, so that 30 of them are of 3 customers at least.
large_enough as (
    select
        totals.*,
        spreads.kept_squares,
        spreads.profit_squares,
        spreads.products,
        totals.observed_customers
        / ((totals.observed_customers - 1) * totals.customer_months * totals.customer_months) as scale
    from totals
    inner join spreads
        on totals.tier = spreads.tier
    where totals.customer_months >= {{ minimum_customer_months }}
)

select
    totals.tier,
    cast(totals.customers as bigint) as customers,
    cast(totals.customer_months as bigint) as customer_months,
    cast(totals.lapses as bigint) as lapses,
    totals.first_month,
    case
        when large_enough.tier is null then 'fewer than {{ minimum_customer_months }} customer-months at risk'
        when totals.lapses < {{ minimum_lapses }} then 'fewer than {{ minimum_lapses }} lapses'
    end as reason,
    large_enough.retention_rate as monthly_retention_rate,
    {{ wilson_bound('large_enough.retention_rate', 'large_enough.customer_months', '-') }} as monthly_retention_low,
    {{ wilson_bound('large_enough.retention_rate', 'large_enough.customer_months', '+') }} as monthly_retention_high,
    large_enough.profit as monthly_profit,
    large_enough.kept_squares * large_enough.scale as retention_variance,
    large_enough.profit_squares * large_enough.scale as profit_variance,
    large_enough.products * large_enough.scale as covariance
from totals
left join large_enough
    on totals.tier = large_enough.tier
