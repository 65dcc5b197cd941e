{# What each customer of the cut-off bought in the first basket after it, and whether that was new to the customer. #}
with next_baskets as (
    select
        customers.reference_date,
        customers.customer_number,
        min(baskets.basket_number) as basket_number
    from {{ ref('int_offer_customers') }} as customers
    inner join {{ ref('int_offer_baskets') }} as baskets
        on
            customers.customer_number = baskets.customer_number
            and customers.reference_date < baskets.business_date
    where customers.is_cutoff
    group by customers.reference_date, customers.customer_number
)

select
    next_baskets.reference_date,
    next_baskets.customer_number,
    items.product_number,
    products.popularity_rank,
    histories.product_number is null as is_new
from next_baskets
inner join {{ ref('int_offer_items') }} as items
    on
        next_baskets.customer_number = items.customer_number
        and next_baskets.basket_number = items.basket_number
left join {{ ref('int_offer_products') }} as products
    on next_baskets.reference_date = products.reference_date and items.product_number = products.product_number
left join {{ ref('int_offer_histories') }} as histories
    on
        next_baskets.reference_date = histories.reference_date
        and next_baskets.customer_number = histories.customer_number
        and items.product_number = histories.product_number
