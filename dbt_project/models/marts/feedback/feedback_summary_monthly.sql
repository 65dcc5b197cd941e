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
        {%- for count in [
            'feedback_count', 'nps_answers', 'promoters', 'passives', 'detractors', 'csat_answers', 'csat_satisfied',
            'complaints', 'suggestions', 'praises', 'exit_interviews', 'responded', 'resolved', 'outcomes_told',
            'repeatable_complaints', 'repeat_complaints', 'unhappy_customers',
        ] %}
        cast(coalesce(feedback.{{ count }}, 0) as bigint) as {{ count }},
        {%- endfor %}
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
