-- A return may fall on a day without a purchase, so the sums are over all days of those who bought at all.
with days as (
    select * from {{ ref('int_customer_days') }}
    where business_date > {{ add_months(as_of_date(), -12) }}
)

select
    customer_id,
    cast(sum(case when is_purchase_day then 1 else 0 end) as integer) as purchase_days_12m,
    cast(sum(net_amount) as {{ amount_type() }}) as revenue_12m,
    cast(sum(profit_amount) as {{ amount_type() }}) as profit_12m,
    case
        when sum(assumed_line_count) = 0 then 'actual'
        when sum(assumed_line_count) = sum(line_count) then 'assumed'
        else 'mixed'
    end as profit_basis
from days
group by customer_id
having sum(case when is_purchase_day then 1 else 0 end) > 0
