with lapses as (
    select * from {{ ref('int_lapses_numbered') }}
),

years as (
    select * from {{ ref('int_lapse_years') }}
),

spends as (
    select * from {{ ref('int_lapse_spends') }}
),

reasons as (
    select * from {{ ref('int_lapse_reasons') }}
),

contacts as (
    select * from {{ ref('int_lapse_contacts') }}
),

tiers as (
    select
        customer_id,
        month,
        tier
    from {{ ref('customer_tiers_monthly') }}
),

medians as (
    select {{ median('years.yearly_value') }} as yearly_value
    from lapses
    inner join years
        on
            lapses.customer_id = years.customer_id
            and lapses.lapse_number = years.lapse_number
    where lapses.is_open
),

joined as (
    select
        lapses.*,
        coalesce(tiers.tier, 'none') as tier_before,
        years.yearly_value,
        years.yearly_profit,
        years.returned_amount,
        years.returned_lines,
        years.won_back_revenue,
        medians.yearly_value as median_yearly_value,
        coalesce(reasons.reason, 'unknown') as reason,
        coalesce(reasons.reason_basis, 'none') as reason_basis,
        reasons.reason_rule,
        reasons.other_reasons,
        reasons.evidence_ids
    from lapses
    inner join years
        on
            lapses.customer_id = years.customer_id
            and lapses.lapse_number = years.lapse_number
    cross join medians
    left join tiers
        on
            lapses.customer_id = tiers.customer_id
            and {{ month_start('lapses.last_purchase_date') }} = tiers.month
    left join reasons
        on
            lapses.customer_id = reasons.customer_id
            and lapses.lapse_number = reasons.lapse_number
),

-- The first that holds says how likely a return is, and whether we want it.
judged as (
    select
        *,
        case
            when yearly_profit < 0 then 'negative_profit'
            when
                returned_lines >= {{ var('defection_return_lines') }}
                and returned_amount
                > (yearly_value + returned_amount) * cast({{ var('defection_return_share') }} as decimal(9, 6))
                then 'returns'
            when reason = 'moved_away' then 'moved_away'
            when days_lapsed > {{ var('defection_long_lapsed_days') }} then 'long_lapsed'
            when
                reason not in ('unknown', 'habit_change') and cast(yearly_value as double) >= median_yearly_value
                then 'known_reason_and_value'
            when reason = 'habit_change' then 'habit_change'
            when reason = 'unknown' then 'unknown_reason'
            else 'low_value'
        end as recoverability_reason
    from joined
)

select
    judged.customer_id,
    judged.lapse_number,
    judged.last_purchase_date,
    judged.lapse_date,
    judged.tier_before,
    judged.yearly_value as yearly_value_lost,
    judged.yearly_profit as yearly_profit_lost,
    case when judged.is_open then retention.p_alive end as p_alive,
    judged.reason,
    judged.other_reasons,
    judged.reason_basis,
    judged.reason_rule,
    judged.evidence_ids,
    {{ share('spends.discounted_spend_180d', 'spends.spend_180d') }} as discounted_spend_share,
    {{ to_decimal('cast(spends.spend_60d as double) / spends.days_60d', var('average_scale')) }} as daily_spend_60d,
    {{
        to_decimal(
            'cast(spends.spend_120d_before as double) / nullif(spends.days_120d_before, 0)', var('average_scale')
        )
    }} as daily_spend_120d_before,
    spends.spend_180d,
    case when spends.is_whole_in_data then spends.spend_180d_before end as spend_180d_before,
    spends.categories_180d,
    case when spends.is_whole_in_data then spends.categories_180d_before end as categories_180d_before,
    case
        when judged.recoverability_reason in ('negative_profit', 'returns') then 'not_wanted'
        when judged.recoverability_reason in ('moved_away', 'long_lapsed') then 'unlikely'
        when judged.recoverability_reason = 'known_reason_and_value' then 'likely'
        else 'possible'
    end as recoverability,
    judged.recoverability_reason,
    contacts.first_contacted_date,
    coalesce(contacts.contacts, 0) as contacts,
    judged.won_back_date,
    case when not judged.is_open then judged.days_lapsed end as won_back_days,
    judged.won_back_revenue as won_back_revenue_180d,
    coalesce({{ add_days('judged.won_back_date', 179) }} <= {{ as_of_date() }}, false) as is_won_back_complete,
    judged.is_open,
    judged.is_open or judged.days_away >= {{ var('defection_min_days') }} as is_defection
from judged
inner join spends
    on
        judged.customer_id = spends.customer_id
        and judged.lapse_number = spends.lapse_number
left join contacts
    on
        judged.customer_id = contacts.customer_id
        and judged.lapse_number = contacts.lapse_number
left join {{ ref('customer_retention') }} as retention
    on judged.customer_id = retention.customer_id
