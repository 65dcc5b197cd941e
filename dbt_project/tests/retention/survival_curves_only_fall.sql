-- Survival falls, lies within its interval, and whoever is at risk leaves the curve by an event or a censoring.
with curves as (
    select
        *,
        lag(survival, 1, 1.0) over (partition by curve, group_name order by day) as survival_before,
        lead(at_risk_count, 1, 0) over (partition by curve, group_name order by day) as at_risk_after
    from {{ ref('survival_curves') }}
)

select
    curve,
    group_name,
    day
from curves
where
    survival > survival_before + 1e-12
    or at_risk_count - event_count - censored_count <> at_risk_after
    or event_count + censored_count = 0
    or ci_low > survival + 1e-12
    or ci_high < survival - 1e-12
    or (standard_error is null) <> (survival = 0)
