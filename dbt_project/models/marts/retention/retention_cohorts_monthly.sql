with months as (
    select * from {{ ref('int_months') }}
),

first_purchases as (
    select * from {{ ref('int_customer_first_purchases') }}
),

customer_months as (
    select * from {{ ref('int_customer_months') }}
),

cohorts as (
    select
        first_purchase_month as cohort_month,
        count(*) as cohort_size
    from first_purchases
    group by 1
),

cells as (
    select
        cohorts.cohort_month,
        cohorts.cohort_size,
        months.month,
        months.is_complete_month,
        {{ months_between('cohorts.cohort_month', 'months.month') }} as months_since_first
    from cohorts
    inner join months
        on cohorts.cohort_month <= months.month
),

activity as (
    select
        first_purchases.first_purchase_month as cohort_month,
        customer_months.month,
        sum(case when customer_months.purchase_days > 0 then 1 else 0 end) as retained_customers,
        sum(customer_months.net_amount) as revenue
    from customer_months
    inner join first_purchases
        on customer_months.customer_id = first_purchases.customer_id
    group by 1, 2
),

filled as (
    select
        cells.*,
        coalesce(activity.retained_customers, 0) as retained_customers,
        coalesce(activity.revenue, 0) as revenue
    from cells
    left join activity
        on
            cells.cohort_month = activity.cohort_month
            and cells.month = activity.month
),

accumulated as (
    select
        *,
        sum(revenue) over (
            partition by cohort_month
            order by month
            rows between unbounded preceding and current row
        ) as cumulative_revenue
    from filled
)

select
    cohort_month,
    cast(months_since_first as integer) as months_since_first,
    month,
    is_complete_month,
    cast(cohort_size as bigint) as cohort_size,
    cast(retained_customers as bigint) as retained_customers,
    cast(retained_customers as double) / cohort_size as retention_rate,
    cast(revenue as {{ amount_type() }}) as revenue,
    {{ to_average('cast(cumulative_revenue as double) / cohort_size') }} as cumulative_revenue_per_customer
from accumulated
