{#
    What the models of retention know of a customer, twice: as of the run, and as of the end of the calibration, which
    is the first half of the days since the first purchase of all; the holdout after it is never longer than 52 weeks.
#}
with purchases as (
    select
        days.customer_id,
        days.business_date,
        days.net_amount,
        firsts.first_purchase_date
    from {{ ref('int_customer_days') }} as days
    inner join {{ ref('int_customer_first_purchases') }} as firsts
        on days.customer_id = firsts.customer_id
    where days.is_purchase_day
),

observations as (
    select min(first_purchase_date) as first_date
    from {{ ref('int_customer_first_purchases') }}
),

calibrations as (
    select
        first_date,
        greatest(
            {{ add_days('first_date', 'floor(' ~ days_between('first_date', as_of_date()) ~ ' / 2.0e0)') }},
            {{ add_days(as_of_date(), -364) }}
        ) as calibration_end
    from observations
),

histories as (
    select
        purchases.customer_id,
        purchases.first_purchase_date,
        calibrations.calibration_end,
        max(purchases.business_date) as last_purchase_date,
        count(*) - 1 as repeat_purchase_days,
        sum(
            case when purchases.business_date > purchases.first_purchase_date then purchases.net_amount end
        ) as repeat_spend,
        max(
            case when purchases.business_date <= calibrations.calibration_end then purchases.business_date end
        ) as last_calibration_date,
        sum(case when purchases.business_date <= calibrations.calibration_end then 1 else 0 end)
        - 1 as calibration_repeat_purchase_days,
        sum(case when purchases.business_date > calibrations.calibration_end then 1 else 0 end)
            as holdout_purchase_days
    from purchases
    cross join calibrations
    group by purchases.customer_id, purchases.first_purchase_date, calibrations.calibration_end
)

select
    customer_id,
    first_purchase_date,
    calibration_end,
    cast(repeat_purchase_days as bigint) as repeat_purchase_days,
    {{ days_between('first_purchase_date', 'last_purchase_date') }} as span_days,
    {{ days_between('first_purchase_date', as_of_date()) }} as age_days,
    -- Of the exact sum: a mean of doubles depends on their order in the last bits.
    cast(repeat_spend as double) / nullif(repeat_purchase_days, 0) as mean_repeat_spend,
    -- Null for customers who came after the calibration.
    cast(case when last_calibration_date is not null then calibration_repeat_purchase_days end as bigint)
        as calibration_repeat_purchase_days,
    {{ days_between('first_purchase_date', 'last_calibration_date') }} as calibration_span_days,
    case
        when last_calibration_date is not null
            then {{ days_between('first_purchase_date', 'calibration_end') }}
    end as calibration_age_days,
    cast(case when last_calibration_date is not null then holdout_purchase_days end as bigint)
        as holdout_purchase_days
from histories
