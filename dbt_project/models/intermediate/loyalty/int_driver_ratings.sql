{#
    What came after each answer about a driver, counted once, and the months in whose window the answer is the
    customer's latest about it: from its own on for 12, but not into the month of the next one. So no month has to
    look through the answers of a year.
#}
{%- set days = 90 -%}
with answers as (
    select
        feedback_id,
        driver,
        customer_id,
        feedback_at,
        business_date,
        month,
        attitude
    from {{ ref('int_feedback') }}
    where
        is_answer
        and driver is not null
        and customer_id is not null
        and {{ add_days('business_date', days) }} <= {{ as_of_date() }}
),

purchases as (
    select
        customer_id,
        business_date
    from {{ ref('int_customer_days') }}
    where is_purchase_day
),

-- The day of the answer is neither before nor after it. Grouped by the answer alone: the other columns make a wide key.
counted as (
    select
        answers.feedback_id,
        sum(case when purchases.business_date < answers.business_date then 1 else 0 end) as days_before,
        sum(case when purchases.business_date > answers.business_date then 1 else 0 end) as days_after
    from answers
    inner join purchases
        on
            answers.customer_id = purchases.customer_id
            and purchases.business_date >= {{ add_days('answers.business_date', -days) }}
            and purchases.business_date <= {{ add_days('answers.business_date', days) }}
    group by answers.feedback_id
),

followed as (
    select
        answers.*,
        coalesce(counted.days_before, 0) as days_before,
        coalesce(counted.days_after, 0) as days_after,
        lead(answers.month) over (
            partition by answers.driver, answers.customer_id
            order by answers.feedback_at, answers.feedback_id
        ) as next_month
    from answers
    left join counted
        on answers.feedback_id = counted.feedback_id
)

select
    feedback_id,
    driver,
    customer_id,
    business_date,
    attitude,
    cast(days_before as integer) as purchase_days_before,
    cast(days_after as integer) as purchase_days_after,
    month as first_month,
    -- least passes over a null
    least({{ add_months('month', 11) }}, {{ add_months('next_month', -1) }}, {{ month_start(as_of_date()) }}) as last_month
from followed
