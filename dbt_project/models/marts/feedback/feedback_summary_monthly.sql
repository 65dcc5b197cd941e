with feedback as (
    select * from {{ ref('int_feedback_groups') }}
),

pairs as (
    select
        dimension,
        value,
        min(month) as first_month
    from feedback
    group by dimension, value
),

pair_months as (
    select
        dimension,
        value,
        {{ month_series('first_month', month_start(as_of_date())) }} as month
    from pairs
),

-- A month without feedback has counts of 0; what is computed over nothing stays null.
filled as (
    select
        pair_months.month,
        pair_months.dimension,
        pair_months.value,
        cast(coalesce(feedback.feedback_count, 0) as bigint) as feedback_count,
        cast(coalesce(feedback.nps_answers, 0) as bigint) as nps_answers,
        cast(coalesce(feedback.promoters, 0) as bigint) as promoters,
        cast(coalesce(feedback.passives, 0) as bigint) as passives,
        cast(coalesce(feedback.detractors, 0) as bigint) as detractors,
        cast(coalesce(feedback.csat_answers, 0) as bigint) as csat_answers,
        cast(coalesce(feedback.csat_satisfied, 0) as bigint) as csat_satisfied,
        cast(coalesce(feedback.complaints, 0) as bigint) as complaints,
        cast(coalesce(feedback.suggestions, 0) as bigint) as suggestions,
        cast(coalesce(feedback.praises, 0) as bigint) as praises,
        cast(coalesce(feedback.exit_interviews, 0) as bigint) as exit_interviews,
        cast(coalesce(feedback.responded, 0) as bigint) as responded,
        cast(coalesce(feedback.resolved, 0) as bigint) as resolved,
        cast(coalesce(feedback.outcomes_told, 0) as bigint) as outcomes_told,
        cast(coalesce(feedback.repeatable_complaints, 0) as bigint) as repeatable_complaints,
        cast(coalesce(feedback.repeat_complaints, 0) as bigint) as repeat_complaints,
        cast(coalesce(feedback.unhappy_customers, 0) as bigint) as unhappy_customers,
        feedback.response_hours_median,
        feedback.response_hours_p90,
        feedback.resolution_hours_median,
        feedback.resolution_hours_p90
    from pair_months
    left join feedback
        on
            pair_months.dimension = feedback.dimension
            and pair_months.value = feedback.value
            and pair_months.month = feedback.month
)

select
    month,
    dimension,
    value,
    {{ month_end('month') }} <= {{ as_of_date() }} as is_complete_month,
    feedback_count,
    nps_answers,
    promoters,
    passives,
    detractors,
    {{ share('(promoters - detractors)', 'nps_answers') }} as nps,
    {{ net_promoter_bound('promoters', 'detractors', 'nps_answers', '-') }} as nps_ci_low,
    {{ net_promoter_bound('promoters', 'detractors', 'nps_answers', '+') }} as nps_ci_high,
    csat_answers,
    csat_satisfied,
    {{ share('csat_satisfied', 'csat_answers') }} as csat_rate,
    complaints,
    suggestions,
    praises,
    exit_interviews,
    responded,
    response_hours_median,
    response_hours_p90,
    resolved,
    complaints - resolved as open_complaints,
    resolution_hours_median,
    resolution_hours_p90,
    outcomes_told,
    {{ share('outcomes_told', 'complaints') }} as loop_closed_rate,
    repeat_complaints,
    {{ share('repeat_complaints', 'repeatable_complaints') }} as repeat_complaint_rate,
    unhappy_customers,
    complaints * cast({{ var('silent_per_complaint') }} as double) as estimated_silent_unhappy,
    unhappy_customers * cast({{ var('reached_per_unhappy') }} as double) as estimated_reached
from filled
