-- Every feedback stands once in each of the five dimensions, so that all of them count the same, month by month.
with summed as (
    select
        month,
        dimension,
        sum(feedback_count) as feedback_count,
        sum(nps_answers) as nps_answers,
        sum(promoters) as promoters,
        sum(passives) as passives,
        sum(detractors) as detractors,
        sum(csat_answers) as csat_answers,
        sum(csat_satisfied) as csat_satisfied,
        sum(complaints) as complaints,
        sum(suggestions) as suggestions,
        sum(praises) as praises,
        sum(exit_interviews) as exit_interviews,
        sum(responded) as responded,
        sum(resolved) as resolved,
        sum(open_complaints) as open_complaints,
        sum(outcomes_told) as outcomes_told,
        sum(repeat_complaints) as repeat_complaints
    from {{ ref('feedback_summary_monthly') }}
    group by month, dimension
)

select month
from summed
group by month
having
    count(*) <> 5
    or min(feedback_count) <> max(feedback_count)
    or min(nps_answers) <> max(nps_answers)
    or min(promoters) <> max(promoters)
    or min(passives) <> max(passives)
    or min(detractors) <> max(detractors)
    or min(csat_answers) <> max(csat_answers)
    or min(csat_satisfied) <> max(csat_satisfied)
    or min(complaints) <> max(complaints)
    or min(suggestions) <> max(suggestions)
    or min(praises) <> max(praises)
    or min(exit_interviews) <> max(exit_interviews)
    or min(responded) <> max(responded)
    or min(resolved) <> max(resolved)
    or min(open_complaints) <> max(open_complaints)
    or min(outcomes_told) <> max(outcomes_told)
    or min(repeat_complaints) <> max(repeat_complaints)
