with teams as (
    select * from {{ ref('int_team_months') }}
),

suppressions as (
    select * from {{ ref('int_team_suppressions') }}
),

retentions as (
    select * from {{ ref('int_team_retentions') }}
),

-- An answer belongs to whoever gave it, however often the customer answered in the month.
answers as (
    select
        customer_id,
        month,
        count(*) as answers,
        sum(case when attitude = 'high' then 1 when attitude = 'low' then -1 else 0 end) as balance
    from {{ ref('int_feedback') }}
    where is_answer and kind = 'nps' and customer_id is not null
    group by customer_id, month
),

customers as (
    select
        customers.team_id,
        customers.month,
        count(*) as customers,
        sum(answers.answers) as nps_answers,
        sum(answers.balance) as nps_balance
    from {{ ref('int_team_customers') }} as customers
    left join answers
        on customers.customer_id = answers.customer_id and customers.month = answers.month
    group by customers.team_id, customers.month
)

select
    teams.month,
    teams.is_complete_month,
    teams.team_id,
    teams.headcount_opening,
    teams.hired,
    teams.leavers,
    teams.headcount_closing,
    case when not suppressions.is_suppressed then teams.turnover_rate_12m end as turnover_rate_12m,
    case when not suppressions.is_suppressed then teams.tenure_days_median end as tenure_days_median,
    case when not suppressions.is_enps_suppressed then teams.enps end as enps,
    teams.enps_answers,
    suppressions.is_suppressed,
    suppressions.is_enps_suppressed,
    coalesce(customers.customers, 0) as customers,
    {{ share('customers.nps_balance', 'customers.nps_answers') }} as nps,
    cast(coalesce(customers.nps_answers, 0) as bigint) as nps_answers,
    -- Once the two months after are over.
    case
        when {{ month_end(add_months('teams.month', 2)) }} <= {{ as_of_date() }}
            then {{ share('retentions.returned_customers', 'retentions.customers_before') }}
    end as retention_rate
from teams
inner join suppressions
    on teams.team_id = suppressions.team_id and teams.month = suppressions.month
left join customers
    on teams.team_id = customers.team_id and teams.month = customers.month
left join retentions
    on teams.team_id = retentions.team_id and teams.month_index = retentions.month_index
