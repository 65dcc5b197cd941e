-- The marts of feedback, loyalty, defections and people in straight DuckDB, on top of bench/bare_marts.sql and its temporary tables.
create temp macro wilson(p, n, z) as greatest(least((p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n), 1), 0);

create temp macro newcombe(p, n, q, m, z) as p - q + sign(z) * sqrt((p - wilson(p, n, z)) ** 2 + (q - wilson(q, m, -z)) ** 2);

create temp macro nps_bound(p, d, n, z) as greatest(-1, least(1, (p - d) / (n + 3) + z * sqrt(((p + d + 1.5) / (n + 3) - ((p - d) / (n + 3)) ** 2) / (n + 3))));

create temp macro hours(a, b) as date_diff('microsecond', a, b)::double / 1e6 / 3600;

create table marts.dim_tiers as
with current as (
    select coalesce(max(valid_from) filter (valid_from <= last_day(getvariable('as_of'))), min(valid_from)) as valid_from,
        min(valid_from) as first_from, max(tier_rank) as last_rank
    from tier_policy
),
periods as (
    select valid_from, (lead(valid_from) over (order by valid_from) - 1)::date as valid_to from tier_policy group by valid_from
)
select
    tier, valid_from, valid_to, valid_from = current.valid_from as is_current, true as is_policy_tier, tier_rank,
    tier_rank as sort_order, lower_bound, label_en, label_zh
from tier_policy join periods using (valid_from), current
union all
select tier, first_from, null, true, false, null, if(place = 0, 0, last_rank + place)::integer, null, label_en, label_zh
from current, (values ('all', 'All', '全部', 0), ('new', 'New', '新客户', 1), ('lapsed', 'Lapsed', '已流失', 2),
    ('none', 'No tier', '无等级', 3), ('anonymous', 'Without a customer', '无客户', 4)) as groups (tier, label_en, label_zh, place);

create temp table voices as
with known as (
    select f.*, if(f.customer_id is null, 'anonymous', coalesce(t.tier, 'none')) as tier,
        kind in ('nps', 'csat') and score is not null as is_answer,
        case
            when not is_answer then null
            when score >= if(kind = 'nps', 9, 4) then 'high'
            when score <= if(kind = 'nps', 6, 2) then 'low'
            else 'middle'
        end as attitude,
        if(kind = 'nps', score * 10, (score - 1) * 25)::double as points,
        kind = 'complaint' and f.customer_id is not null and topic is not null as can_repeat
    from marts.fct_feedback as f
    left join marts.customer_tiers_monthly as t on f.customer_id = t.customer_id and f.month = t.month
)
select *,
    if(can_repeat, coalesce(business_date - lag(business_date) over (
        partition by can_repeat, customer_id, topic order by feedback_at, feedback_id) <= 90, false), null) as is_repeated
from known;

create temp table feedback_groups as
with named as (
    select * replace (coalesce(driver, 'unknown') as driver, coalesce(topic, 'unknown') as topic, coalesce(channel, 'unknown') as channel),
        if(kind in ('complaint', 'suggestion'), hours(feedback_at, responded_at), null) as response,
        if(kind = 'complaint', hours(feedback_at, resolved_at), null) as resolution
    from voices
)
select
    month, case when tier is not null then 'tier' when driver is not null then 'driver' when topic is not null then 'topic'
        when channel is not null then 'channel' else 'all' end as dimension,
    coalesce(tier, driver, topic, channel, 'all') as value, count(*) as feedback_count,
    count_if(kind = 'nps' and is_answer) as nps_answers, count_if(kind = 'nps' and attitude = 'high') as promoters,
    count_if(kind = 'nps' and attitude = 'middle') as passives, count_if(kind = 'nps' and attitude = 'low') as detractors,
    count_if(kind = 'csat' and is_answer) as csat_answers, count_if(kind = 'csat' and attitude = 'high') as csat_satisfied,
    count_if(kind = 'complaint') as complaints, count_if(kind = 'suggestion') as suggestions, count_if(kind = 'praise') as praises,
    count_if(kind = 'exit_interview') as exit_interviews, count(response) as responded,
    quantile_cont(response, [0.5, 0.9]) as response_hours, count(resolution) as resolved,
    quantile_cont(resolution, [0.5, 0.9]) as resolution_hours,
    count_if(kind = 'complaint' and outcome_told_at is not null) as outcomes_told, count_if(can_repeat) as repeatable,
    count_if(is_repeated) as repeat_complaints,
    count(distinct customer_id) filter (kind = 'complaint' or attitude = 'low') as unhappy_customers
