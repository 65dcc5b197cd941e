{#
    Each reason's evidence is there: what was said or complained is one row of that customer's feedback, a competitor two
    of the customer's surveys of all spending, and the rules that look at purchases name no ids.
#}
with defections as (
    select * from {{ ref('defections') }}
),

feedback as (
    select * from {{ ref('fct_feedback') }}
),

surveys as (
    select distinct
        survey_id,
        customer_id,
        business_date
    from {{ ref('stg_wallet_surveys') }}
    where category = 'all'
),

surveyed as (
    select distinct
        defections.customer_id,
        defections.lapse_number
    from defections
    inner join surveys
        on
            defections.customer_id = surveys.customer_id
            and defections.lapse_date >= surveys.business_date
    inner join surveys as other_surveys
        on
            defections.customer_id = other_surveys.customer_id
            and defections.lapse_date >= other_surveys.business_date
    where
        surveys.survey_id < other_surveys.survey_id
        and defections.evidence_ids = surveys.survey_id || ',' || other_surveys.survey_id
)

select
    defections.customer_id,
    defections.lapse_number,
    defections.reason_rule,
    defections.evidence_ids
from defections
left join feedback
    on
        defections.customer_id = feedback.customer_id
        and defections.evidence_ids = feedback.feedback_id
left join surveyed
    on
        defections.customer_id = surveyed.customer_id
        and defections.lapse_number = surveyed.lapse_number
where
    case
        when defections.reason_rule = 'said' then coalesce(feedback.kind, 'none') <> 'exit_interview'
        when defections.reason_rule = 'complained' then coalesce(feedback.kind, 'none') not in ('nps', 'csat', 'complaint')
        when defections.reason_rule = 'competitor' then surveyed.customer_id is null
        else defections.evidence_ids is not null
    end
