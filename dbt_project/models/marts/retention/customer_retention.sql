with thresholds as (

    select * from {{ ref('int_retention_thresholds') }}

),

lapses as (

    select
        customer_id,
        count(*) as lapse_count,
        max(case when reactivated_date is null then lapse_date end) as lapsed_on,
        max(reactivated_date) as last_reactivated_on
    from {{ ref('int_retention_lapses') }}
    group by 1

),

joined as (

    select
        thresholds.*,
        lapses.lapsed_on,
        lapses.last_reactivated_on,
        coalesce(lapses.lapse_count, 0) as lapse_count
    from thresholds
    left join lapses
        on thresholds.customer_id = lapses.customer_id

)

select
    customer_id,
    {{ as_of_date() }} as as_of_date,
    case
        when recency_days > lapsed_after_days then 'lapsed'
        when recency_days > at_risk_after_days then 'at_risk'
        when {{ days_between('last_reactivated_on', as_of_date()) }} <= 89 then 'reactivated'
        when purchase_days = 1 then 'new'
        else 'active'
    end as status,
    first_purchase_date,
    last_purchase_date,
    recency_days,
    cast(purchase_days as bigint) as purchase_days,
    median_gap_days,
    own_gap_p90_days,
    at_risk_after_days,
    lapsed_after_days,
    threshold_basis,
    lapsed_on,
    last_reactivated_on,
    cast(lapse_count as bigint) as lapse_count
from joined
