-- By tier, kind and status the summary counts just the contacts of the schedule.
with counted as (
    select
        tier,
        contact_kind,
        status,
        count(*) as contact_count
    from {{ ref('care_schedule') }}
    group by tier, contact_kind, status
)

select
    counted.tier,
    summaries.tier as summary_tier,
    summaries.contact_kind
from counted
full outer join {{ ref('care_schedule_summary') }} as summaries
    on
        counted.tier = summaries.tier
        and counted.contact_kind = summaries.contact_kind
        and counted.status = summaries.status
where coalesce(counted.contact_count, 0) <> coalesce(summaries.contact_count, 0)
