-- Curves with one subject per customer hold each customer once; tiers hold nobody that all does not.
with curves as (
    select
        curve,
        group_name,
        max(at_risk_count) as subjects,
        sum(event_count) as events
    from {{ ref('survival_curves') }}
    where curve <> 'gap'
    group by curve, group_name
),

everyone as (
    select count(*) as customers from {{ ref('int_customer_first_purchases') }}
),

groups_of_all as (
    select count(*) as curve_count from curves
    where group_name = 'all'
),

failures as (
    select curves.curve
    from curves
    cross join everyone
    where curves.group_name = 'all' and curves.subjects <> everyone.customers
    union all
    select curve
    from curves
    group by curve
    having
        sum(case when group_name <> 'all' then subjects else 0 end)
        > sum(case when group_name = 'all' then subjects else 0 end)
        or sum(case when group_name <> 'all' then events else 0 end)
        > sum(case when group_name = 'all' then events else 0 end)
    union all
    select 'missing' as curve
    from everyone
    cross join groups_of_all
    where everyone.customers > 0 and groups_of_all.curve_count <> 2
)

select curve from failures
