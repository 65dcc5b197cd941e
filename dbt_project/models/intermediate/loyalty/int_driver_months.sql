{# Scores are whole multiples of 5, so their sums, and those of their squares, are exact in any order. #}
with answers as (
    select
        driver,
        month,
        count(*) as answers,
        sum(score_100) as score_sum,
        sum(score_100 * score_100) as square_sum
    from {{ ref('int_feedback') }}
    where is_answer and driver is not null
    group by driver, month
),

drivers as (
    select
        driver,
        min(month) as first_month
    from {{ ref('int_feedback') }}
    where is_answer and driver is not null
    group by driver
),

driver_months as (
    select
        driver,
        {{ month_series('first_month', month_start(as_of_date())) }} as month
    from drivers
)

select
    driver_months.driver,
    driver_months.month,
    cast(coalesce(answers.answers, 0) as bigint) as answers,
    answers.score_sum / answers.answers as mean_score,
    -- Sample variance by whole numbers, and so exactly 0 where all agree.
    case when answers.answers > 1 then sqrt(
        (answers.answers * answers.square_sum - answers.score_sum * answers.score_sum)
        / (answers.answers - 1.0e0)
    ) / answers.answers end as score_standard_error
from driver_months
left join answers
    on driver_months.driver = answers.driver and driver_months.month = answers.month
