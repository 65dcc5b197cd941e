-- The summary holds all feedback that there is, under its kind, and each unhappy customer of a month once in all.
with summed as (
    select
        month,
        feedback_count,
        nps_answers + csat_answers + complaints + suggestions + praises + exit_interviews as counted_by_kind,
        unhappy_customers
    from {{ ref('feedback_summary_monthly') }}
    where dimension = 'all'
),

feedback as (
    select
        month,
        count(*) as feedback_count,
        -- an answer without a score is feedback, and no answer
        count(case when kind not in ('nps', 'csat') or score is not null then 1 end) as counted_by_kind,
        count(distinct case when kind = 'complaint' or attitude = 'low' then customer_id end) as unhappy_customers
    from {{ ref('int_feedback') }}
    group by 1
)

select coalesce(summed.month, feedback.month) as month
from summed
full join feedback
    on summed.month = feedback.month
where
    summed.month is null
    or summed.feedback_count <> coalesce(feedback.feedback_count, 0)
    or summed.counted_by_kind <> coalesce(feedback.counted_by_kind, 0)
    or summed.unhappy_customers <> coalesce(feedback.unhappy_customers, 0)
