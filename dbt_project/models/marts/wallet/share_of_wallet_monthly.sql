with estimates as (
    select * from {{ ref('int_wallet_estimates') }}
),

medians as (
    select * from {{ ref('int_wallet_medians') }}
),

rounded as (
    select
        estimates.*,
        estimates.wallet >= medians.median_wallet - {{ wallet_tolerance() }} as is_big_wallet,
        estimates.share_of_wallet >= 0.5 - {{ wallet_tolerance() }} as is_high_share,
        -- Rounded once, so that headroom is exactly the difference of the published figures.
        {{ to_average('estimates.own_spend') }} as published_own_spend,
        {{ to_average('estimates.wallet') }} as published_wallet
    from estimates
    inner join medians
        on
            estimates.category = medians.category
            and estimates.month = medians.month
)

select
    customer_id,
    category,
    month,
    is_complete_month,
    published_own_spend as own_spend,
    published_wallet as wallet,
    share_of_wallet,
    cast(published_wallet - published_own_spend as {{ average_type() }}) as headroom,
    method,
    is_capped,
    case
        when share_of_wallet is null then null
        when is_big_wallet and is_high_share then 'defend'
        when is_big_wallet then 'grow'
        when is_high_share then 'maintain'
        else 'deprioritise'
    end as wallet_quadrant,
    declared_survey_id,
    cast(declared_wallet as {{ amount_type() }}) as declared_wallet,
    declared_share,
    declared_is_capped,
    war_survey_id,
    war_brands_used,
    war_rank,
    war_share,
    {{ to_average('war_wallet') }} as war_wallet,
    {{ to_average('benchmark_spend') }} as benchmark_spend,
    {{ to_average('benchmark_wallet') }} as benchmark_wallet,
    benchmark_share,
    benchmark_is_capped,
    benchmark_level,
    benchmark_peers
from rounded
