-- Over the cohorts, a month's revenue is the net spend of all customers who have bought by then.
with cohort_revenue as (
    select
        month,
        sum(revenue) as revenue
    from {{ ref('retention_cohorts_monthly') }}
    group by 1
),

spend as (
    select
        customer_months.month,
        sum(customer_months.net_amount) as revenue
    from {{ ref('int_customer_months') }} as customer_months
    inner join {{ ref('int_customer_first_purchases') }} as first_purchases
        on
            customer_months.customer_id = first_purchases.customer_id
            and customer_months.month >= first_purchases.first_purchase_month
    group by 1
)

select
    cohort_revenue.month,
    cohort_revenue.revenue
from cohort_revenue
left join spend
    on cohort_revenue.month = spend.month
where cohort_revenue.revenue <> coalesce(spend.revenue, 0)
