{#
    In each month the tiers and the reasons sum to all, one by one and both together, and all of all is what defections
    holds. Of one customer's defections in a month the value counts once, so no sum over defections gives it.
#}
{%- set counts = [
    'lapses', 'defections', 'yearly_value_lost', 'contacted', 'won_back', 'lapses_180d_old', 'won_back_180d',
    'contacted_30d', 'won_back_contacted', 'not_contacted_30d', 'won_back_not_contacted',
] -%}
with summaries as (
    select
        *,
        case when tier_before = 'all' then 'all' else 'each' end || ' tier, '
        || case when reason = 'all' then 'all' else 'each' end || ' reason' as part
    from {{ ref('defections_summary_monthly') }}
),

parts as (
    select
        month,
        part,
        {% for count in counts %}
            sum({{ count }}) as {{ count }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from summaries
    group by month, part
),

held as (
    select
        {{ month_start('lapse_date') }} as month,
        count(*) as lapses,
        sum(case when is_defection then 1 else 0 end) as defections,
        sum(case when contacts > 0 then 1 else 0 end) as contacted,
        sum(case when is_open then 0 else 1 end) as won_back
    from {{ ref('defections') }}
    group by {{ month_start('lapse_date') }}
),

wholes as (
    select
        held.month as held_month,
        held.lapses as held_lapses,
        held.defections as held_defections,
        held.contacted as held_contacted,
        held.won_back as held_won_back,
        parts.*
    from held
    full outer join parts
        on
            held.month = parts.month
            and parts.part = 'all tier, all reason'
    where held.month is not null or parts.part = 'all tier, all reason'
)

select
    wholes.held_month,
    wholes.month,
    parts.part
from wholes
left join parts
    on wholes.month = parts.month
where
    wholes.held_month is null
    or wholes.month is null
    or wholes.held_lapses <> wholes.lapses
    or wholes.held_defections <> wholes.defections
    or wholes.held_contacted <> wholes.contacted
    or wholes.held_won_back <> wholes.won_back
    {% for count in counts %}
        or parts.{{ count }} <> wholes.{{ count }}
    {% endfor %}
