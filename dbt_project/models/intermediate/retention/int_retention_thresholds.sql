{%- set tolerance = '1e-12' -%}  {# a survival of exactly 0.2 counts, whatever the rounding of its product #}
{%- set default_lapsed_days = var('default_lapsed_days') -%}
with gaps as (
    select * from {{ ref('int_purchase_gaps') }}
),

survivals as (
    select * from {{ ref('int_retention_survivals') }}
    where curve = 'gap' and group_name = 'all'
),

population as (
    select
        min(case when survival <= 0.2 + {{ tolerance }} then day end) as at_risk_day,
        min(case when survival <= 0.05 + {{ tolerance }} then day end) as lapsed_day
    from survivals
),

customers as (
    select
        customer_id,
        min(purchase_date) as first_purchase_date,
        max(purchase_date) as last_purchase_date,
        max(case when not is_closed then gap_days end) as recency_days,
        count(*) as purchase_days,
        {{ median('case when is_closed then gap_days end') }} as median_gap_days,
        case
            -- The 0.9 quantile of whole days has one decimal; rounding takes away the noise of its interpolation,
            -- which would turn a recency of exactly so many days into one above it.
            when sum(case when is_closed then 1 else 0 end) >= 5
                then round({{ quantile('case when is_closed then gap_days end', 0.9) }}, 6)
        end as own_gap_p90_days
    from gaps
    group by 1
),

at_risk as (
    select
        customers.*,
        population.lapsed_day,
        case
            when customers.own_gap_p90_days is not null then customers.own_gap_p90_days
            when population.at_risk_day is not null then cast(population.at_risk_day as double)
            else {{ default_lapsed_days }} / 2.0e0
        end as at_risk_after_days,
        case
            when customers.own_gap_p90_days is not null then 'own'
            when population.at_risk_day is not null then 'population'
            else 'default'
        end as threshold_basis
    from customers
    cross join population
)

select
    customer_id,
    first_purchase_date,
    last_purchase_date,
    recency_days,
    purchase_days,
    median_gap_days,
    own_gap_p90_days,
    threshold_basis,
    cast(at_risk_after_days as double) as at_risk_after_days,
    cast(greatest(2 * at_risk_after_days, coalesce(lapsed_day, {{ default_lapsed_days }})) as double)
        as lapsed_after_days
from at_risk
