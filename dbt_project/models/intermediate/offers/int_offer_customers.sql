{%- set measured = offer_figure('evaluated_customers') -%}
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

around as (
    select
        offer_dates.reference_date,
        baskets.customer_number,
        max(case when baskets.business_date <= offer_dates.reference_date then baskets.basket_number end) as latest_basket,
        min(case when baskets.business_date > offer_dates.reference_date then baskets.basket_number end) as next_basket
    from {{ ref('int_offer_baskets') }} as baskets
    cross join {{ ref('int_offer_dates') }} as offer_dates
    group by offer_dates.reference_date, baskets.customer_number
),

customers as (
    select
        active.reference_date,
        active.is_cutoff,
        active.window_start,
        active.customer_id,
        buyers.customer_number,
        around.latest_basket,
        around.next_basket,
        -- A row number of Spark's is an INT, of which the product below would be one too.
        cast(row_number() over (
            partition by active.reference_date, around.next_basket is null
            order by buyers.customer_number
        ) as bigint) as place,
        count(*) over (partition by active.reference_date, around.next_basket is null) as customers
    from active
    inner join {{ ref('int_offer_buyers') }} as buyers
        on active.customer_id = buyers.customer_id
    left join around
        on active.reference_date = around.reference_date and buyers.customer_number = around.customer_number
)

select
    reference_date,
    is_cutoff,
    window_start,
    customer_id,
    customer_number,
    latest_basket,
    next_basket,
    -- Of more who came back than are measured, those at even distances; who did not come back cannot be measured.
    case
        when not is_cutoff then true
        when next_basket is null then false
        else place * {{ measured }} % customers < {{ measured }}
    end as is_served
from customers
