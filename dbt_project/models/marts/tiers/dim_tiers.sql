{#
    The policy's tiers under each policy, and the groups that stand in the marts' tier columns beside them: they hold
    whatever the policy, from the first one on, and are sorted behind its tiers, the total before them.
#}
with policies as (
    select * from {{ ref('tier_policy') }}
),

periods as (
    select
        valid_from,
        lead(valid_from) over (order by valid_from) as next_valid_from
    from policies
    group by valid_from
),

-- As everywhere, a month is of the policy in force on its last day.
bounds as (
    select
        min(valid_from) as first_valid_from,
        coalesce(
            max(case when valid_from <= {{ month_end(as_of_date()) }} then valid_from end),
            min(valid_from)
        ) as current_valid_from,
        max(tier_rank) as last_rank
    from policies
),

special_groups as (
    select
        'all' as tier,
        'All' as label_en,
        '全部' as label_zh,
        -1 as position
    union all
    select
        'new' as tier,
        'New' as label_en,
        '新客户' as label_zh,
        1 as position
    union all
    select
        'lapsed' as tier,
        'Lapsed' as label_en,
        '已流失' as label_zh,
        2 as position
    union all
    select
        'none' as tier,
        'No tier' as label_en,
        '无等级' as label_zh,
        3 as position
    union all
    select
        'anonymous' as tier,
        'Without a customer' as label_en,
        '无客户' as label_zh,
        4 as position
),

listed as (
    select
        policies.tier,
        policies.valid_from,
        periods.next_valid_from,
        policies.tier_rank,
        policies.lower_bound,
        policies.label_en,
        policies.label_zh,
        null as position
    from policies
    inner join periods
        on policies.valid_from = periods.valid_from
    union all
    select
        tier,
        null as valid_from,
        null as next_valid_from,
        null as tier_rank,
        null as lower_bound,
        label_en,
        label_zh,
        position
    from special_groups
)

select
    listed.tier,
    coalesce(listed.valid_from, bounds.first_valid_from) as valid_from,
    {{ add_days('listed.next_valid_from', -1) }} as valid_to,
    coalesce(listed.valid_from = bounds.current_valid_from, true) as is_current,
    listed.position is null as is_policy_tier,
    cast(listed.tier_rank as integer) as tier_rank,
    cast(
        case
            when listed.position is null then listed.tier_rank
            when listed.position < 0 then 0
            else bounds.last_rank + listed.position
        end as integer
    ) as sort_order,
    cast(listed.lower_bound as {{ amount_type() }}) as lower_bound,
    listed.label_en,
    listed.label_zh
from listed
cross join bounds
