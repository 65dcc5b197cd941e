{# The tier window of each customer and month, and for a customer who leaves it the month of leaving. #}
{%- set window_months = var('tier_window_months') | int -%}
{%- set window_frame -%}
    over (
            partition by customer_id
            order by month_index
            range between {{ window_months - 1 }} preceding and current row
        )
{%- endset -%}

with customer_months as (
    select
        *,
        {{ month_index('month') }} as month_index
    from {{ ref('int_customer_months') }}
),

months as (
    select * from {{ ref('int_months') }}
),

-- A customer is watched from the first row on until the month after the last purchase has left the window.
spans as (
    select
        customer_id,
        min(month_index) as first_index,
        max(case when purchase_days > 0 then month_index end) + {{ window_months }} as last_index,
        min(case when purchase_days > 0 then month_index end) as first_purchase_index
    from customer_months
    group by customer_id
),

watched as (
    select
        spans.customer_id,
        spans.first_purchase_index,
        months.month,
        months.month_index,
        coalesce(customer_months.net_amount, 0) as net_amount,
        coalesce(customer_months.profit_amount, 0) as profit_amount,
        coalesce(customer_months.sales_amount, 0) as sales_amount,
        coalesce(customer_months.discounted_sales_amount, 0) as discounted_sales_amount,
        coalesce(customer_months.purchase_days, 0) as purchase_days,
        coalesce(customer_months.line_count, 0) as line_count,
        coalesce(customer_months.assumed_line_count, 0) as assumed_line_count
    from spans
    inner join months
        on months.month_index between spans.first_index and spans.last_index
    left join customer_months
        on spans.customer_id = customer_months.customer_id and months.month = customer_months.month
),

windows as (
    select
        customer_id,
        month,
        month_index,
        first_purchase_index,
        sum(net_amount) {{ window_frame }} as window_net_amount,
        sum(profit_amount) {{ window_frame }} as window_profit_amount,
        sum(sales_amount) {{ window_frame }} as window_sales_amount,
        sum(discounted_sales_amount) {{ window_frame }} as window_discounted_sales_amount,
        sum(purchase_days) {{ window_frame }} as purchase_days,
        sum(line_count) {{ window_frame }} as line_count,
        sum(assumed_line_count) {{ window_frame }} as assumed_line_count,
        sum(case when purchase_days > 0 then 1 else 0 end) over (
            partition by customer_id
            order by month_index
            range between 2 preceding and current row
        ) as purchase_months_3
    from watched
),

followed as (
    select
        *,
        lag(purchase_days) over (partition by customer_id order by month_index) as purchase_days_before
    from windows
)

select
    customer_id,
    month,
    month_index,
    cast(window_net_amount as {{ amount_type() }}) as window_net_amount,
    cast(window_profit_amount as {{ amount_type() }}) as window_profit_amount,
    cast(window_sales_amount as {{ amount_type() }}) as window_sales_amount,
    cast(window_discounted_sales_amount as {{ amount_type() }}) as window_discounted_sales_amount,
    cast(purchase_days as integer) as purchase_days,
    cast(purchase_months_3 as integer) as purchase_months_3,
    least({{ window_months }}, month_index - first_purchase_index + 1) as months_observed,
    month_index - first_purchase_index < {{ var('new_customer_months') | int }} as is_new_customer,
    purchase_days = 0 as is_lapse,
    case
        when line_count = 0 then null
        when assumed_line_count = 0 then 'actual'
        when assumed_line_count = line_count then 'assumed'
        else 'mixed'
    end as profit_basis
from followed
where purchase_days > 0 or purchase_days_before > 0
