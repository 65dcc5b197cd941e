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

spends as (
    select
        p,
        q,
        v
    from {{ source('fits', 'model_fits') }}
    where model = 'gamma_gamma' and sample = 'full' and is_published
),

timing_models as (
    select
        max(case when model = 'mbg_nbd' then coalesce(limit_model, model) end) as p_alive_model,
        max(case when model = 'bg_nbd' then coalesce(limit_model, model) end) as expected_purchase_days_model
    from {{ source('fits', 'model_fits') }}
    where sample = 'full' and is_published
),

joined as (
    select
        thresholds.*,
        lapses.lapsed_on,
        lapses.last_reactivated_on,
        coalesce(lapses.lapse_count, 0) as lapse_count,
        expectations.p_alive_mbg_nbd,
        case when expectations.p_alive_mbg_nbd is not null then timing_models.p_alive_model end as p_alive_model,
        expectations.p_alive_bg_nbd,
        expectations.expected_purchase_days_12m_bg_nbd,
        case
            when expectations.expected_purchase_days_12m_bg_nbd is not null
                then timing_models.expected_purchase_days_model
        end as expected_purchase_days_model,
        expectations.expected_purchase_days_12m_mbg_nbd,
        -- Between the mean of all customers and the customer's own: Gamma-Gamma's conditional expectation.
        spends.p * (spends.v + coalesce(histories.repeat_purchase_days * histories.mean_repeat_spend, 0))
        / (spends.p * coalesce(histories.repeat_purchase_days, 0) + spends.q - 1) as expected_spend_per_purchase_day
    from thresholds
    left join lapses
        on thresholds.customer_id = lapses.customer_id
    left join {{ ref('int_purchase_histories') }} as histories
        on thresholds.customer_id = histories.customer_id
    left join {{ source('fits', 'purchase_expectations') }} as expectations
        on
            histories.repeat_purchase_days = expectations.repeat_purchase_days
            and histories.span_days = expectations.span_days
            and histories.age_days = expectations.age_days
    left join spends
        on 1 = 1
    cross join timing_models
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
    cast(lapse_count as bigint) as lapse_count,
    p_alive_mbg_nbd as p_alive,
    p_alive_model,
    p_alive_bg_nbd,
    expected_purchase_days_12m_bg_nbd as expected_purchase_days_12m,
    expected_purchase_days_model,
    expected_purchase_days_12m_mbg_nbd,
    expected_spend_per_purchase_day
from joined
