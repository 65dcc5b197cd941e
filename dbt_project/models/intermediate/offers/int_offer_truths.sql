{# What each customer of the cut-off bought in the first basket after it, and whether that was new to the customer. #}
with baskets as (
    select
        offer_dates.reference_date,
        items.customer_id,
        items.business_date,
        items.transaction_id,
        row_number() over (
            partition by items.customer_id
            order by items.business_date, min(items.bought_at), items.transaction_id
        ) as baskets_after
    from {{ ref('int_offer_items') }} as items
    inner join {{ ref('int_offer_dates') }} as offer_dates
        on items.business_date > offer_dates.reference_date
    where offer_dates.is_cutoff
    group by offer_dates.reference_date, items.customer_id, items.business_date, items.transaction_id
)

select
    baskets.reference_date,
    baskets.customer_id,
    items.product_id,
    histories.product_id is null as is_new
from baskets
inner join {{ ref('int_offer_customers') }} as customers
    on baskets.reference_date = customers.reference_date and baskets.customer_id = customers.customer_id
inner join {{ ref('int_offer_items') }} as items
    on
        baskets.customer_id = items.customer_id
        and baskets.business_date = items.business_date
        and baskets.transaction_id = items.transaction_id
left join {{ ref('int_offer_histories') }} as histories
    on
        baskets.reference_date = histories.reference_date
        and baskets.customer_id = histories.customer_id
        and items.product_id = histories.product_id
where baskets.baskets_after = 1
