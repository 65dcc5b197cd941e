{#
    Why to speak to each customer of the care list, and how urgently: facts that the caller can name.

    A tier's bound is near within a tenth of it, either side. Spend is compared with bound x months, as the tier itself was,
    so that an average of exactly nine tenths is near.
#}
with customers as (
    select * from {{ ref('int_care_customers') }}
),

complaints as (
    select distinct customer_id
    from {{ ref('fct_feedback') }}
    where
        kind = 'complaint'
        and resolved_at is null
        and business_date > {{ add_days(as_of_date(), -90) }}
),

points as (
    select distinct customer_id
    from {{ ref('int_points_lots_left') }}
    where
        points_left > 0
        and expires_on <= {{ month_end(add_months(as_of_date(), 1)) }}
),

wallets as (
    select
        customer_id,
        category,
        row_number() over (
            partition by customer_id
            order by headroom desc, category asc
        ) as wallet_number
    from {{ ref('share_of_wallet_monthly') }}
    where
        month = {{ month_start(as_of_date()) }}
        and category <> 'all'
        and wallet_quadrant = 'grow'
),

bounds as (
    select
        tier,
        lower_bound,
        upper_bound,
        tier_rank = lowest_rank as is_lowest
    from {{ ref('int_tier_policy_months') }}
    where month = {{ month_start(as_of_date()) }}
),

facts as (
    select
        customers.customer_id,
        coalesce(customers.tier_rank = 1, false) as is_top_tier,
        coalesce(retention.status = 'at_risk', false) as is_at_risk,
        complaints.customer_id is not null as has_open_complaint,
        points.customer_id is not null as has_points_expiring,
        wallets.category as headroom_category,
        coalesce(
            customers.window_spend * 10 >= bounds.upper_bound * customers.months_observed * 9, false
        ) as is_near_upper_bound,
        coalesce(
            not bounds.is_lowest
            and customers.window_spend * 10 between bounds.lower_bound * customers.months_observed * 9
            and bounds.lower_bound * customers.months_observed * 11,
            false
        ) as is_near_lower_bound
    from customers
    left join {{ ref('customer_retention') }} as retention
        on customers.customer_id = retention.customer_id
    left join complaints
        on customers.customer_id = complaints.customer_id
    left join points
        on customers.customer_id = points.customer_id
    left join wallets
        on customers.customer_id = wallets.customer_id and wallets.wallet_number = 1
    left join bounds
        on customers.tier = bounds.tier
),

-- Each code begins with a comma, and the first one's is taken off.
told as (
    select
        *,
        nullif(
            substr(
                case when has_open_complaint then ',open_complaint' else '' end
                || case when has_points_expiring then ',points_expiring' else '' end
                || case when is_at_risk then ',at_risk' else '' end
                || coalesce(',wallet_headroom:' || headroom_category, '')
                || case when is_near_upper_bound then ',tier_near_up' else '' end
                || case when is_near_lower_bound then ',tier_near_down' else '' end,
                2
            ),
            ''
        ) as talking_points
    from facts
)

select
    customer_id,
    is_top_tier,
    is_at_risk,
    has_open_complaint,
    talking_points,
    cast(
        case
            when has_open_complaint or (is_top_tier and is_at_risk) then 1
            when is_at_risk then 2
            when is_top_tier then 3
            when talking_points is not null then 4
            else 5
        end as integer
    ) as priority
from told
