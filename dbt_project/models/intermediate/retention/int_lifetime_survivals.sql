{# The survival curves that start with a customer's first purchase day: one subject per customer. #}
with first_gaps as (
    select
        gaps.gap_days,
        gaps.is_closed
    from {{ ref('int_purchase_gaps') }} as gaps
    inner join {{ ref('int_retention_thresholds') }} as thresholds
        on
            gaps.customer_id = thresholds.customer_id
            and gaps.purchase_date = thresholds.first_purchase_date
),

first_spells as (
    select
        customer_id,
        lapse_date is not null as is_event,
        case
            when lapse_date is null then {{ days_between('started_on', as_of_date()) }}
            else {{ days_between('started_on', 'last_purchase_date') }}
        end as day
    from {{ ref('int_retention_spells') }}
    where spell_number = 1
),

tiers as (
    select
        customer_id,
        tier,
        row_number() over (partition by customer_id order by month) as month_number
    from {{ ref('customer_tiers_monthly') }}
    where is_complete_month and tier not in ('new', 'lapsed')
),

durations as (
    select
        'time_to_second_purchase' as curve,
        'all' as group_name,
        gap_days as day,
        is_closed as is_event
    from first_gaps
    union all
    select
        'lifetime' as curve,
        'all' as group_name,
        day,
        is_event
    from first_spells
    union all
    select
        'lifetime' as curve,
        tiers.tier as group_name,
        first_spells.day,
        first_spells.is_event
    from first_spells
    inner join tiers
        on first_spells.customer_id = tiers.customer_id and tiers.month_number = 1
),

{{ kaplan_meier('durations') }}
