-- Defections, stages of the relationship and teams, on top of bench/bare_marts.sql and bench/bare_loyalty.sql.
create temp table topic_reasons as
from read_csv(getvariable('seeds') || '/defection_topics.csv', header = true, columns = {'topic': 'varchar', 'reason': 'varchar'});

create temp table numbered_lapses as
select
    customer_id, row_number() over c as number, purchase_date as last_purchase, lapse_date,
    lag(reactivated_date) over c as returned, reactivated_date as back,
    coalesce(reactivated_date - 1, getvariable('as_of'))::date as away_until, reactivated_date is null as is_open,
    coalesce(reactivated_date, getvariable('as_of')) as end_date
from lapses window c as (partition by customer_id order by purchase_date);

create temp table lapse_spends as
with lines as (
    select customer_id, number, category, net_amount, discount_amount > 0 as is_discounted, business_date > last_purchase - 60 as in_60,
        business_date > last_purchase - 180 as in_180
    from numbered_lapses join marts.fct_transactions using (customer_id)
    where business_date between greatest(last_purchase - 359, returned) and last_purchase
),
by_category as (
    select customer_id, number, coalesce(sum(net_amount) filter (in_60), 0) as s60, coalesce(sum(net_amount) filter (in_180), 0) as s180,
        coalesce(sum(net_amount) filter (in_180 and is_discounted), 0) as discounted, coalesce(sum(net_amount) filter (not in_180), 0) as before
    from lines group by customer_id, number, category
)
select customer_id, number, sum(s60) as spend_60, sum(s180) as spend_180, sum(discounted) as discounted_180, sum(before) as spend_before,
    count_if(s180 > 0)::integer as categories, count_if(before > 0)::integer as categories_before
from by_category group by customer_id, number;

create temp table reasons as
with said as (
    select customer_id, number, arg_max({'id': feedback_id, 'topic': topic}, (feedback_at, feedback_id)) as f
    from numbered_lapses join voices using (customer_id)
    where kind = 'exit_interview' and business_date between greatest(last_purchase - 30, returned) and away_until
    group by customer_id, number
),
complained as (
    select customer_id, number,
        arg_max({'id': feedback_id, 'topic': topic, 'driver': driver}, (feedback_at, feedback_id)) as f
    from numbered_lapses join voices using (customer_id)
    where business_date between greatest(last_purchase - 90, returned) and lapse_date
        and (attitude = 'low' or (kind = 'complaint'
            and (is_repeated or hours(feedback_at, coalesce(resolved_at, getvariable('as_of_end'))) > 168)))
    group by customer_id, number
),
surveys as (
    select l.customer_id, l.number, greatest(lapse_date - 180, returned) as since,
        arg_max({'id': survey_id, 'day': business_date, 'share': if(is_own_brand_named, war_share, 0)},
            (business_date, surveyed_at, length(survey_id), survey_id), 2) as two
    from numbered_lapses as l join answers as a on a.customer_id = l.customer_id and category = 'all' and business_date <= lapse_date
    group by all
),
spends as (
    select *, least(60, last_purchase - returned + 1) as days_60, greatest(0, least(120, last_purchase - 60 - returned + 1)) as days_120
    from lapse_spends join numbered_lapses using (customer_id, number)
),
held as (
    select customer_id, number, 1 as rule, 'said' as rule_name, reason, 'said' as basis, f.id as evidence
    from said join topic_reasons on f.topic = topic
    union all
    select customer_id, number, 2, 'complained',
        coalesce(reason, if(f.driver in ('service_quality', 'service_experience', 'relationship_interaction'), 'service_problem', null)),
        'inferred', f.id
    from complained left join topic_reasons on f.topic = topic
    union all
    select customer_id, number, 3, 'competitor', 'competitor', 'inferred',
        least(two[1].id, two[2].id) || ',' || greatest(two[1].id, two[2].id)
    from surveys where two[1].day >= since and two[1].share < two[2].share - 1e-9
    union all
    select customer_id, number, 4, 'price', 'price', 'inferred', null
    from spends
    where spend_180 > 0 and discounted_180 * 2 >= spend_180 and days_120 > 0 and spend_60 * days_120 * 2 <= (spend_180 - spend_60) * days_60
    union all
    select customer_id, number, 5, 'habit_change', 'habit_change', 'inferred', null
    from spends
    where last_purchase - 359 >= (select min(business_date) from customer_days)
        and spend_before > 0 and spend_180 * 2 <= spend_before and (categories_before - categories) * 3 >= categories_before
),
distinct_reasons as (
    select customer_id, number, reason, min(rule) as rule, arg_min({'name': rule_name, 'basis': basis, 'evidence': evidence}, rule) as why
    from held where reason is not null group by customer_id, number, reason
)
select customer_id, number, arg_min(reason, rule) as reason, arg_min(why, rule) as why,
    nullif(list_aggregate(list(reason order by rule)[2:], 'string_agg', ','), '') as other_reasons
