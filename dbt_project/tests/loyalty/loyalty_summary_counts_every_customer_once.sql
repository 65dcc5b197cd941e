-- Over the kinds, and again in kind all, the summary counts each row of the matrix once, with its money.
with matrix as (
    select
        tier,
        loyalty,
        count(*) as customer_count,
        sum(revenue_12m) as revenue_12m,
        sum(profit_12m) as profit_12m
    from {{ ref('loyalty_matrix') }}
    group by tier, loyalty
),

summaries as (
    select
        tier,
        loyalty,
        sum(case when attitude_kind = 'all' then customer_count else 0 end) as all_customers,
        sum(case when attitude_kind = 'all' then 0 else customer_count end) as kind_customers,
        sum(case when attitude_kind = 'all' then revenue_12m else 0 end) as all_revenue,
        sum(case when attitude_kind = 'all' then 0 else revenue_12m end) as kind_revenue,
        sum(case when attitude_kind = 'all' then profit_12m else 0 end) as all_profit,
        sum(case when attitude_kind = 'all' then 0 else profit_12m end) as kind_profit
    from {{ ref('loyalty_matrix_summary') }}
    group by tier, loyalty
)

select
    coalesce(matrix.tier, summaries.tier) as tier,
    coalesce(matrix.loyalty, summaries.loyalty) as loyalty
from matrix
full outer join summaries
    on matrix.tier = summaries.tier and matrix.loyalty = summaries.loyalty
where
    matrix.tier is null
    or summaries.tier is null
    or matrix.customer_count <> summaries.all_customers
    or matrix.customer_count <> summaries.kind_customers
    or matrix.revenue_12m <> summaries.all_revenue
    or matrix.revenue_12m <> summaries.kind_revenue
    or matrix.profit_12m <> summaries.all_profit
    or matrix.profit_12m <> summaries.kind_profit
