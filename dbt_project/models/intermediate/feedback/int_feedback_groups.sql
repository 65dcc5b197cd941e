with feedback as (
    select
        month,
        customer_id,
        kind,
        attitude,
        is_answer,
        can_repeat,
        is_repeated,
        tier,
        driver,
        topic,
        channel,
        kind = 'complaint' and outcome_told_at is not null as is_outcome_told,
        case
            when kind in ('complaint', 'suggestion')
                then {{ seconds_between('feedback_at', 'responded_at') }} / 3600
        end as response_hours,
        case
            when kind = 'complaint'
                then {{ seconds_between('feedback_at', 'resolved_at') }} / 3600
        end as resolution_hours
    from {{ ref('int_feedback') }}
),

dimensions as (
    select 'all' as dimension
    union all
    select 'tier' as dimension
    union all
    select 'driver' as dimension
    union all
    select 'topic' as dimension
    union all
    select 'channel' as dimension
),

-- Each feedback once per dimension: whatever is null has a value of its own, so that no dimension loses a row.
spread as (
    select
        feedback.*,
        dimensions.dimension,
        coalesce(
            case dimensions.dimension
                when 'all' then 'all'
                when 'tier' then feedback.tier
                when 'driver' then feedback.driver
                when 'topic' then feedback.topic
                when 'channel' then feedback.channel
            end,
            'unknown'
        ) as value
    from feedback
    cross join dimensions
)

select
    month,
    dimension,
    value,
    count(*) as feedback_count,
    count(case when kind = 'nps' and is_answer then 1 end) as nps_answers,
    count(case when kind = 'nps' and attitude = 'high' then 1 end) as promoters,
    count(case when kind = 'nps' and attitude = 'middle' then 1 end) as passives,
    count(case when kind = 'nps' and attitude = 'low' then 1 end) as detractors,
    count(case when kind = 'csat' and is_answer then 1 end) as csat_answers,
    count(case when kind = 'csat' and attitude = 'high' then 1 end) as csat_satisfied,
    count(case when kind = 'complaint' then 1 end) as complaints,
    count(case when kind = 'suggestion' then 1 end) as suggestions,
    count(case when kind = 'praise' then 1 end) as praises,
    count(case when kind = 'exit_interview' then 1 end) as exit_interviews,
    count(response_hours) as responded,
    {{ median('response_hours') }} as response_hours_median,
    {{ quantile('response_hours', 0.9) }} as response_hours_p90,
    count(resolution_hours) as resolved,
    {{ median('resolution_hours') }} as resolution_hours_median,
    {{ quantile('resolution_hours', 0.9) }} as resolution_hours_p90,
    count(case when is_outcome_told then 1 end) as outcomes_told,
    count(case when can_repeat then 1 end) as repeatable_complaints,
    count(case when is_repeated then 1 end) as repeat_complaints,
    count(distinct case when kind = 'complaint' or attitude = 'low' then customer_id end) as unhappy_customers
from spread
group by month, dimension, value
