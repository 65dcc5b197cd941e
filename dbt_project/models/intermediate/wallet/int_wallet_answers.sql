-- The Wallet Allocation Rule needs mean ranks; they are counted afresh, so that it does not matter
-- whether a survey wrote a tie as 1 1 3, 1 1 2 or 1.5 1.5 3.
with surveys as (
    select * from {{ ref('stg_wallet_surveys') }}
),

answers as (
    select
        survey_id,
        customer_id,
        category,
        max(business_date) as business_date,
        max(surveyed_at) as surveyed_at,
        max(declared_wallet) as declared_wallet,
        max(case when is_own_brand then 1 else 0 end) = 1 as is_own_brand_named
    from surveys
    group by 1, 2, 3
),

own_brands as (
    select
        own.survey_id,
        own.customer_id,
        own.category,
        own.brand,
        count(*) as brands_used,
        sum(case when brands.preference_rank < own.preference_rank then 1 else 0 end) as better_brands,
        sum(case when brands.preference_rank = own.preference_rank then 1 else 0 end) as tied_brands
    from surveys as own
    inner join surveys as brands
        on
            own.survey_id = brands.survey_id
            and own.customer_id = brands.customer_id
            and own.category = brands.category
    where
        own.is_own_brand
        and own.preference_rank is not null
        and brands.preference_rank is not null
    group by 1, 2, 3, 4
),

mean_ranks as (
    select
        survey_id,
        customer_id,
        category,
        brands_used,
        better_brands + (tied_brands + 1) / 2.0e0 as own_rank
    from own_brands
),

-- Spend with us is spend on all our brands, so the shares of several of them add up.
own_shares as (
    select
        survey_id,
        customer_id,
        category,
        max(brands_used) as brands_used,
        min(own_rank) as best_rank,
        sum((1 - own_rank / (brands_used + 1)) * 2 / brands_used) as war_share
    from mean_ranks
    group by 1, 2, 3
)

select
    answers.survey_id,
    answers.customer_id,
    answers.category,
    answers.business_date,
    answers.surveyed_at,
    answers.declared_wallet,
    answers.is_own_brand_named,
    cast(own_shares.brands_used as integer) as war_brands_used,
    own_shares.best_rank as war_rank,
    own_shares.war_share
from answers
left join own_shares
    on
        answers.survey_id = own_shares.survey_id
        and answers.customer_id = own_shares.customer_id
        and answers.category = own_shares.category
