-- What each feedback says of attitude, of whom, and whether it repeats an earlier complaint.
with feedback as (
    select * from {{ ref('fct_feedback') }}
),

tiers as (
    select
        customer_id,
        month,
        tier
    from {{ ref('customer_tiers_monthly') }}
),

-- Complaints that can repeat one another: they alone are put in order, as most feedback is none.
complaints as (
    select
        feedback_id,
        business_date,
        lag(business_date) over (
            partition by customer_id, topic
            order by feedback_at, feedback_id
        ) as previous_date
    from feedback
    where
        kind = 'complaint'
        and customer_id is not null
        and topic is not null
),

joined as (
    select
        feedback.*,
        case
            when feedback.customer_id is null then 'anonymous'
            else coalesce(tiers.tier, 'none')
        end as tier,
        feedback.score is not null and feedback.kind in ('nps', 'csat') as is_answer,
        complaints.feedback_id is not null as can_repeat,
        complaints.previous_date
    from feedback
    left join tiers
        on
            feedback.customer_id = tiers.customer_id
            and feedback.month = tiers.month
    left join complaints
        on feedback.feedback_id = complaints.feedback_id
)

select
    feedback_id,
    customer_id,
    feedback_at,
    business_date,
    month,
    kind,
    score,
    driver,
    topic,
    channel,
    tier,
    responded_at,
    resolved_at,
    outcome_told_at,
    is_answer,
    case
        when not is_answer then null
        when kind = 'nps' and score >= 9 or kind = 'csat' and score >= 4 then 'high'
        when kind = 'nps' and score <= 6 or kind = 'csat' and score <= 2 then 'low'
        else 'middle'
    end as attitude,
    cast(
        case
            when not is_answer then null
            when kind = 'nps' then score * 10
            else (score - 1) * 25
        end as double
    ) as score_100,
    can_repeat,
    case
        when can_repeat
            then coalesce({{ days_between('previous_date', 'business_date') }} <= {{ var('repeat_complaint_days') }}, false)
    end as is_repeated
from joined
