with bought as (
    select
        reference_date,
        product_id,
        count(*) as buyers,
        cast(sum(purchases) as bigint) as purchases
    from {{ ref('int_offer_histories') }}
    group by reference_date, product_id
),

-- Sold to anyone, known or not.
sold as (
    select distinct
        offer_dates.reference_date,
        transactions.product_id
    from {{ ref('fct_transactions') }} as transactions
    inner join {{ ref('int_offer_dates') }} as offer_dates
        on transactions.business_date between offer_dates.range_start and offer_dates.reference_date
    where
        transactions.product_id is not null
        and transactions.net_amount > 0
),

counted as (
    select
        coalesce(bought.reference_date, sold.reference_date) as reference_date,
        coalesce(bought.product_id, sold.product_id) as product_id,
        coalesce(bought.buyers, 0) as buyers,
        coalesce(bought.purchases, 0) as purchases,
        sold.product_id is not null as is_in_range
    from bought
    full outer join sold
        on bought.reference_date = sold.reference_date and bought.product_id = sold.product_id
),

totalled as (
    select
        *,
        sum(purchases - buyers) over (partition by reference_date) as all_repeats,
        sum(purchases) over (partition by reference_date) as all_purchases
    from counted
)

select
    reference_date,
    product_id,
    -- A number in the products' order of popularity: what ties are told apart by, and quick to join.
    cast(row_number() over (partition by reference_date order by purchases desc, product_id) as integer) as popularity_rank,
    buyers,
    purchases,
    is_in_range,
    -- A purchase that was not the customer's first of it was a repeat; few purchases are drawn to all products' share.
    (
        purchases - buyers
        + {{ offer_figure('repeat_prior_purchases') }}
        * case when all_purchases > 0 then cast(all_repeats as double) / cast(all_purchases as double) else 0 end
    ) / (purchases + {{ offer_figure('repeat_prior_purchases') }}) as repeat_rate
from totalled
