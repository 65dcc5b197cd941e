{{ config(materialized=read_by_many()) }}
with source as (
    {{ held_rows('products', ['product_id'], is_snapshot=true) }}
)

select
    product_id,
    product_name,
    category,
    subcategory,
    brand,
    unit_cost,
    cost_source_system,
    source_system,
    business_date
from source
