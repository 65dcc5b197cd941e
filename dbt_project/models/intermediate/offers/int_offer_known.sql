{# What is no discovery for a customer: bought in the tier window, or sent back last. #}
select
    reference_date,
    customer_id,
    product_id
from {{ ref('int_offer_histories') }}
union
select
    reference_date,
    customer_id,
    product_id
from {{ ref('int_offer_returns') }}
