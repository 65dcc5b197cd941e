select
    customers.reference_date,
    items.customer_number,
    items.product_number,
    cast(count(*) as integer) as purchases,
    cast(sum({{ recency_weight('(customers.latest_basket - items.basket_number)') }}) as bigint) as recency_weight,
    max(items.business_date) as last_bought_date
from {{ ref('int_offer_items') }} as items
inner join {{ ref('int_offer_customers') }} as customers
    on
        items.customer_number = customers.customer_number
        and items.business_date between customers.window_start and customers.reference_date
group by customers.reference_date, items.customer_number, items.product_number
