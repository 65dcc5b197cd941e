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
        max(declared_wallet) as declared_wallet,
        min(case when is_own_brand then preference_rank end) as own_preference_rank
    from surveys
    group by 1, 2, 3

),

ranks as (

    select
        answers.survey_id,
        answers.customer_id,
        answers.category,
        count(surveys.preference_rank) as brands_used,
        sum(case when surveys.preference_rank < answers.own_preference_rank then 1 else 0 end) as better_brands,
        sum(case when surveys.preference_rank = answers.own_preference_rank then 1 else 0 end) as tied_brands
    from answers
    inner join surveys
        on
            answers.survey_id = surveys.survey_id
            and answers.customer_id = surveys.customer_id
            and answers.category = surveys.category
    where answers.own_preference_rank is not null
    group by 1, 2, 3

),

mean_ranks as (

    select
        survey_id,
        customer_id,
        category,
        brands_used,
        better_brands + (tied_brands + 1) / 2.0 as own_rank
    from ranks

)

select
    answers.survey_id,
    answers.customer_id,
    answers.category,
    answers.business_date,
    answers.declared_wallet,
    cast(mean_ranks.brands_used as integer) as war_brands_used,
    cast(mean_ranks.own_rank as double) as war_rank,
    (1 - cast(mean_ranks.own_rank as double) / (mean_ranks.brands_used + 1))
    * 2 / mean_ranks.brands_used as war_share
from answers
left join mean_ranks
    on
        answers.survey_id = mean_ranks.survey_id
        and answers.customer_id = mean_ranks.customer_id
        and answers.category = mean_ranks.category
