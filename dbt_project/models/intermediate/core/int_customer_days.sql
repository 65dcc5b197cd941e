{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        partition_by='business_date',
        on_schema_change='fail',
        pre_hook="{{ delete_stale('business_date') }}",
    )
}}
select {{ in_partitions('business_date') }}  -- noqa: LT02
    customer_id,
    business_date,
    min(month) as month,
    cast(sum(net_amount) as {{ amount_type() }}) as net_amount,
    cast(sum(profit_amount) as {{ amount_type() }}) as profit_amount,
    cast(coalesce(sum(discount_amount), 0) as {{ amount_type() }}) as discount_amount,
    cast(sum(case when net_amount > 0 then net_amount else 0 end) as {{ amount_type() }}) as sales_amount,
    cast(
        sum(case when net_amount > 0 and discount_amount > 0 then net_amount else 0 end) as {{ amount_type() }}
    ) as discounted_sales_amount,
    cast(count(*) as integer) as line_count,
    cast(sum(case when profit_basis = 'assumed' then 1 else 0 end) as integer) as assumed_line_count,
    cast(sum(case when is_known_product then 1 else 0 end) as integer) as known_product_line_count,
    cast(
        sum(case when coalesce(store_id, channel) is not null then 1 else 0 end) as integer
    ) as placed_line_count,
    sum(net_amount) > 0 as is_purchase_day
from {{ ref('fct_transactions') }}
where
    not is_anonymous
    and {{ is_stale('business_date') }}
group by customer_id, business_date
