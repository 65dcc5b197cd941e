{#
    Lapses by month, tier before and reason. Who comes back quickly cannot be contacted first, so contacted and not contacted
    are compared over the lapses that were still open 30 days after, and on the days from there to the 180th.
#}
with defections as (
    select * from {{ ref('defections') }}
),

lapses as (
    select
        {{ month_start('lapse_date') }} as month,
        tier_before,
        reason,
        is_defection,
        -- A customer who left twice in a month took one year's spend along.
        is_defection
        and row_number() over (
            partition by customer_id, {{ month_start('lapse_date') }}, is_defection
            order by lapse_number
        ) = 1 as is_first_defection,
        yearly_value_lost,
        contacts > 0 as is_contacted,
        won_back_days is not null as is_won_back,
        {{ days_between('lapse_date', as_of_date()) }} >= 180 as is_180d_old,
        coalesce(won_back_days <= 180, false) as is_won_back_180d,
        {{ days_between('lapse_date', as_of_date()) }} >= 180 and coalesce(won_back_days > 30, true) as is_compared,
        coalesce(first_contacted_date <= {{ add_days('lapse_date', 30) }}, false) as is_contacted_30d
    from defections
),

counted as (
    select
        month,
        coalesce(tier_before, 'all') as tier_before,
        coalesce(reason, 'all') as reason,
        count(*) as lapses,
        sum(case when is_defection then 1 else 0 end) as defections,
        sum(case when is_first_defection then yearly_value_lost else 0 end) as yearly_value_lost,
        sum(case when is_contacted then 1 else 0 end) as contacted,
        sum(case when is_won_back then 1 else 0 end) as won_back,
        sum(case when is_180d_old then 1 else 0 end) as lapses_180d_old,
        sum(case when is_180d_old and is_won_back_180d then 1 else 0 end) as won_back_180d,
        sum(case when is_compared and is_contacted_30d then 1 else 0 end) as contacted_30d,
        sum(case when is_compared and is_contacted_30d and is_won_back_180d then 1 else 0 end) as won_back_contacted,
        sum(case when is_compared and not is_contacted_30d then 1 else 0 end) as not_contacted_30d,
        sum(case when is_compared and not is_contacted_30d and is_won_back_180d then 1 else 0 end)
            as won_back_not_contacted
    from lapses
    group by month, cube(tier_before, reason)
),

rates as (
    select
        *,
        {{ group_rate('won_back_180d', 'lapses_180d_old') }} as won_back_rate,
        {{ group_rate('won_back_contacted', 'contacted_30d') }} as won_back_rate_contacted,
        {{ group_rate('won_back_not_contacted', 'not_contacted_30d') }} as won_back_rate_not_contacted
    from counted
)

select
    rates.month,
    rates.tier_before,
    rates.reason,
    months.is_complete_month,
    cast(rates.lapses as bigint) as lapses,
    cast(rates.defections as bigint) as defections,
    cast(rates.yearly_value_lost as {{ amount_type() }}) as yearly_value_lost,
    cast(rates.contacted as bigint) as contacted,
    cast(rates.won_back as bigint) as won_back,
    cast(rates.lapses_180d_old as bigint) as lapses_180d_old,
    cast(rates.won_back_180d as bigint) as won_back_180d,
    rates.won_back_rate,
    cast(rates.contacted_30d as bigint) as contacted_30d,
    cast(rates.won_back_contacted as bigint) as won_back_contacted,
    rates.won_back_rate_contacted,
    cast(rates.not_contacted_30d as bigint) as not_contacted_30d,
    cast(rates.won_back_not_contacted as bigint) as won_back_not_contacted,
    rates.won_back_rate_not_contacted,
    rates.won_back_rate_contacted - rates.won_back_rate_not_contacted as won_back_rate_difference,
    {{ newcombe_bound(
        'rates.won_back_rate_contacted', 'rates.contacted_30d',
        'rates.won_back_rate_not_contacted', 'rates.not_contacted_30d', '-'
    ) }} as difference_ci_low,
    {{ newcombe_bound(
        'rates.won_back_rate_contacted', 'rates.contacted_30d',
        'rates.won_back_rate_not_contacted', 'rates.not_contacted_30d', '+'
    ) }} as difference_ci_high,
    rates.won_back_rate is not null as is_reportable
from rates
inner join {{ ref('int_months') }} as months
    on rates.month = months.month