from distinct_reasons group by customer_id, number;

create table marts.defections as
with years as (
    select customer_id, number, coalesce(sum(net_amount) filter (business_date <= last_purchase), 0) as value,
        coalesce(sum(profit_amount) filter (business_date <= last_purchase), 0) as profit,
        sum(net_amount) filter (business_date >= back) as won_back
    from numbered_lapses join customer_days using (customer_id)
    where business_date > (last_purchase - interval 12 months)::date and business_date <= coalesce(back + 179, last_purchase)
    group by customer_id, number
),
returned_lines as (
    select customer_id, number, count(*) as lines, -sum(net_amount) as amount
    from numbered_lapses join marts.fct_transactions using (customer_id)
    where net_amount < 0 and business_date > (last_purchase - interval 12 months)::date and business_date <= last_purchase
    group by customer_id, number
),
contacts as (
    select customer_id, number, min(business_date) as first_date, count(*)::integer as contacts
    from numbered_lapses join interactions using (customer_id)
    where direction = 'outbound' and kind <> 'campaign_mailing' and business_date between lapse_date and away_until
    group by customer_id, number
),
joined as (
    select l.*, y.value, y.profit, y.won_back, s.* exclude (customer_id, number), coalesce(t.tier, 'none') as tier_before,
        coalesce(q.reason, 'unknown') as reason, q.why, q.other_reasons, coalesce(r.lines, 0) as lines, coalesce(r.amount, 0) as amount,
        c.first_date, coalesce(c.contacts, 0) as contacts, median(if(is_open, y.value::double, null)) over () as median_value,
        (end_date - lapse_date)::integer as days_lapsed, least(60, last_purchase - returned + 1) as days_60,
        greatest(0, least(120, last_purchase - 60 - returned + 1)) as days_120,
        last_purchase - 359 >= (select min(business_date) from customer_days) as is_whole
    from numbered_lapses as l join years as y using (customer_id, number) join lapse_spends as s using (customer_id, number)
    left join marts.customer_tiers_monthly as t on t.customer_id = l.customer_id and t.month = date_trunc('month', last_purchase)
    left join reasons as q using (customer_id, number) left join returned_lines as r using (customer_id, number)
    left join contacts as c using (customer_id, number)
),
judged as (
    select *,
        case
            when profit < 0 then 'negative_profit'
            when lines >= 5 and amount * 2 > value + amount then 'returns'
            when reason = 'moved_away' then reason
            when days_lapsed > 365 then 'long_lapsed'
            when reason not in ('unknown', 'habit_change') and value::double >= median_value then 'known_reason_and_value'
            when reason = 'habit_change' then reason
            when reason = 'unknown' then 'unknown_reason'
            else 'low_value'
        end as recoverability_reason
    from joined
)
select
    customer_id, number::integer as lapse_number, last_purchase as last_purchase_date, lapse_date, tier_before,
    value::decimal(18, 2) as yearly_value_lost, profit::decimal(18, 2) as yearly_profit_lost, null::double as p_alive, reason, other_reasons,
    coalesce(why.basis, 'none') as reason_basis, why.name as reason_rule, why.evidence as evidence_ids,
    if(spend_180 > 0, discounted_180::double / spend_180::double, null) as discounted_spend_share,
    (spend_60 / days_60)::decimal(18, 4) as daily_spend_60d,
    ((spend_180 - spend_60) / nullif(days_120, 0))::decimal(18, 4) as daily_spend_120d_before,
    spend_180::decimal(18, 2) as spend_180d, if(is_whole, spend_before, null)::decimal(18, 2) as spend_180d_before,
    categories as categories_180d, if(is_whole, categories_before, null) as categories_180d_before,
    case
        when recoverability_reason in ('negative_profit', 'returns') then 'not_wanted'
        when recoverability_reason in ('moved_away', 'long_lapsed') then 'unlikely'
        when recoverability_reason = 'known_reason_and_value' then 'likely'
        else 'possible'
    end as recoverability,
    recoverability_reason, first_date as first_contacted_date, contacts, back as won_back_date, if(is_open, null, days_lapsed) as won_back_days,
    won_back::decimal(18, 2) as won_back_revenue_180d, coalesce(back + 179 <= getvariable('as_of'), false) as is_won_back_complete, is_open,
    is_open or end_date - last_purchase >= 90 as is_defection
