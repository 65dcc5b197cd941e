select distinct
    baskets.customer_number,
    baskets.basket_number,
    baskets.business_date,
    goods.product_number
from {{ ref('fct_transactions') }} as transactions
inner join {{ ref('int_offer_baskets') }} as baskets
    on
        transactions.customer_id = baskets.customer_id
        and transactions.business_date = baskets.business_date
        and transactions.transaction_id = baskets.transaction_id
inner join {{ ref('int_offer_goods') }} as goods
    on transactions.product_id = goods.product_id
where transactions.net_amount > 0
