with bought as (
    select
        reference_date,
        product_number,
        count(*) as buyers,
        cast(sum(purchases) as bigint) as purchases
    from {{ ref('int_offer_histories') }}
    where purchases > 0
    group by reference_date, product_number
),

-- Sold to anyone, known or not.
sold as (
    select distinct
        offer_dates.reference_date,
        goods.product_number
    from {{ ref('fct_transactions') }} as transactions
    inner join {{ ref('int_offer_goods') }} as goods
        on transactions.product_id = goods.product_id
    inner join {{ ref('int_offer_dates') }} as offer_dates
        on transactions.business_date between offer_dates.range_start and offer_dates.reference_date
    where transactions.net_amount > 0
),

counted as (
    select
        coalesce(bought.reference_date, sold.reference_date) as reference_date,
        coalesce(bought.product_number, sold.product_number) as product_number,
        coalesce(bought.buyers, 0) as buyers,
        coalesce(bought.purchases, 0) as purchases,
        sold.product_number is not null as is_in_range
    from bought
    full outer join sold
        on bought.reference_date = sold.reference_date and bought.product_number = sold.product_number
),

totalled as (
    select
        *,
        sum(purchases - buyers) over (partition by reference_date) as all_repeats,
        sum(purchases) over (partition by reference_date) as all_purchases
    from counted
)

select
    totalled.reference_date,
    totalled.product_number,
    goods.product_id,
    -- The number by which it goes from here on, and by which ties are told apart.
    cast(row_number() over (
        partition by totalled.reference_date
        order by totalled.purchases desc, totalled.product_number asc
    ) as integer) as popularity_rank,
    totalled.buyers,
    totalled.purchases,
    totalled.is_in_range,
    -- A purchase that was not the customer's first of it was a repeat; few purchases are drawn to all products' share.
    (
        totalled.purchases - totalled.buyers
        + {{ offer_figure('repeat_prior_purchases') }}
        * coalesce({{ share('totalled.all_repeats', 'totalled.all_purchases') }}, 0)
    ) / (totalled.purchases + {{ offer_figure('repeat_prior_purchases') }}) as repeat_rate
from totalled
inner join {{ ref('int_offer_goods') }} as goods
    on totalled.product_number = goods.product_number
