-- The topics of a month are all complaints of the summary's last twelve, and their shares sum to one.
with causes as (
    select
        month,
        sum(complaints_12m) as complaints_12m,
        sum(recent) as recent,
        sum(share) as share,
        max(cumulative_share) as cumulative_share
    from {{ ref('complaint_causes_monthly') }}
    group by 1
),

months as (
    select
        month,
        is_complete_month,
        row_number() over (order by month) as position,
        sum(complaints) over (order by month rows between 11 preceding and current row) as complaints_12m,
        sum(complaints) over (order by month rows between 2 preceding and current row) as recent
    from {{ ref('feedback_summary_monthly') }}
    where dimension = 'all'
),

-- Without a complaint in its twelve months, a month has no causes.
expected as (
    select * from months
    where
        position >= 12
        and is_complete_month
        and complaints_12m > 0
)

select coalesce(expected.month, causes.month) as month
from expected
full join causes
    on expected.month = causes.month
where
    expected.month is null
    or causes.month is null
    or causes.complaints_12m <> expected.complaints_12m
    or causes.recent <> expected.recent
    or abs(causes.share - 1) > 1e-9
    or causes.cumulative_share <> 1
