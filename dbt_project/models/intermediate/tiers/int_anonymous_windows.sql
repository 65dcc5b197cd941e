{#
    The tier window of the lines without a customer, per month. The months of each window are listed once and joined
    by equality. They begin with the first such line, which may be before the first customer's.
#}
with anonymous_months as (
    select * from {{ ref('int_anonymous_months') }}
),

bounds as (
    select
        min(month) as first_month,
        {{ month_start(as_of_date()) }} as last_month
    from anonymous_months
),

months as (
    select {{ month_series('first_month', 'last_month') }} as month
    from bounds
),

window_months as (
    select
        months.month,
        anonymous_months.net_amount,
        anonymous_months.profit_amount,
        anonymous_months.line_count,
        anonymous_months.assumed_line_count
    from months
    inner join anonymous_months
        on
            {{ months_between('anonymous_months.month', 'months.month') }}
            between 0 and {{ var('tier_window_months') | int - 1 }}
)

select
    month,
    {{ month_end('month') }} <= {{ as_of_date() }} as is_complete_month,
    cast(sum(net_amount) as {{ amount_type() }}) as window_net_amount,
    cast(sum(profit_amount) as {{ amount_type() }}) as window_profit_amount,
    case
        when sum(assumed_line_count) = 0 then 'actual'
        when sum(assumed_line_count) = sum(line_count) then 'assumed'
        else 'mixed'
    end as profit_basis
from window_months
group by month
