{#
    How spending went before the last purchase: what the rules of price and habit look at.

    A line counts for one lapse at most, as no window begins before the previous return. Days are those that the windows
    really have, so that a shortened one compares by the day.
#}
with lapses as (
    select
        customer_id,
        lapse_number,
        previous_return_date,
        last_purchase_date,
        {{ add_days('last_purchase_date', -60) }} as before_60_date,
        {{ add_days('last_purchase_date', -180) }} as before_180_date,
        greatest({{ add_days('last_purchase_date', -359) }}, previous_return_date) as first_date
    from {{ ref('int_lapses_numbered') }}
),

lines as (
    select
        customer_id,
        business_date,
        category,
        net_amount,
        discount_amount
    from {{ ref('fct_transactions') }}
),

starts as (
    select min(business_date) as data_from_date
    from {{ ref('int_customer_days') }}
),

categories as (
    select
        lapses.customer_id,
        lapses.lapse_number,
        lines.category,
        sum(case when lines.business_date > lapses.before_60_date then lines.net_amount else 0 end) as spend_60d,
        sum(case when lines.business_date > lapses.before_180_date then lines.net_amount else 0 end) as spend_180d,
        sum(
            case
                when lines.business_date > lapses.before_180_date and lines.discount_amount > 0 then lines.net_amount
                else 0
            end
        ) as discounted_spend_180d,
        sum(case when lines.business_date <= lapses.before_180_date then lines.net_amount else 0 end)
            as spend_180d_before
    from lapses
    inner join lines
        on
            lapses.customer_id = lines.customer_id
            and lapses.first_date <= lines.business_date
            and lapses.last_purchase_date >= lines.business_date
    group by lapses.customer_id, lapses.lapse_number, lines.category
),

spends as (
    select
        customer_id,
        lapse_number,
        sum(spend_60d) as spend_60d,
        sum(spend_180d) as spend_180d,
        sum(discounted_spend_180d) as discounted_spend_180d,
        sum(spend_180d_before) as spend_180d_before,
        sum(case when spend_180d > 0 then 1 else 0 end) as categories_180d,
        sum(case when spend_180d_before > 0 then 1 else 0 end) as categories_180d_before
    from categories
    group by customer_id, lapse_number
)

select
    spends.customer_id,
    spends.lapse_number,
    cast(spends.spend_60d as {{ amount_type() }}) as spend_60d,
    cast(least(
        60, coalesce({{ days_between('lapses.previous_return_date', 'lapses.last_purchase_date') }} + 1, 60)
    ) as integer) as days_60d,
    cast(spends.spend_180d - spends.spend_60d as {{ amount_type() }}) as spend_120d_before,
    cast(least(
        120, greatest(0, coalesce({{ days_between('lapses.previous_return_date', 'lapses.before_60_date') }} + 1, 120))
    ) as integer) as days_120d_before,
    cast(spends.spend_180d as {{ amount_type() }}) as spend_180d,
    cast(spends.discounted_spend_180d as {{ amount_type() }}) as discounted_spend_180d,
    cast(spends.spend_180d_before as {{ amount_type() }}) as spend_180d_before,
    cast(spends.categories_180d as integer) as categories_180d,
    cast(spends.categories_180d_before as integer) as categories_180d_before,
    {{ add_days('lapses.last_purchase_date', -359) }} >= starts.data_from_date as is_whole_in_data
from spends
inner join lapses
    on
        spends.customer_id = lapses.customer_id
        and spends.lapse_number = lapses.lapse_number
cross join starts
