{#
    competitor: our share by the Wallet Allocation Rule fell between the two latest surveys of all spending, the later of
    them shortly before the lapse. A brand that is not named any more has no share; one named without a rank, an unknown one.
#}
{%- set noise = '1e-9' -%}  {# equal shares of different surveys differ in the last bits #}
with lapses as (
    select
        customer_id,
        lapse_number,
        greatest(
            {{ add_days('lapse_date', -1 * (var('defection_survey_days') | int)) }}, previous_return_date
        ) as first_date,
        lapse_date
    from {{ ref('int_lapses_numbered') }}
),

surveys as (
    select
        survey_id,
        customer_id,
        business_date,
        surveyed_at,
        case when is_own_brand_named then war_share else 0 end as own_share
    from {{ ref('int_wallet_answers') }}
    where category = 'all'
),

ordered as (
    select
        lapses.customer_id,
        lapses.lapse_number,
        lapses.first_date,
        surveys.survey_id,
        surveys.business_date,
        surveys.own_share,
        row_number() over (
            partition by lapses.customer_id, lapses.lapse_number
            order by
                surveys.business_date desc,
                surveys.surveyed_at desc,
                length(surveys.survey_id) desc,
                surveys.survey_id desc
        ) as survey_number
    from lapses
    inner join surveys
        on
            lapses.customer_id = surveys.customer_id
            and lapses.lapse_date >= surveys.business_date
),

pairs as (
    select
        customer_id,
        lapse_number,
        max(case when survey_number = 1 and business_date >= first_date then survey_id end) as later_survey_id,
        max(case when survey_number = 1 then own_share end) as later_share,
        max(case when survey_number = 2 then survey_id end) as earlier_survey_id,
        max(case when survey_number = 2 then own_share end) as earlier_share
    from ordered
    where survey_number <= 2
    group by customer_id, lapse_number
)

select
    customer_id,
    lapse_number,
    'competitor' as reason,
    'inferred' as reason_basis,
    least(later_survey_id, earlier_survey_id) || ',' || greatest(later_survey_id, earlier_survey_id) as evidence_ids
from pairs
where
    later_survey_id is not null
    and later_share < earlier_share - {{ noise }}
