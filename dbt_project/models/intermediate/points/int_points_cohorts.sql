{#
    What the points of a month are given of that month's revenue: by relative stand-alone selling prices, of what was
    paid on the receipts that earned, and of the points as far as they were then expected to be redeemed.
#}
with earned as (
    select
        {{ month_start('business_date') }} as earn_month,
        cast(sum(points) as bigint) as earned_points,
        cast(sum(net_amount) as {{ amount_type() }}) as net_amount
    from {{ ref('int_points_receipts') }}
    where points > 0
    group by {{ month_start('business_date') }}
),

dated as (
    select
        *,
        least({{ month_end('earn_month') }}, {{ as_of_date() }}) as expected_on
    from earned
),

priced as (
    select
        dated.earn_month,
        dated.earned_points,
        cast(dated.net_amount as double) as net_amount,
        cast(dated.earned_points * expectations.points_value as double)
        * cast(expectations.expected_redemption_rate as double) as points_price
    from dated
    left join {{ ref('int_points_expectations') }} as expectations
        on
            dated.expected_on >= coalesce(expectations.valid_from, dated.expected_on)
            and dated.expected_on < coalesce(expectations.next_valid_from, {{ add_days('dated.expected_on', 1) }})
)

select
    earn_month,
    earned_points,
    case
        when points_price is null then null
        -- who was paid nothing has nothing to defer
        when net_amount <= 0 or points_price = 0 then 0.0e0
        else net_amount * (points_price / (net_amount + points_price))
    end as allocated_at_first
from priced
