{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('transactions', ['transaction_id', 'line_number']) }}
)

select
    source.transaction_id,
    source.line_number,
    coalesce(merged.surviving_customer_id, source.customer_id) as customer_id,
    source.customer_id as source_customer_id,
    source.product_id,
    source.transaction_at,
    source.quantity,
    source.net_amount,
    source.discount_amount,
    source.cost_amount,
    source.store_id,
    source.channel,
    source.source_system,
    source.business_date
    {{ staged_columns('transactions', 'source') }}  -- noqa: LT02
from source
left join {{ ref('stg_customer_merges') }} as merged
    on source.customer_id = merged.customer_id
