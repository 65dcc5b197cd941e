-- Every cohort starts with all its customers retained, has each cell up to the as-of month, and the cohorts hold every buyer.
with cohorts as (
    select
        cohort_month,
        min(cohort_size) as smallest_size,
        max(cohort_size) as largest_size,
        max(case when months_since_first = 0 then retention_rate end) as first_rate,
        count(*) as cells,
        max(months_since_first) + 1 as expected_cells,
        max(month) as last_month
    from {{ ref('retention_cohorts_monthly') }}
    group by 1
),

totals as (
    select
        coalesce(sum(largest_size), 0) as cohort_customers,
        (select count(*) from {{ ref('customer_retention') }}) as customers
    from cohorts
)

select cast(cohort_month as {{ text_type() }}) as failure
from cohorts
where
    smallest_size <> largest_size
    or first_rate is null
    or first_rate <> 1
    or cells <> expected_cells
    or last_month <> {{ month_start(as_of_date()) }}
union all
select 'customers' as failure
from totals
where cohort_customers <> customers
