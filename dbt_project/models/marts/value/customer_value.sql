{#
    Lifetime value is the expected 12 months x (1 + d) / (1 + d - r): the first year undiscounted, each later one with
    the share r of the customers still there (Gupta & Lehmann, Managing Customers as Investments, 2005, chapter 2).
#}
{%- set one_more = (1 + var('discount_rate') | float) ~ 'e0' -%}
with earnings as (
    select * from {{ ref('int_customer_earnings') }}
),

expectations as (
    select
        customer_id,
        expected_purchase_days_12m * expected_spend_per_purchase_day as revenue_12m
    from {{ ref('customer_retention') }}
),

retentions as (
    select
        tier,
        power(monthly_retention_rate, 12) as retention_rate
    from {{ ref('int_tier_retentions') }}
    where reason is null
),

expected as (
    select
        earnings.*,
        coalesce(tiers.retention_rate, everyone.retention_rate) as retention_rate,
        case
            when tiers.retention_rate is not null then 'tier'
            when everyone.retention_rate is not null then 'all'
        end as retention_basis,
        expectations.revenue_12m,
        expectations.revenue_12m * earnings.margin_rate as profit_12m,
        {{ one_more }} / ({{ one_more }} - coalesce(tiers.retention_rate, everyone.retention_rate)) as years
    from earnings
    inner join expectations
        on earnings.customer_id = expectations.customer_id
    left join retentions as tiers
        on earnings.tier = tiers.tier
    left join retentions as everyone
        on everyone.tier = 'all'
),

-- One level, and each customer has one referrer at most: nobody is counted twice, circles included.
referred as (
    select
        customers.referred_by_customer_id as customer_id,
        count(*) as referred_customers,
        count(expected.customer_id) as referred_buyers,
        coalesce(sum(expected.net_revenue_to_date), 0) as revenue_to_date,
        coalesce(sum(expected.profit_to_date), 0) as profit_to_date,
        case
            when count(expected.profit_12m * expected.years) = count(expected.customer_id)
                then coalesce(sum({{ to_amount('expected.profit_12m * expected.years') }}), 0)
        end as lifetime_profit
    from {{ ref('dim_customers') }} as customers
    left join expected
        on customers.customer_id = expected.customer_id
    where customers.referred_by_customer_id is not null
    group by customers.referred_by_customer_id
)

select
    expected.customer_id,
    {{ as_of_date() }} as as_of_date,
    expected.tier,
    expected.net_revenue_to_date,
    expected.profit_to_date,
    expected.profit_basis,
    expected.yearly_run_rate,
    expected.yearly_profit_run_rate,
    expected.margin_rate,
    expected.margin_basis,
    {{ to_amount('expected.revenue_12m') }} as expected_revenue_12m,
    {{ to_amount('expected.profit_12m') }} as expected_profit_12m,
    expected.retention_rate,
    expected.retention_basis,
    cast({{ var('discount_rate') }} as double) as discount_rate,
    {{ to_amount('expected.revenue_12m * expected.years') }} as expected_lifetime_revenue,
    {{ to_amount('expected.profit_12m * expected.years') }} as expected_lifetime_profit,
    cast(coalesce(referred.referred_customers, 0) as bigint) as referred_customers,
    cast(coalesce(referred.referred_buyers, 0) as bigint) as referred_buyers,
    cast(coalesce(referred.revenue_to_date, 0) as {{ amount_type() }}) as referred_revenue_to_date,
    cast(coalesce(referred.profit_to_date, 0) as {{ amount_type() }}) as referred_profit_to_date,
    cast(
        case when referred.customer_id is null then 0 else referred.lifetime_profit end as {{ amount_type() }}
    ) as referred_expected_lifetime_profit
from expected
left join referred
    on expected.customer_id = referred.customer_id
