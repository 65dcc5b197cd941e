{# What each customer of the cut-off bought in the first basket after it, and whether that was new to the customer. #}
select
    customers.reference_date,
    customers.customer_number,
    items.product_number,
    products.popularity_rank,
    coalesce(histories.purchases, 0) = 0 as is_new
from {{ ref('int_offer_customers') }} as customers
inner join {{ ref('int_offer_items') }} as items
    on
        customers.customer_number = items.customer_number
        and customers.next_basket = items.basket_number
left join {{ ref('int_offer_products') }} as products
    on customers.reference_date = products.reference_date and items.product_number = products.product_number
left join {{ ref('int_offer_histories') }} as histories
    on
        customers.reference_date = histories.reference_date
        and customers.customer_number = histories.customer_number
        and items.product_number = histories.product_number
where customers.is_cutoff and customers.is_served