from judged;

create table marts.defections_summary_monthly as
with lapses as (
    select *, date_trunc('month', lapse_date)::date as month, getvariable('as_of') - lapse_date >= 180 as is_old,
        is_old and coalesce(won_back_days > 30, true) as is_compared, coalesce(won_back_days <= 180, false) as is_back,
        coalesce(first_contacted_date <= lapse_date + 30, false) as is_contacted,
        is_defection and row_number() over (
            partition by customer_id, date_trunc('month', lapse_date), is_defection order by lapse_number) = 1 as is_first
    from marts.defections
),
counted as (
    select
        month, coalesce(tier_before, 'all') as tier_before, coalesce(reason, 'all') as reason, count(*) as lapses,
        count_if(is_defection)::bigint as defections, sum(if(is_first, yearly_value_lost, 0))::decimal(18, 2) as yearly_value_lost,
        count_if(contacts > 0)::bigint as contacted, count_if(won_back_days is not null)::bigint as won_back,
        count_if(is_old)::bigint as lapses_180d_old, count_if(is_old and is_back)::bigint as won_back_180d,
        count_if(is_compared and is_contacted)::bigint as contacted_30d,
        count_if(is_compared and is_contacted and is_back)::bigint as won_back_contacted,
        count_if(is_compared and not is_contacted)::bigint as not_contacted_30d,
        count_if(is_compared and not is_contacted and is_back)::bigint as won_back_not_contacted
    from lapses group by grouping sets ((month, tier_before, reason), (month, tier_before), (month, reason), (month))
)
select
    month, tier_before, reason, is_complete_month, lapses, defections, yearly_value_lost, contacted, won_back, lapses_180d_old, won_back_180d,
    if(lapses_180d_old >= 30, won_back_180d / lapses_180d_old, null) as won_back_rate, contacted_30d, won_back_contacted,
    if(contacted_30d >= 30, won_back_contacted / contacted_30d, null) as won_back_rate_contacted, not_contacted_30d,
    won_back_not_contacted, if(not_contacted_30d >= 30, won_back_not_contacted / not_contacted_30d, null) as won_back_rate_not_contacted,
    won_back_rate_contacted - won_back_rate_not_contacted as won_back_rate_difference,
    newcombe(won_back_rate_contacted, contacted_30d, won_back_rate_not_contacted, not_contacted_30d, -1.959963984540054e0) as difference_ci_low,
    newcombe(won_back_rate_contacted, contacted_30d, won_back_rate_not_contacted, not_contacted_30d, 1.959963984540054e0) as difference_ci_high,
    won_back_rate is not null as is_reportable
from counted join months using (month);

create table marts.relationship_stages_monthly as
with referrals as (
    select referred_by_customer_id as customer_id, min(cohort_month) as first_month
    from customers join first_purchases using (customer_id) where referred_by_customer_id is not null group by all
),
staged as (
    select
        w.customer_id, w.month, w.month_index, months.is_complete_month, purchase_months, s.share_of_wallet,
        if(window_sales > 0, coalesce(window_discounted, 0)::double / window_sales::double, null) as discount_share,
        coalesce(r.first_month <= w.month, false) as has_referred, c.account_manager_employee_id is not null as has_manager,
        case
            when purchase_months < 3 then 'loose'
            when window_sales > 0 and coalesce(window_discounted, 0) <= window_sales * 0.2 and s.share_of_wallet >= 0.5 - 1e-7
                then if(has_referred or has_manager, 'partner', 'committed')
            else 'close'
        end as stage
    from windows as w join months using (month)
    left join marts.share_of_wallet_monthly as s on s.customer_id = w.customer_id and s.month = w.month and s.category = 'all'
    left join referrals as r on r.customer_id = w.customer_id
    left join customers as c on c.customer_id = w.customer_id
    where w.purchase_days > 0
)
select
    customer_id, month, is_complete_month, stage, if(lag(month_index) over c = month_index - 1, lag(stage) over c, null) as previous_stage,
    purchase_months as purchase_months_3, share_of_wallet, discount_share, has_referred as has_referred_buyer, has_manager as has_account_manager
from staged window c as (partition by customer_id order by month_index);

create temp table members as
select if(grouping(team_id) = 1, 'all', team_id) as team_id, employee_id, any_value(store_id) as store_id, any_value(hired_on) as hired_on,
    any_value(left_on) filter (left_on <= getvariable('as_of')) as left_on
from employees where hired_on <= getvariable('as_of') group by grouping sets ((team_id, employee_id), (employee_id));

