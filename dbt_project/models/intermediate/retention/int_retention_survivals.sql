with gaps as (
    select * from {{ ref('int_purchase_gaps') }}
),

durations as (
    select
        'gap' as curve,
        'all' as group_name,
        gap_days as day,
        is_closed as is_event
    from gaps
),

{{ kaplan_meier('durations') }}
