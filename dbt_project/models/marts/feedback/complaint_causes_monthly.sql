with feedback as (
    select * from {{ ref('int_feedback_groups') }}
),

first_feedback as (
    select min(month) as first_month from feedback
),

offsets as (
    select {{ integer_series(0, 11) }} as months_later
),

-- A month's complaints count in the twelve windows that end with it and the eleven months after.
windowed as (
    select
        {{ add_months('feedback.month', 'offsets.months_later') }} as month,
        feedback.value as topic,
        sum(feedback.complaints) as complaints_12m,
        sum(case when offsets.months_later < 3 then feedback.complaints else 0 end) as recent
    from feedback
    cross join offsets
    where
        feedback.dimension = 'topic'
        and feedback.complaints > 0
    group by 1, 2
),

whole_windows as (
    select
        windowed.*,
        cast({{ days_between(add_months('windowed.month', -2), add_months('windowed.month', 1)) }} as double)
        / {{ days_between(add_months('windowed.month', -11), add_months('windowed.month', 1)) }} as recent_days_share
    from windowed
    inner join first_feedback
        on {{ add_months('windowed.month', -11) }} >= first_feedback.first_month
    where {{ month_end('windowed.month') }} <= {{ as_of_date() }}
),

compared as (
    select
        *,
        sum(complaints_12m) over (partition by month) as complaints_of_all,
        sum(complaints_12m) over (
            partition by month
            order by complaints_12m desc, topic asc
            rows between unbounded preceding and current row
        ) as complaints_so_far,
        complaints_12m * recent_days_share as expected_recent
    from whole_windows
),

tested as (
    select
        *,
        (recent - expected_recent) / sqrt(expected_recent * (1 - recent_days_share)) as z
    from compared
)

select
    month,
    topic,
    cast(complaints_12m as bigint) as complaints_12m,
    {{ share('complaints_12m', 'complaints_of_all') }} as share,
    {{ share('complaints_so_far', 'complaints_of_all') }} as cumulative_share,
    cast(recent as bigint) as recent,
    expected_recent,
    z,
    -- 2.326: the 0.99 quantile of the normal distribution
    z >= 2.326 and recent >= 10 as is_rising
from tested
