with source as (
    {{ held_rows('customers', ['customer_id'], is_snapshot=true) }}
),

merged as (
    select * from {{ ref('stg_customer_merges') }}
)

select
    source.customer_id,
    source.full_name,
    source.phone,
    source.email,
    source.birth_date
from source
left join merged
    on source.customer_id = merged.customer_id
where merged.surviving_customer_id is null