from named group by grouping sets ((month), (month, tier), (month, driver), (month, topic), (month, channel));

create table marts.feedback_summary_monthly as
with pairs as (
    select dimension, value, unnest(generate_series(min(month), date_trunc('month', getvariable('as_of')), interval 1 month))::date as month
    from feedback_groups group by dimension, value
),
filled as (
    select p.*, coalesce(columns(g.* exclude (month, dimension, value, response_hours, resolution_hours)), 0)::bigint, response_hours, resolution_hours
    from pairs as p left join feedback_groups as g using (dimension, value, month)
)
select
    month, dimension, value, last_day(month) <= getvariable('as_of') as is_complete_month, feedback_count, nps_answers, promoters,
    passives, detractors, (promoters - detractors)::double / nullif(nps_answers, 0) as nps,
    if(nps_answers > 0, nps_bound(promoters, detractors, nps_answers, -1.959963984540054e0), null) as nps_ci_low,
    if(nps_answers > 0, nps_bound(promoters, detractors, nps_answers, 1.959963984540054e0), null) as nps_ci_high,
    csat_answers, csat_satisfied, csat_satisfied::double / nullif(csat_answers, 0) as csat_rate, complaints, suggestions, praises,
    exit_interviews, responded, response_hours[1] as response_hours_median, response_hours[2] as response_hours_p90, resolved,
    complaints - resolved as open_complaints, resolution_hours[1] as resolution_hours_median, resolution_hours[2] as resolution_hours_p90,
    outcomes_told, outcomes_told::double / nullif(complaints, 0) as loop_closed_rate, repeat_complaints,
    repeat_complaints::double / nullif(repeatable, 0) as repeat_complaint_rate, unhappy_customers,
    complaints * 10.0e0 as estimated_silent_unhappy, unhappy_customers * 25.0e0 as estimated_reached
from filled;

create table marts.complaint_causes_monthly as
with windowed as (
    select (month + to_months(later))::date as month, value as topic, sum(complaints) as n, sum(complaints) filter (later < 3) as r
    from feedback_groups, unnest(generate_series(0, 11)) as s(later)
    where dimension = 'topic' and complaints > 0
    group by all
),
compared as (
    select *, date_diff('day', month - interval 2 months, month + interval 1 month)::double
            / date_diff('day', month - interval 11 months, month + interval 1 month) as days_share,
        n * days_share as expected, coalesce(r, 0) as recent
    from windowed
    where last_day(month) <= getvariable('as_of') and month - interval 11 months >= (select min(month) from voices)
)
select
    month, topic, n::bigint as complaints_12m, n::double / sum(n) over (partition by month) as share,
    sum(n) over (partition by month order by n desc, topic)::double / sum(n) over (partition by month) as cumulative_share,
    recent::bigint as recent, expected as expected_recent, (recent - expected) / sqrt(expected * (1 - days_share)) as z,
    z >= 2.326 and recent >= 10 as is_rising
from compared;

create table marts.loyalty_matrix as
with customers as (
    select
        customer_id, count_if(is_purchase_day)::integer as days, sum(net_amount)::decimal(18, 2) as revenue,
        sum(profit_amount)::decimal(18, 2) as profit,
        case when sum(assumed_line_count) = 0 then 'actual' when sum(assumed_line_count) = sum(line_count) then 'assumed' else 'mixed' end
            as profit_basis,
        median(days::double) over () as median_days
    from customer_days where business_date > (getvariable('as_of') - interval 12 months)::date
    group by customer_id having days > 0
),
latest as (
    select customer_id, arg_max({'score': score, 'kind': kind, 'at': feedback_at, 'attitude': attitude}, (feedback_at, feedback_id)) as said
    from voices
    where is_answer and customer_id is not null and business_date > (getvariable('as_of') - interval 12 months)::date
    group by customer_id
)
select
    c.customer_id, getvariable('as_of') as as_of_date, coalesce(tier, 'none') as tier,
    case when said is null then 'unknown' when said.attitude = 'high' then 'high' else 'low' end as attitude,
    said.score as attitude_score, said.kind as attitude_kind, said.at as attitude_at,
    if(days >= median_days or coalesce(w.share_of_wallet >= 0.5 - 1e-7, false), 'high', 'low') as behaviour,
    days as purchase_days_12m, median_days as median_purchase_days_12m, w.share_of_wallet,
    case
        when said is null then 'unknown_attitude'
        when attitude = 'high' then if(behaviour = 'high', 'true', 'latent')
        else if(behaviour = 'high', 'spurious', 'none')
    end as loyalty,
    revenue as revenue_12m, profit as profit_12m, c.profit_basis
