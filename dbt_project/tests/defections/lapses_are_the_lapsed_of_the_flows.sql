-- Month by month, the lapses are those that the flows count, none more and none fewer.
with lapses as (
    select
        {{ month_start('lapse_date') }} as month,
        count(*) as lapsed
    from {{ ref('defections') }}
    group by 1
),

flows as (
    select
        month,
        lapsed
    from {{ ref('retention_flows_monthly') }}
)

select
    coalesce(flows.month, lapses.month) as month,
    flows.lapsed as lapsed_in_flows,
    lapses.lapsed
from flows
full outer join lapses
    on flows.month = lapses.month
where flows.month is null or flows.lapsed <> coalesce(lapses.lapsed, 0)
