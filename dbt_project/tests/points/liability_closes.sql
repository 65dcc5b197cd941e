-- Opening and movements give the closing, which is the next opening; a month's points go on until none are left; and what is
-- allocated is recognised or deferred.
with cohorts as (
    select
        *,
        lag(closing) over (partition by earn_month order by month) as last_closing,
        lag({{ month_index('month') }}) over (partition by earn_month order by month) as last_index,
        lead(month) over (partition by earn_month order by month) as next_month,
        sum(recognised_revenue) over (
            partition by earn_month
            order by month
            rows between unbounded preceding and current row
        ) as summed_revenue
    from {{ ref('points_liability_monthly') }}
)

select
    month,
    earn_month
from cohorts
where
    opening + earned - reversed - redeemed - expired <> closing
    or opening <> coalesce(last_closing, 0)
    or {{ month_index('month') }} <> last_index + 1
    or (last_closing is null and month <> earn_month)
    or (next_month is null and closing > 0 and month < {{ month_start(as_of_date()) }})
    or (next_month is not null and closing = 0)
    or recognised_to_date <> summed_revenue
    or allocated_revenue <> recognised_to_date + deferred_revenue
    or (closing = 0 and deferred_revenue <> 0)
