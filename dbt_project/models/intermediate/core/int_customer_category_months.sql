{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        partition_by='month',
        on_schema_change='fail',
        pre_hook="{{ delete_stale('month', as_month=true) }}",
    )
}}
select {{ in_partitions('month') }}  -- noqa: LT02
    customer_id,
    category,
    month,
    cast(sum(net_amount) as {{ amount_type() }}) as net_amount,
    cast(sum(profit_amount) as {{ amount_type() }}) as profit_amount
from {{ ref('fct_transactions') }}
where
    not is_anonymous
    and {{ is_stale('month', as_month=true) }}
group by customer_id, category, month
