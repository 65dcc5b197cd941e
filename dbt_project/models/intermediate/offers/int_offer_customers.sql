with active as (
    select distinct
        offer_dates.reference_date,
        offer_dates.is_cutoff,
        offer_dates.window_start,
        customer_days.customer_id
    from {{ ref('int_customer_days') }} as customer_days
    inner join {{ ref('int_offer_dates') }} as offer_dates
        on customer_days.business_date between offer_dates.window_start and offer_dates.reference_date
    where customer_days.is_purchase_day
),

latest as (
    select
        offer_dates.reference_date,
        baskets.customer_number,
        max(baskets.basket_number) as latest_basket
    from {{ ref('int_offer_baskets') }} as baskets
    inner join {{ ref('int_offer_dates') }} as offer_dates
        on baskets.business_date <= offer_dates.reference_date
    group by offer_dates.reference_date, baskets.customer_number
)

select
    active.reference_date,
    active.is_cutoff,
    active.window_start,
    active.customer_id,
    buyers.customer_number,
    latest.latest_basket
from active
inner join {{ ref('int_offer_buyers') }} as buyers
    on active.customer_id = buyers.customer_id
left join latest
    on active.reference_date = latest.reference_date and buyers.customer_number = latest.customer_number
