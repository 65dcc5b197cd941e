with survivals as (
    select * from {{ ref('int_retention_survivals') }}
    union all
    select * from {{ ref('int_lifetime_survivals') }}
),

errors as (
    select
        *,
        survival * sqrt(greenwood_sum) as standard_error,
        -- Standard error of ln(-ln(survival)); undefined where survival is 1 or 0.
        case when log_survival < 0 then sqrt(greenwood_sum) / -log_survival end as log_log_error
    from survivals
)

select
    curve,
    group_name,
    day,
    at_risk_count,
    event_count,
    censored_count,
    survival,
    standard_error,
    case when log_survival = 0 then 1.0 else exp(log_survival * exp({{ normal_quantile() }} * log_log_error)) end as ci_low,
    case when log_survival = 0 then 1.0 else exp(log_survival * exp(-{{ normal_quantile() }} * log_log_error)) end as ci_high
from errors
