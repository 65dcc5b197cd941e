{#
    Why a customer left, by rules in this order: the first that holds gives the reason. A rule is a model that gives
    customer_id, lapse_number, reason, reason_basis and evidence_ids where it holds; another one is added to the list.
#}
{%- set rules = [
    'int_reason_said',
    'int_reason_complained',
    'int_reason_competitor',
    'int_reason_price',
    'int_reason_habit_change',
] -%}
with held as (
    {% for rule in rules %}
        select
            customer_id,
            lapse_number,
            {{ loop.index }} as rule_number,
            '{{ rule | replace("int_reason_", "") }}' as rule_name,
            reason,
            reason_basis,
            evidence_ids
        from {{ ref(rule) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

ordered as (
    select
        *,
        min(rule_number) over (partition by customer_id, lapse_number) as first_rule,
        -- A reason that a later rule gives again is not another one.
        row_number() over (partition by customer_id, lapse_number, reason order by rule_number) as time_named
    from held
)

select
    customer_id,
    lapse_number,
    max(case when rule_number = first_rule then reason end) as reason,
    max(case when rule_number = first_rule then reason_basis end) as reason_basis,
    max(case when rule_number = first_rule then rule_name end) as reason_rule,
    max(case when rule_number = first_rule then evidence_ids end) as evidence_ids,
    {{ joined_texts('case when rule_number > first_rule then reason end', 'rule_number') }} as other_reasons
from ordered
where time_named = 1
group by customer_id, lapse_number
