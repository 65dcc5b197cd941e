{# What a customer last sent back; the latest line says so, however long ago it was. #}
with returned as (
    select distinct
        customer_id,
        product_id
    from {{ ref('fct_transactions') }}
    where
        customer_id is not null
        and product_id is not null
        and (net_amount < 0 or quantity < 0)
),

followed as (
    select
        offer_dates.reference_date,
        transactions.customer_id,
        transactions.product_id,
        coalesce(transactions.net_amount < 0 or transactions.quantity < 0, false) as is_return,
        row_number() over (
            partition by offer_dates.reference_date, transactions.customer_id, transactions.product_id
            order by
                transactions.business_date desc,
                transactions.transaction_at desc,
                transactions.transaction_id desc,
                transactions.line_number desc
        ) as lines_ago
    from {{ ref('fct_transactions') }} as transactions
    inner join returned
        on transactions.customer_id = returned.customer_id and transactions.product_id = returned.product_id
    inner join {{ ref('int_offer_dates') }} as offer_dates
        on transactions.business_date <= offer_dates.reference_date
)

select
    followed.reference_date,
    buyers.customer_number,
    goods.product_number
from followed
inner join {{ ref('int_offer_buyers') }} as buyers
    on followed.customer_id = buyers.customer_id
inner join {{ ref('int_offer_goods') }} as goods
    on followed.product_id = goods.product_id
where followed.lines_ago = 1 and followed.is_return
