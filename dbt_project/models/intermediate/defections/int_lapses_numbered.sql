-- The lapses of the flows, each with the days it reaches from and to.
with lapses as (
    select * from {{ ref('int_retention_lapses') }}
)

select
    customer_id,
    cast(row_number() over (partition by customer_id order by last_purchase_date) as integer) as lapse_number,
    lag(reactivated_date) over (partition by customer_id order by last_purchase_date) as previous_return_date,
    last_purchase_date,
    lapse_date,
    reactivated_date as won_back_date,
    coalesce({{ add_days('reactivated_date', -1) }}, {{ as_of_date() }}) as last_date_away,
    gap_days as days_away,
    {{ days_between('lapse_date', 'coalesce(reactivated_date, ' ~ as_of_date() ~ ')') }} as days_lapsed,
    reactivated_date is null as is_open
from lapses
