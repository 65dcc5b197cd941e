with lots as (
    select
        {{ month_start('expires_on') }} as expiry_month,
        count(distinct customer_id) as customer_count,
        sum(points_left) as points
    from {{ ref('int_points_lots_left') }}
    group by {{ month_start('expires_on') }}
),

worth as (
    select points_value
    from {{ ref('int_points_expectations') }}
    where
        {{ as_of_date() }} >= coalesce(valid_from, {{ as_of_date() }})
        and {{ as_of_date() }} < coalesce(next_valid_from, {{ add_days(as_of_date(), 1) }})
)

select
    lots.expiry_month,
    cast(lots.customer_count as integer) as customer_count,
    cast(lots.points as bigint) as points,
    cast(cast(lots.points as bigint) * worth.points_value as {{ amount_type() }}) as value
from lots
left join worth
    on 1 = 1
