select distinct
    offer_dates.reference_date,
    offer_dates.is_cutoff,
    customer_days.customer_id
from {{ ref('int_customer_days') }} as customer_days
inner join {{ ref('int_offer_dates') }} as offer_dates
    on customer_days.business_date between offer_dates.window_start and offer_dates.reference_date
where customer_days.is_purchase_day
