-- said: the latest exit interview while the customer was away, or on the days before the last purchase.
with lapses as (
    select
        customer_id,
        lapse_number,
        greatest(
            {{ add_days('last_purchase_date', -1 * (var('defection_said_days') | int)) }}, previous_return_date
        ) as first_date,
        last_date_away
    from {{ ref('int_lapses_numbered') }}
),

interviews as (
    select
        feedback_id,
        customer_id,
        feedback_at,
        business_date,
        topic
    from {{ ref('int_feedback') }}
    where kind = 'exit_interview'
),

ordered as (
    select
        lapses.customer_id,
        lapses.lapse_number,
        interviews.feedback_id,
        interviews.topic,
        row_number() over (
            partition by lapses.customer_id, lapses.lapse_number
            order by interviews.feedback_at desc, interviews.feedback_id desc
        ) as interview_number
    from lapses
    inner join interviews
        on
            lapses.customer_id = interviews.customer_id
            and lapses.first_date <= interviews.business_date
            and lapses.last_date_away >= interviews.business_date
)

select
    ordered.customer_id,
    ordered.lapse_number,
    topics.reason,
    'said' as reason_basis,
    ordered.feedback_id as evidence_ids
from ordered
inner join {{ ref('defection_topics') }} as topics
    on ordered.topic = topics.topic
where ordered.interview_number = 1
