with driver_months as (
    select * from {{ ref('int_driver_months') }}
),

-- Each customer's latest rating of a driver, in each month in whose window it is the latest.
raters as (
    select
        driver,
        attitude,
        purchase_days_after,
        purchase_days_after - purchase_days_before as change,
        {{ month_series('first_month', 'last_month') }} as month
    from {{ ref('int_driver_ratings') }}
    where first_month <= last_month
),

counted as (
    select
        driver,
        month,
        count(case when attitude = 'high' then 1 end) as high_raters,
        count(case when attitude = 'high' and purchase_days_after > 0 then 1 end) as high_retained,
        {{ median("case when attitude = 'high' then change end") }} as high_median_change,
        count(case when attitude = 'low' then 1 end) as low_raters,
        count(case when attitude = 'low' and purchase_days_after > 0 then 1 end) as low_retained,
        {{ median("case when attitude = 'low' then change end") }} as low_median_change
    from raters
    group by driver, month
),

rated as (
    select
        driver_months.*,
        counted.high_median_change,
        counted.low_median_change,
        coalesce(counted.high_raters, 0) as high_raters,
        coalesce(counted.high_retained, 0) as high_retained,
        coalesce(counted.low_raters, 0) as low_raters,
        coalesce(counted.low_retained, 0) as low_retained
    from driver_months
    left join counted
        on driver_months.driver = counted.driver and driver_months.month = counted.month
),

compared as (
    select
        *,
        case
            when high_raters >= {{ var('min_group_answers') | int }}
                then {{ share('high_retained', 'high_raters') }}
        end as high_retention_rate,
        case
            when low_raters >= {{ var('min_group_answers') | int }}
                then {{ share('low_retained', 'low_raters') }}
        end as low_retention_rate
    from rated
)

select
    month,
    driver,
    {{ month_end('month') }} <= {{ as_of_date() }} as is_complete_month,
    answers,
    mean_score,
    score_standard_error,
    cast(high_raters as bigint) as high_raters,
    cast(high_retained as bigint) as high_retained,
    high_retention_rate,
    cast(low_raters as bigint) as low_raters,
    cast(low_retained as bigint) as low_retained,
    low_retention_rate,
    high_retention_rate - low_retention_rate as retention_difference,
    {{ newcombe_bound('high_retention_rate', 'high_raters', 'low_retention_rate', 'low_raters', '-') }} as difference_ci_low,
    {{ newcombe_bound('high_retention_rate', 'high_raters', 'low_retention_rate', 'low_raters', '+') }} as difference_ci_high,
    high_median_change,
    low_median_change,
    high_retention_rate is not null and low_retention_rate is not null as is_reportable
from compared
