{#
    What each receipt earns, or takes back. Products of decimals are cast to what a receipt can come to: an engine of 38
    digits would cut decimals of the next product.
#}
{%- set exact = 'decimal(24, ' ~ (var('amount_scale') | int + 6) ~ ')' -%}
with general as (
    select * from {{ ref('int_points_rates') }}
    where category = 'all'
),

lines as (
    select
        facts.transaction_id,
        facts.customer_id,
        facts.business_date,
        facts.net_amount,
        coalesce(
            own.points_per_currency_unit, general.points_per_currency_unit, cast(0 as decimal(9, 6))
        ) as rate
    from {{ ref('fct_transactions') }} as facts
    left join {{ ref('int_points_rates') }} as own
        on facts.category = own.category and facts.business_date = own.business_date
    left join general
        on facts.business_date = general.business_date
    where
        not facts.is_anonymous
        -- of days before the first rate nothing is read
        and facts.business_date >= (select min(first_rates.valid_from) from {{ ref('points_rates') }} as first_rates)
),

receipts as (
    select
        transaction_id,
        customer_id,
        business_date,
        sum(net_amount) as net_amount,
        cast(sum(net_amount * rate) as {{ exact }}) as base_points
    from lines
    group by transaction_id, customer_id, business_date
),

multipliers as (
    select
        tier,
        valid_from,
        lead(valid_from) over (partition by tier order by valid_from) as next_valid_from,
        multiplier
    from {{ ref('points_multipliers') }}
),

multiplied as (
    select
        receipts.transaction_id,
        receipts.customer_id,
        receipts.business_date,
        receipts.net_amount,
        receipts.base_points * coalesce(multipliers.multiplier, cast(1 as decimal(9, 6))) as exact_points
    from receipts
    left join {{ ref('customer_tiers_monthly') }} as tiers
        on
            receipts.customer_id = tiers.customer_id
            and tiers.month = {{ add_months(month_start('receipts.business_date'), -1) }}
    left join multipliers
        on
            tiers.tier = multipliers.tier
            and receipts.business_date >= multipliers.valid_from
            and receipts.business_date
            < coalesce(multipliers.next_valid_from, {{ add_days('receipts.business_date', 1) }})
),

-- cut towards zero, as a cast does it on one engine and not on the other
whole as (
    select
        transaction_id,
        customer_id,
        business_date,
        net_amount,
        cast(
            case when exact_points < 0 then -floor(-exact_points) else floor(exact_points) end as bigint
        ) as points
    from multiplied
)

select
    transaction_id,
    customer_id,
    business_date,
    cast(net_amount as {{ amount_type() }}) as net_amount,
    points,
    {{ month_end(add_months(month_start('business_date'), var('points_expiry_months'))) }} as expires_on
from whole
where points <> 0
