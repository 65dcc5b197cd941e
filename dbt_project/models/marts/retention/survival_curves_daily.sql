-- A row of survival_curves stands for the days since the one before it: so many were at risk on each of them, and until
-- its own day the survival is still that of the row before.
with events as (
    select * from {{ ref('survival_curves') }}
),

spans as (
    select
        *,
        lag(day) over (partition by curve, group_name order by day) as previous_day,
        lag(survival) over (partition by curve, group_name order by day) as previous_survival,
        lag(standard_error) over (partition by curve, group_name order by day) as previous_error,
        lag(ci_low) over (partition by curve, group_name order by day) as previous_low,
        lag(ci_high) over (partition by curve, group_name order by day) as previous_high
    from events
),

spread as (
    select
        *,
        {{ integer_series('coalesce(previous_day, -1) + 1', 'day') }} as each_day
    from spans
)

select
    curve,
    group_name,
    each_day as day,
    at_risk_count,
    case when each_day = day then event_count else 0 end as event_count,
    case when each_day = day then censored_count else 0 end as censored_count,
    case
        when each_day = day then survival
        when previous_day is null then 1.0e0
        else previous_survival
    end as survival,
    case
        when each_day = day then standard_error
        when previous_day is null then 0.0e0
        else previous_error
    end as standard_error,
    case
        when each_day = day then ci_low
        when previous_day is null then 1.0e0
        else previous_low
    end as ci_low,
    case
        when each_day = day then ci_high
        when previous_day is null then 1.0e0
        else previous_high
    end as ci_high
from spread