create temp table team_customers as
with spends as (
    select store_id, customer_id, month, sum(net_amount) as net_amount
    from marts.fct_transactions where customer_id is not null and store_id in (select store_id from members) group by all
)
select team_id, customer_id, month, year(month) * 12 + month(month) as month_index,
    lead(year(month) * 12 + month(month)) over (partition by team_id, customer_id order by month) as next_index
from (select distinct team_id, store_id from members) join spends using (store_id)
group by team_id, customer_id, month having sum(net_amount) > 0;

create table marts.team_loyalty_monthly as
with surveyed as (
    select if(grouping(team_id) = 1, 'all', team_id) as team_id, month, count(*) as n, count_if(score >= 9) - count_if(score <= 6) as balance
    from (select team_id, score, date_trunc('month', business_date)::date as month from employee_surveys
        where business_date <= getvariable('as_of'))
    group by grouping sets ((team_id, month), (month))
),
calendar as (
    select month::date as month, least(last_day(month), getvariable('as_of')) as month_end
    from unnest(generate_series((select min(month) from months) - interval 11 months, date_trunc('month', getvariable('as_of')), interval 1 month)) as m(month)
),
teams as (
    select team_id, min(month) as first_month
    from (select team_id, date_trunc('month', hired_on) as month from members union all select team_id, month from surveyed)
    group by team_id
),
counted as (
    select t.team_id, c.month, c.month_end,
        count_if(hired_on < month and coalesce(left_on >= month, true)) as opening,
        count_if(hired_on between month and month_end) as hired, count_if(left_on between month and month_end) as leavers,
        count_if(hired_on <= month_end and coalesce(left_on > month_end, true)) as closing,
        median((month_end - hired_on)::double) filter (hired_on <= month_end and coalesce(left_on > month_end, true)) as tenure
    from teams as t join calendar as c on c.month >= t.first_month left join members as m using (team_id)
    group by all
),
rolled as (
    select c.*, if(count(*) over y = 12, sum(leavers) over y / nullif(sum(opening + closing) over y / 24.0e0, 0), null) as turnover,
        coalesce(n, 0) as n, balance / n as enps, team_id = 'all' as is_all, closing < 5 as is_small
    from counted as c left join surveyed using (team_id, month)
    window y as (partition by team_id order by month rows between 11 preceding and current row)
),
shown as (
    select * from rolled where month >= (select min(month) from months)
    qualify max(opening > 0 or hired > 0 or n > 0) over (partition by team_id)
),
hidden as (
    select *, is_small or not is_all and count_if(is_small and closing > 0 and not is_all) over (partition by month) = 1
            and row_number() over (partition by month, is_all, is_small order by closing, team_id) = 1 as is_suppressed,
        n < 5 or is_suppressed as is_thin
    from shown
),
thin as (
    select *, count_if(n > 0 and is_thin and not is_all) over (partition by month) as thin_teams,
        count_if(n > 0 and not is_all) over (partition by month) as answering,
        n > 0 and (is_thin or thin_teams = 1 and (answering = 1 or not is_all
            and row_number() over (partition by month, is_all, n > 0, is_thin order by n, team_id) = 1)) as is_enps_suppressed
    from hidden
),
bought as (
    select team_id, month, count(*) as customers, sum(answers) as answers, sum(balance) as balance
    from team_customers left join (
        select customer_id, month, count(*) as answers, count_if(attitude = 'high') - count_if(attitude = 'low') as balance
        from voices where kind = 'nps' and is_answer and customer_id is not null group by all
    ) using (customer_id, month)
    group by team_id, month
),
returns as (
    select team_id, month_index + later as month_index, count_if(next_index <= month_index + later + 2) / count(*) as rate
    from team_customers, unnest(generate_series(1, 3)) as s(later)
    where next_index is null or month_index + later <= next_index
    group by all
)
select
    month, last_day(month) <= getvariable('as_of') as is_complete_month, team_id, opening::integer as headcount_opening, hired::integer as hired,
    leavers::integer as leavers, closing::integer as headcount_closing, if(is_suppressed, null, turnover) as turnover_rate_12m,
    if(is_suppressed, null, tenure) as tenure_days_median, if(is_enps_suppressed, null, enps) as enps, n::integer as enps_answers, is_suppressed,
    is_enps_suppressed, coalesce(customers, 0) as customers, b.balance / b.answers as nps, coalesce(b.answers, 0)::bigint as nps_answers,
    if(last_day(month + interval 2 months) <= getvariable('as_of'), rate, null) as retention_rate
from thin left join bought as b using (team_id, month)
left join returns on returns.team_id = thin.team_id and returns.month_index = year(month) * 12 + month(month);
