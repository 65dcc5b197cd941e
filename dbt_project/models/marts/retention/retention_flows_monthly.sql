with months as (
    select * from {{ ref('int_months') }}
),

first_purchases as (
    select * from {{ ref('int_customer_first_purchases') }}
),

lapses as (
    select * from {{ ref('int_retention_lapses') }}
),

moves as (
    select
        first_purchase_month as month,
        1 as new,
        0 as reactivated,
        0 as lapsed
    from first_purchases
    union all
    select
        {{ month_start('reactivated_date') }} as month,
        0 as new,
        1 as reactivated,
        0 as lapsed
    from lapses
    where reactivated_date is not null
    union all
    select
        {{ month_start('lapse_date') }} as month,
        0 as new,
        0 as reactivated,
        1 as lapsed
    from lapses
),

start as (
    select min(first_purchase_month) as month from first_purchases
),

flows as (
    select
        months.month,
        months.is_complete_month,
        coalesce(sum(moves.new), 0) as new,
        coalesce(sum(moves.reactivated), 0) as reactivated,
        coalesce(sum(moves.lapsed), 0) as lapsed
    from months
    inner join start
        on months.month >= start.month
    left join moves
        on months.month = moves.month
    group by 1, 2
),

balances as (
    select
        *,
        sum(new + reactivated - lapsed) over (
            order by month
            rows between unbounded preceding and current row
        ) as closing
    from flows
)

select
    month,
    is_complete_month,
    cast(closing - new - reactivated + lapsed as bigint) as opening,
    cast(new as bigint) as new,
    cast(reactivated as bigint) as reactivated,
    cast(lapsed as bigint) as lapsed,
    cast(closing as bigint) as closing,
    1 - cast(lapsed as double) / nullif(cast(closing - new - reactivated + lapsed as double), 0) as retention_rate
from balances
