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
    month,
    cast(sum(net_amount) as {{ amount_type() }}) as net_amount,
    cast(sum(profit_amount) as {{ amount_type() }}) as profit_amount,
    cast(count(*) as integer) as line_count,
    cast(sum(case when profit_basis = 'assumed' then 1 else 0 end) as integer) as assumed_line_count
from {{ ref('fct_transactions') }}
where
    is_anonymous
    and {{ is_stale('month', as_month=true) }}
group by month
