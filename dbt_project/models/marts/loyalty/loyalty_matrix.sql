-- Attitude by what the customer said last, behaviour by what the customer does; after Dick & Basu (1994).
with customers as (
    select * from {{ ref('int_customer_years') }}
),

medians as (
    select {{ median('purchase_days_12m') }} as median_purchase_days_12m
    from {{ ref('int_customer_years') }}
),

answers as (
    select
        customer_id,
        kind,
        score,
        feedback_at,
        attitude,
        row_number() over (
            partition by customer_id
            order by feedback_at desc, feedback_id desc
        ) as answer_number
    from {{ ref('int_feedback') }}
    where
        is_answer
        and customer_id is not null
        and business_date > {{ add_months(as_of_date(), -12) }}
),

wallets as (
    select
        customer_id,
        share_of_wallet
    from {{ ref('share_of_wallet_monthly') }}
    where
        category = 'all'
        and month = {{ month_start(as_of_date()) }}
),

tiers as (
    select
        customer_id,
        tier
    from {{ ref('customer_tiers_monthly') }}
    where month = {{ month_start(as_of_date()) }}
),

joined as (
    select
        customers.*,
        medians.median_purchase_days_12m,
        coalesce(tiers.tier, 'none') as tier,
        wallets.share_of_wallet,
        answers.score as attitude_score,
        answers.kind as attitude_kind,
        answers.feedback_at as attitude_at,
        -- Liking is asked for, so a middling answer is no high one.
        case
            when answers.attitude is null then 'unknown'
            when answers.attitude = 'high' then 'high'
            else 'low'
        end as attitude,
        case
            when
                customers.purchase_days_12m >= medians.median_purchase_days_12m
                or wallets.share_of_wallet >= 0.5 - {{ wallet_tolerance() }}
                then 'high'
            else 'low'
        end as behaviour
    from customers
    cross join medians
    left join tiers
        on customers.customer_id = tiers.customer_id
    left join wallets
        on customers.customer_id = wallets.customer_id
    left join answers
        on customers.customer_id = answers.customer_id and answers.answer_number = 1
)

select
    customer_id,
    {{ as_of_date() }} as as_of_date,
    tier,
    attitude,
    attitude_score,
    attitude_kind,
    attitude_at,
    behaviour,
    purchase_days_12m,
    median_purchase_days_12m,
    share_of_wallet,
    case
        when attitude = 'unknown' then 'unknown_attitude'
        when attitude = 'high' and behaviour = 'high' then 'true'
        when attitude = 'high' then 'latent'
        when behaviour = 'high' then 'spurious'
        else 'none'
    end as loyalty,
    revenue_12m,
    profit_12m,
    profit_basis
from joined
