{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        partition_by='business_date',
        on_schema_change='fail',
        pre_hook="{{ delete_stale('business_date') }}",
    )
}}
with transactions as (
    select * from {{ ref('stg_transactions') }}
    where {{ is_stale('business_date') }}
),

products as (
    select * from {{ ref('stg_products') }}
),

margin_rates as (
    select * from {{ ref('margin_rates') }}
),

costed as (
    select
        transactions.*,
        coalesce(products.category, 'unknown') as category,
        products.product_id is not null as is_known_product,
        coalesce(
            transactions.cost_amount,
            cast(transactions.quantity * products.unit_cost as {{ amount_type() }})
        ) as actual_cost,
        case
            when transactions.cost_amount is not null then transactions.source_system
            when transactions.quantity is not null and products.unit_cost is not null
                then coalesce(products.cost_source_system, products.source_system)
        end as cost_source_system,
        coalesce(
            margin_rates.margin_rate,
            cast({{ var('default_margin_rate') }} as decimal(9, 6))
        ) as margin_rate
    from transactions
    left join products
        on transactions.product_id = products.product_id
    left join margin_rates
        on coalesce(products.category, 'unknown') = margin_rates.category
),

-- An assumed profit is rounded to cents and the cost follows from it: net = cost + profit on every line.
profited as (
    select
        *,
        case
            when actual_cost is not null then cast(net_amount - actual_cost as {{ amount_type() }})
            else cast(net_amount * margin_rate as {{ amount_type() }})
        end as profit
    from costed
)

select {{ in_partitions('business_date') }}  -- noqa: LT02
    transaction_id,
    line_number,
    customer_id,
    customer_id is null as is_anonymous,
    product_id,
    category,
    is_known_product,
    transaction_at,
    business_date,
    {{ month_start('business_date') }} as month,
    store_id,
    channel,
    quantity,
    net_amount,
    discount_amount,
    cast(net_amount - profit as {{ amount_type() }}) as cost_amount,
    profit as profit_amount,
    case when actual_cost is null then 'assumed' else 'actual' end as profit_basis,
    cost_source_system,
    source_system
    {{ published_columns('transactions', 'profited') }}  -- noqa: LT02
from profited
