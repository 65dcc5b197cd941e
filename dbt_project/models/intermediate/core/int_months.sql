with bounds as (
    select
        min(month) as first_month,
        {{ month_start(as_of_date()) }} as last_month
    from {{ ref('int_customer_days') }}
),

months as (
    select {{ month_series('first_month', 'last_month') }} as month
    from bounds
)

select
    month,
    least({{ month_end('month') }}, {{ as_of_date() }}) as month_end,
    {{ month_end('month') }} <= {{ as_of_date() }} as is_complete_month,
    {{ month_index('month') }} as month_index
from months
