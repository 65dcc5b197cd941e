{#
    The tier that a customer holds. Without soft landing and grace months it is the earned one.

    Else the ranked months are folded in order, within a spell (from graduation or return on, until the
    customer lapses): a tier is gained at once; it is lost only if the last grace_months + 1 assessments of the
    spell all earned less than the held tier; it then falls to the earned tier, with soft landing one level
    at most.
    A held tier that a new policy no longer has is replaced by the earned one.
#}
{{ config(materialized='table' if holds_tiers() else 'view') }}
-- depends_on: {{ ref('int_tier_policy_months') }}
-- noqa: disable=LT02
{% if not holds_tiers() %}
select
    customer_id,
    month,
    month_index,
    window_net_amount,
    window_profit_amount,
    purchase_days,
    months_observed,
    profit_basis,
    lower_bound,
    earned_tier,
    earned_rank,
    earned_tier as tier,
    earned_rank as tier_rank,
    0 as grace_month,
    false as is_soft_landing
from {{ ref('int_customer_earned_tiers') }}
{% else %}
with recursive spelled as (
    select
        *,
        sum(case when earned_rank is null then 1 else 0 end) over (
            partition by customer_id
            order by month_index
            rows between unbounded preceding and current row
        ) as spell
    from {{ ref('int_customer_earned_tiers') }}
),

assessed as (
    select
        customer_id,
        month,
        earned_tier,
        earned_rank,
        spell,
        row_number() over (partition by customer_id, spell order by month_index) as step
    from spelled
    where earned_rank is not null
),

policy as (
    select * from {{ ref('int_tier_policy_months') }}
),

ranked as (
    select
        later.customer_id,
        later.month,
        later.earned_tier,
        later.earned_rank,
        later.spell,
        later.step,
        {{ best_ranks_lately() }}
    from assessed as later
    inner join assessed as earlier
        on
            later.customer_id = earlier.customer_id
            and later.spell = earlier.spell
            and later.step - earlier.step between 0 and {{ var('grace_months') | int }}
    left join policy
        on later.month = policy.month and earlier.earned_tier = policy.tier
    group by later.customer_id, later.month, later.earned_tier, later.earned_rank, later.spell, later.step
),

held as (
    select
        customer_id,
        spell,
        step,
        month,
        earned_tier as tier,
        earned_rank as tier_rank,
        0 as grace_month,
        false as is_soft_landing
    from ranked
    where step = 1
    union all
    select
        moved.customer_id,
        moved.spell,
        moved.step,
        moved.month,
        policy.tier,
        moved.tier_rank,
        moved.grace_month,
        moved.tier_rank > moved.rank_before and moved.tier_rank < moved.earned_rank as is_soft_landing
    from (
        select
            faced.*,
            {{ rank_after_assessment() }} as tier_rank,
            {{ grace_month() }} as grace_month
        from (
            select
                ranked.*,
                coalesce(held_policy.tier_rank, ranked.earned_rank) as rank_before
            from held
            inner join ranked
                on
                    held.customer_id = ranked.customer_id
                    and held.spell = ranked.spell
                    and held.step + 1 = ranked.step
            left join policy as held_policy
                on ranked.month = held_policy.month and held.tier = held_policy.tier
        ) as faced
    ) as moved
    inner join policy
        on moved.month = policy.month and moved.tier_rank = policy.tier_rank
)

select
    spelled.customer_id,
    spelled.month,
    spelled.month_index,
    spelled.window_net_amount,
    spelled.window_profit_amount,
    spelled.purchase_days,
    spelled.months_observed,
    spelled.profit_basis,
    spelled.lower_bound,
    spelled.earned_tier,
    spelled.earned_rank,
    coalesce(held.tier, spelled.earned_tier) as tier,
    held.tier_rank,
    coalesce(held.grace_month, 0) as grace_month,
    coalesce(held.is_soft_landing, false) as is_soft_landing
from spelled
left join held
    on spelled.customer_id = held.customer_id and spelled.month = held.month
{% endif %}
