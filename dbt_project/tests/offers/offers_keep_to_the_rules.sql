-- Told once more from the lines: what is offered again was bought in the tier window and what is to be discovered was not,
-- all of it was sold in range, and none was sent back last.
with lines as (
    select
        offers.customer_id,
        offers.product_id,
        transactions.net_amount,
        transactions.quantity,
        transactions.business_date,
        row_number() over (
            partition by offers.customer_id, offers.product_id
            order by
                transactions.business_date desc,
                transactions.transaction_at desc,
                transactions.transaction_id desc,
                transactions.line_number desc
        ) as line_place
    from {{ ref('customer_recommendations') }} as offers
    inner join {{ ref('fct_transactions') }} as transactions
        on offers.customer_id = transactions.customer_id and offers.product_id = transactions.product_id
),

own as (
    select
        customer_id,
        product_id,
        max(case
            when net_amount <= 0 then 0
            when business_date >= {{ add_months(month_start(as_of_date()), 1 - var('tier_window_months') | int) }} then 1
            else 0
        end) as purchases,
        max(case when line_place = 1 and (net_amount < 0 or quantity < 0) then 1 else 0 end) as last_returns
    from lines
    group by customer_id, product_id
),

sold as (
    select
        product_id,
        max(business_date) as last_sold_date
    from {{ ref('fct_transactions') }}
    where net_amount > 0
    group by product_id
)

select
    offers.customer_id,
    offers.list,
    offers.product_id
from {{ ref('customer_recommendations') }} as offers
left join own
    on offers.customer_id = own.customer_id and offers.product_id = own.product_id
left join sold
    on offers.product_id = sold.product_id
where
    (offers.list = 'buy_again') <> (coalesce(own.purchases, 0) > 0)
    or coalesce(own.last_returns, 0) > 0
    or coalesce(sold.last_sold_date <= {{ add_days(as_of_date(), -(var('offer_in_range_days') | int)) }}, true)
