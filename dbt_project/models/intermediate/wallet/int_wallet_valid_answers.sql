-- Each method takes the latest valid survey that answers it: a later survey without a declared wallet
-- does not hide an earlier one that has it. Of two of one moment, as where only days are known, the longer survey_id is
-- the later one, and of equally long ones the greater: so S10 comes after S9.
with answers as (
    select * from {{ ref('int_wallet_answers') }}
),

months as (
    select * from {{ ref('int_months') }}
),

valid_answers as (
    select
        answers.*,
        months.month
    from answers
    inner join months
        on
            answers.business_date <= months.month_end
            and answers.business_date
            >= {{ add_months('months.month_end', -1 * (var('survey_validity_months') | int)) }}
),

ordered as (
    select
        *,
        row_number() over (
            partition by customer_id, category, month
            order by
                case when declared_wallet is null then 1 else 0 end,
                business_date desc,
                surveyed_at desc,
                length(survey_id) desc,
                survey_id desc
        ) as declared_order,
        row_number() over (
            partition by customer_id, category, month
            order by
                case when war_share is null then 1 else 0 end,
                business_date desc,
                surveyed_at desc,
                length(survey_id) desc,
                survey_id desc
        ) as war_order
    from valid_answers
)

select
    customer_id,
    category,
    month,
    max(case when declared_order = 1 and declared_wallet is not null then survey_id end) as declared_survey_id,
    max(case when declared_order = 1 then declared_wallet end) as declared_wallet,
    max(case when war_order = 1 and war_share is not null then survey_id end) as war_survey_id,
    max(case when war_order = 1 then war_brands_used end) as war_brands_used,
    max(case when war_order = 1 then war_rank end) as war_rank,
    max(case when war_order = 1 then war_share end) as war_share
from ordered
group by 1, 2, 3
