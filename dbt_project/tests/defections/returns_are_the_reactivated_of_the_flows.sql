-- Month by month of the return, who was won back is who the flows count as reactivated.
with returns as (
    select
        {{ month_start('won_back_date') }} as month,
        count(*) as won_back
    from {{ ref('defections') }}
    where not is_open
    group by 1
),

flows as (
    select
        month,
        reactivated
    from {{ ref('retention_flows_monthly') }}
)

select
    coalesce(flows.month, returns.month) as month,
    flows.reactivated,
    returns.won_back
from flows
full outer join returns
    on flows.month = returns.month
where flows.month is null or flows.reactivated <> coalesce(returns.won_back, 0)
