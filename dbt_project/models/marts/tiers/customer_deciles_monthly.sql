with measures as (
    select
        month,
        'revenue' as measure,
        revenue as amount,
        ntile(10) over (partition by month order by revenue_position) as decile
    from {{ ref('int_customer_spend_ranks') }}
    union all
    select
        month,
        'profit' as measure,
        profit as amount,
        ntile(10) over (partition by month order by profit_position) as decile
    from {{ ref('int_customer_spend_ranks') }}
),

deciles as (
    select
        month,
        measure,
        decile,
        count(*) as customer_count,
        sum(amount) as amount
    from measures
    group by month, measure, decile
),

with_totals as (
    select
        *,
        sum(amount) over (partition by month, measure) as total_amount,
        sum(amount) over (
            partition by month, measure
            order by decile
            rows between unbounded preceding and current row
        ) as amount_so_far
    from deciles
),

months as (
    select * from {{ ref('int_months') }}
)

select
    with_totals.month,
    months.is_complete_month,
    with_totals.measure,
    cast(with_totals.decile as integer) as decile,
    cast(with_totals.customer_count as integer) as customer_count,
    cast(with_totals.amount as {{ amount_type() }}) as amount,
    {{ share('with_totals.amount', 'with_totals.total_amount') }} as amount_share,
    {{ share('with_totals.amount_so_far', 'with_totals.total_amount') }} as cumulative_share
from with_totals
inner join months
    on with_totals.month = months.month
