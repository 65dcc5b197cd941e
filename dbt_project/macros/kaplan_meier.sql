{#
    The rest of a query after its CTE `durations` (one row per subject: curve, group_name, day, is_event): one row per
    curve, group and day with an event or a censoring.

    Kaplan-Meier: survival is the running product of 1 - events / at risk; Greenwood's sum runs beside it. Both are
    null, and survival exactly 0, from the day on which all at risk have the event. Who is censored on a day is
    still at risk on it.
#}
{% macro kaplan_meier(durations) -%}
days as (
    select
        curve,
        group_name,
        day,
        count(*) as subject_count,
        sum(case when is_event then 1 else 0 end) as event_count
    from {{ durations }}
    group by curve, group_name, day
),

at_risk as (
    select
        curve,
        group_name,
        day,
        subject_count,
        event_count,
        sum(subject_count) over (
            partition by curve, group_name
            order by day desc
            rows between unbounded preceding and current row
        ) as at_risk_count
    from days
),

running as (
    select
        curve,
        group_name,
        day,
        at_risk_count,
        event_count,
        subject_count - event_count as censored_count,
        -- ln(0) is no number: a day on which all at risk have the event ends the curve at exactly 0.
        max(case when event_count = at_risk_count then 1 else 0 end) over running_days as is_exhausted,
        sum(
            case
                when event_count < at_risk_count
                    then ln(cast(at_risk_count - event_count as double) / cast(at_risk_count as double))
                else 0.0
            end
        ) over running_days as log_survival,
        sum(
            case
                when event_count < at_risk_count
                    then
                        cast(event_count as double)
                        / (cast(at_risk_count as double) * cast(at_risk_count - event_count as double))
                else 0.0
            end
        ) over running_days as greenwood_sum
    from at_risk
    window running_days as (
        partition by curve, group_name
        order by day
        rows between unbounded preceding and current row
    )
)

select
    curve,
    group_name,
    cast(day as integer) as day,
    cast(at_risk_count as bigint) as at_risk_count,
    cast(event_count as bigint) as event_count,
    cast(censored_count as bigint) as censored_count,
    case when is_exhausted = 1 then 0.0 else exp(log_survival) end as survival,
    case when is_exhausted = 0 then log_survival end as log_survival,
    case when is_exhausted = 0 then greenwood_sum end as greenwood_sum
from running
{%- endmacro %}