from customers as c left join latest using (customer_id)
left join marts.share_of_wallet_monthly as w
    on w.customer_id = c.customer_id and w.category = 'all' and w.month = date_trunc('month', getvariable('as_of'))
left join marts.customer_tiers_monthly as t on t.customer_id = c.customer_id and t.month = date_trunc('month', getvariable('as_of'));

create table marts.loyalty_matrix_summary as
with kinds as (
    select * replace (coalesce(attitude_kind, 'unknown') as attitude_kind) from marts.loyalty_matrix
)
select
    tier, if(grouping(attitude_kind) = 1, 'all', attitude_kind) as attitude_kind, loyalty, getvariable('as_of') as as_of_date,
    count(*) as customer_count,
    count(*) / sum(if(grouping(attitude_kind) = 1, count(*), 0)) over (partition by tier) as customer_share,
    count(*) / sum(count(*)) over (partition by tier, grouping(attitude_kind), attitude_kind) as kind_share,
    sum(revenue_12m)::decimal(18, 2) as revenue_12m, sum(profit_12m)::decimal(18, 2) as profit_12m,
    if(min(profit_basis) = max(profit_basis), min(profit_basis), 'mixed') as profit_basis
from kinds group by grouping sets ((tier, attitude_kind, loyalty), (tier, loyalty));

create table marts.loyalty_drivers_monthly as
with answers as (
    select *, lead(month) over (partition by driver, customer_id, business_date + 90 <= getvariable('as_of')
        order by feedback_at, feedback_id) as next_month
    from voices where is_answer and driver is not null
),
counted as (
    select a.feedback_id, a.driver, a.attitude, a.month, a.next_month,
        count(d.customer_id) filter (d.business_date > a.business_date) as after,
        after - count(d.customer_id) filter (d.business_date < a.business_date) as change
    from answers as a
    left join customer_days as d
        on d.customer_id = a.customer_id and d.is_purchase_day and d.business_date between a.business_date - 90 and a.business_date + 90
    where a.customer_id is not null and a.business_date + 90 <= getvariable('as_of')
    group by a.feedback_id, a.driver, a.attitude, a.month, a.next_month
),
raters as (
    select driver, attitude, after, change, unnest(generate_series(month,
        least(month + interval 11 months, next_month - interval 1 month, date_trunc('month', getvariable('as_of'))), interval 1 month))::date as month
    from counted
),
rates as (
    select driver, month, count_if(attitude = 'high') as high, count_if(attitude = 'high' and after > 0) as high_back,
        count_if(attitude = 'low') as low, count_if(attitude = 'low' and after > 0) as low_back,
        median(change::double) filter (attitude = 'high') as high_change, median(change::double) filter (attitude = 'low') as low_change
    from raters group by driver, month
),
scores as (
    select driver, month, count(*) as n, avg(points) as mean, stddev_samp(points) / sqrt(count(*)) as error from answers group by driver, month
),
driver_months as (
    select driver, unnest(generate_series(min(month), date_trunc('month', getvariable('as_of')), interval 1 month))::date as month
    from answers group by driver
)
select
    month, driver, last_day(month) <= getvariable('as_of') as is_complete_month, coalesce(n, 0) as answers, mean as mean_score,
    error as score_standard_error, coalesce(high, 0) as high_raters, coalesce(high_back, 0) as high_retained,
    if(high >= 30, high_back / high, null) as high_retention_rate, coalesce(low, 0) as low_raters, coalesce(low_back, 0) as low_retained,
    if(low >= 30, low_back / low, null) as low_retention_rate, high_retention_rate - low_retention_rate as retention_difference,
    newcombe(high_retention_rate, high, low_retention_rate, low, -1.959963984540054e0) as difference_ci_low,
    newcombe(high_retention_rate, high, low_retention_rate, low, 1.959963984540054e0) as difference_ci_high,
    high_change as high_median_change, low_change as low_median_change,
    coalesce(high >= 30, false) and coalesce(low >= 30, false) as is_reportable
from driver_months left join scores using (driver, month) left join rates using (driver, month);
