-- Compared where null is a value, too: a curve that has fallen to 0 has no interval.
with spans as (
    select
        curve,
        group_name,
        max(day) + 1 as days
    from {{ ref('survival_curves') }}
    group by curve, group_name
),

daily as (
    select
        curve,
        group_name,
        count(*) as rows_there,
        count(distinct day) as days_there,
        min(day) as first_day
    from {{ ref('survival_curves_daily') }}
    group by curve, group_name
),

incomplete as (
    select
        spans.curve,
        spans.group_name,
        cast(null as integer) as day
    from spans
    left join daily
        on spans.curve = daily.curve and spans.group_name = daily.group_name
    where
        daily.curve is null
        or daily.first_day <> 0
        or daily.rows_there <> spans.days
        or daily.days_there <> spans.days
),

other as (
    select * from {{ ref('survival_curves') }}
    except
    select * from {{ ref('survival_curves_daily') }}
)

select
    curve,
    group_name,
    day
from incomplete
union all
select
    curve,
    group_name,
    day
from other
