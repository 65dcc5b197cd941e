{#
    complained: the latest low answer, or complaint that stayed unresolved or was repeated, from days before the last
    purchase to the lapse. Its topic gives the reason; else a driver of the service does.
#}
with lapses as (
    select
        customer_id,
        lapse_number,
        greatest(
            {{ add_days('last_purchase_date', -1 * (var('defection_complaint_days') | int)) }}, previous_return_date
        ) as first_date,
        lapse_date
    from {{ ref('int_lapses_numbered') }}
),

complaints as (
    select
        feedback_id,
        customer_id,
        feedback_at,
        business_date,
        topic,
        driver
    from {{ ref('int_feedback') }}
    where
        attitude = 'low'
        or (
            kind = 'complaint'
            and (
                is_repeated
                or {{ seconds_between('feedback_at', 'coalesce(resolved_at, ' ~ end_of_as_of_date() ~ ')') }} / 3600
                > {{ var('defection_unresolved_hours') }}
            )
        )
),

ordered as (
    select
        lapses.customer_id,
        lapses.lapse_number,
        complaints.feedback_id,
        complaints.topic,
        complaints.driver,
        row_number() over (
            partition by lapses.customer_id, lapses.lapse_number
            order by complaints.feedback_at desc, complaints.feedback_id desc
        ) as complaint_number
    from lapses
    inner join complaints
        on
            lapses.customer_id = complaints.customer_id
            and lapses.first_date <= complaints.business_date
            and lapses.lapse_date >= complaints.business_date
),

explained as (
    select
        ordered.customer_id,
        ordered.lapse_number,
        coalesce(
            topics.reason,
            case
                when ordered.driver in ('service_quality', 'service_experience', 'relationship_interaction')
                    then 'service_problem'
            end
        ) as reason,
        ordered.feedback_id
    from ordered
    left join {{ ref('defection_topics') }} as topics
        on ordered.topic = topics.topic
    where ordered.complaint_number = 1
)

select
    customer_id,
    lapse_number,
    reason,
    'inferred' as reason_basis,
    feedback_id as evidence_ids
from explained
where reason is not null
