{# How complete each customer's archive is in its three parts: basics, purchases, interactions. #}
with basics as (
    select
        customer_id,
        (
            case when has_name then 1 else 0 end
            + case when has_phone or has_email then 1 else 0 end
            + case when has_address or region is not null then 1 else 0 end
            + case when has_birth_date or age_band is not null then 1 else 0 end
            + case when gender is not null then 1 else 0 end
            + case when marital_status is not null then 1 else 0 end
            + case when household_size is not null then 1 else 0 end
            + case when income_band is not null then 1 else 0 end
            + case when registered_on is not null then 1 else 0 end
            + case when preferred_channel is not null then 1 else 0 end
        ) / 10.0e0 as basics_completeness
    from {{ ref('stg_customers') }}
),

purchases as (
    select
        customer_id,
        sum(known_product_line_count + placed_line_count) / (2.0e0 * sum(line_count)) as purchases_completeness
    from {{ ref('int_customer_days') }}
    group by customer_id
),

voices as (
    select
        customer_id,
        case when direction = 'outbound' then 1 else 0 end as is_outbound,
        case when direction = 'inbound' then 1 else 0 end as is_inbound,
        0 as is_answer
    from {{ ref('stg_interactions') }}
    union all
    select
        customer_id,
        0 as is_outbound,
        0 as is_inbound,
        1 as is_answer
    from {{ ref('stg_feedback') }}
    where customer_id is not null
    union all
    select
        customer_id,
        0 as is_outbound,
        0 as is_inbound,
        1 as is_answer
    from {{ ref('stg_wallet_surveys') }}
),

interactions as (
    select
        customer_id,
        (max(is_outbound) + max(is_inbound) + max(is_answer)) / 3.0e0 as interactions_completeness
    from voices
    group by customer_id
),

parts as (
    select
        customer_id,
        basics_completeness,
        0.0e0 as purchases_completeness,
        0.0e0 as interactions_completeness
    from basics
    union all
    select
        customer_id,
        0.0e0 as basics_completeness,
        purchases_completeness,
        0.0e0 as interactions_completeness
    from purchases
    union all
    select
        customer_id,
        0.0e0 as basics_completeness,
        0.0e0 as purchases_completeness,
        interactions_completeness
    from interactions
)

select
    customer_id,
    max(basics_completeness) as basics_completeness,
    max(purchases_completeness) as purchases_completeness,
    max(interactions_completeness) as interactions_completeness
from parts
group by customer_id
