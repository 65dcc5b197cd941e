with marked as (
    select
        customers.reference_date,
        customers.is_served,
        items.customer_number,
        items.product_number,
        1 as purchases,
        {{ recency_weight('(customers.latest_basket - items.basket_number)') }} as recency_weight,
        items.business_date as bought_date,
        0 as is_sent_back
    from {{ ref('int_offer_items') }} as items
    inner join {{ ref('int_offer_customers') }} as customers
        on
            items.customer_number = customers.customer_number
            and items.business_date between customers.window_start and customers.reference_date
    union all
    select
        customers.reference_date,
        customers.is_served,
        returned.customer_number,
        returned.product_number,
        0 as purchases,
        0 as recency_weight,
        cast(null as date) as bought_date,
        1 as is_sent_back
    from {{ ref('int_offer_returns') }} as returned
    inner join {{ ref('int_offer_customers') }} as customers
        on
            returned.customer_number = customers.customer_number
            and returned.reference_date = customers.reference_date
)

select
    reference_date,
    is_served,
    customer_number,
    product_number,
    cast(sum(purchases) as integer) as purchases,
    cast(sum(recency_weight) as bigint) as recency_weight,
    max(bought_date) as last_bought_date,
    max(is_sent_back) = 1 as is_sent_back
from marked
group by reference_date, is_served, customer_number, product_number
