-- opening + new + reactivated - lapsed = closing, each opening is the last closing, and nobody is there before the first month.
with flows as (
    select
        *,
        lag(closing, 1, 0) over (order by month) as last_closing
    from {{ ref('retention_flows_monthly') }}
)

select month
from flows
where
    opening + new + reactivated - lapsed <> closing
    or opening <> last_closing
    or closing < 0
