-- The marts that rest on neither feedback nor a fitted model, in straight DuckDB, from clean raw tables, for the shipped default
-- policy and settings. Run by bench/bare.py, which sets the variables as_of, as_of_end and seeds. One statement ends with a
-- semicolon at a line's end.
create schema marts;

create temp table tier_policy as
select *, lag(lower_bound) over (order by tier_rank) as upper_bound, tier_rank = max(tier_rank) over () as is_lowest
from read_csv(getvariable('seeds') || '/tier_policy.csv', header = true, columns = {
    'valid_from': 'date', 'tier': 'varchar', 'label_zh': 'varchar', 'label_en': 'varchar', 'tier_rank': 'integer',
    'lower_bound': 'decimal(18,2)'});

create temp table margin_rates as
from read_csv(getvariable('seeds') || '/margin_rates.csv', header = true, columns = {'category': 'varchar', 'margin_rate': 'decimal(9,6)'});

create table marts.fct_transactions as
select
    transaction_id, line_number, customer_id, customer_id is null as is_anonymous, product_id, category,
    is_known_product, transaction_at, business_date,
    date_trunc('month', business_date)::date as month,
    store_id, channel, quantity, net_amount, discount_amount,
    (net_amount - profit)::decimal(18, 2) as cost_amount,
    profit as profit_amount,
    if(actual_cost is null, 'assumed', 'actual') as profit_basis,
    cost_source_system, source_system
from (
    select
        t.*,
        coalesce(p.category, 'unknown') as category,
        p.product_id is not null as is_known_product,
        coalesce(t.cost_amount, (t.quantity * p.unit_cost)::decimal(18, 2)) as actual_cost,
        case
            when t.cost_amount is not null then t.source_system
            when t.quantity is not null and p.unit_cost is not null then coalesce(p.cost_source_system, p.source_system)
        end as cost_source_system,
        coalesce(
            t.net_amount - actual_cost,
            t.net_amount * coalesce(m.margin_rate, 0.25::decimal(9, 6))
        )::decimal(18, 2) as profit
    from transactions as t
    left join products as p using (product_id)
    left join margin_rates as m on coalesce(p.category, 'unknown') = m.category
    where t.business_date <= getvariable('as_of')
);

create temp table customer_days as
select
    customer_id, business_date, min(month) as month,
    sum(net_amount) as net_amount,
    sum(profit_amount) as profit_amount,
    sum(net_amount) filter (net_amount > 0) as sales_amount,
    sum(net_amount) filter (net_amount > 0 and discount_amount > 0) as discounted_amount,
    count(*) as line_count,
    count_if(profit_basis = 'assumed') as assumed_line_count,
    count_if(is_known_product) as known_product_line_count,
    count_if(coalesce(store_id, channel) is not null) as placed_line_count,
    sum(net_amount) > 0 as is_purchase_day
from marts.fct_transactions
group by customer_id, business_date;

create temp table months as
select
    month, least(last_day(month), getvariable('as_of')) as month_end,
    last_day(month) <= getvariable('as_of') as is_complete_month,
    (year(month) * 12 + month(month))::integer as month_index
from (
    select unnest(generate_series(min(month), date_trunc('month', getvariable('as_of')), interval 1 month))::date as month
    from customer_days
);

create temp table customer_months as
select
    customer_id, month, year(month) * 12 + month(month) as month_index,
    sum(net_amount) as net_amount, sum(profit_amount) as profit_amount,
    sum(sales_amount) as sales_amount, sum(discounted_amount) as discounted_amount,
    sum(line_count) as line_count, sum(assumed_line_count) as assumed_line_count,
    count_if(is_purchase_day) as purchase_days
from customer_days
group by customer_id, month;

create temp table first_purchases as
select customer_id, min(month) as cohort_month, min(business_date) as first_purchase_date, max(business_date) as last_purchase_date
from customer_days where is_purchase_day group by customer_id;

create table marts.fct_feedback as
select
    feedback_id, customer_id, feedback_at, business_date, date_trunc('month', business_date)::date as month, kind, score, driver,
    topic, channel, comment_text is not null as has_comment,
    if(responded_at < getvariable('as_of_end'), responded_at, null) as responded_at,
    if(resolved_at < getvariable('as_of_end'), resolved_at, null) as resolved_at,
    if(outcome_told_at < getvariable('as_of_end'), outcome_told_at, null) as outcome_told_at, source_system
from feedback where business_date <= getvariable('as_of');

create table marts.dim_customers as
with known as (
    select *, (
        (full_name is not null)::int + (phone is not null or email is not null)::int + (address is not null or region is not null)::int
        + (birth_date is not null or age_band is not null)::int + (gender is not null)::int + (marital_status is not null)::int
        + (household_size is not null)::int + (income_band is not null)::int + (registered_on is not null)::int
        + (preferred_channel is not null)::int
    ) / 10.0e0 as basics
    from customers where business_date <= getvariable('as_of')
),
bought as (
    select customer_id, (sum(known_product_line_count) + sum(placed_line_count)) / (2.0e0 * sum(line_count)) as purchases
    from customer_days group by customer_id
),
voices as (
    select customer_id, count(distinct side) / 3.0e0 as interactions
    from (
        select customer_id, direction as side from interactions where business_date <= getvariable('as_of')
        union all
        select customer_id, 'answer' from marts.fct_feedback
        union all
        select customer_id, 'answer' from wallet_surveys where business_date <= getvariable('as_of')
    )
    where customer_id is not null group by customer_id
)
select
    customer_id, known.source_system is not null as is_known, gender, age_band, income_band, household_size, marital_status,
    region, segment, acquisition_channel, registered_on, referred_by_customer_id, preferred_channel, is_marketing_consent,
    first_purchase_date, last_purchase_date,
    coalesce(basics, 0) as basics_completeness, coalesce(purchases, 0) as purchases_completeness,
    coalesce(interactions, 0) as interactions_completeness,
    (coalesce(basics, 0) + coalesce(purchases, 0) + coalesce(interactions, 0)) / 3.0e0 as archive_completeness,
    known.source_system
from known full join bought using (customer_id) full join voices using (customer_id) left join first_purchases using (customer_id);

create temp table windows as
with spans as (
    select customer_id, min(month_index) as first_index, min(month_index) filter (purchase_days > 0) as first_purchase_index,
        max(month_index) filter (purchase_days > 0) + 12 as last_index
    from customer_months group by customer_id
)
select
    s.customer_id, m.month, m.month_index, s.first_purchase_index,
    sum(coalesce(net_amount, 0)) over w as window_spend,
    sum(coalesce(profit_amount, 0)) over w as window_profit,
    sum(coalesce(purchase_days, 0)) over w as purchase_days,
    sum(coalesce(line_count, 0)) over w as line_count,
    sum(coalesce(assumed_line_count, 0)) over w as assumed_line_count,
    sum(sales_amount) over w as window_sales, sum(discounted_amount) over w as window_discounted,
    count(nullif(c.purchase_days, 0)) over (partition by s.customer_id order by m.month_index rows between 2 preceding and current row)::integer
        as purchase_months
from spans as s
join months as m on m.month_index between s.first_index and s.last_index
left join customer_months as c on c.customer_id = s.customer_id and c.month_index = m.month_index
window w as (partition by s.customer_id order by m.month_index rows between 11 preceding and current row);

create table marts.customer_tiers_monthly as
with followed as (
    select *, least(12, month_index - first_purchase_index + 1) as months_observed,
        lag(purchase_days) over (partition by customer_id order by month_index) as days_before
    from windows
    qualify purchase_days > 0 or days_before > 0
),
ranked as (
    select f.*,
        case
            when purchase_days = 0 then 'lapsed'
            when month_index - first_purchase_index < 3 then 'new'
            else p.tier
        end as tier,
        if(purchase_days > 0 and month_index - first_purchase_index >= 3, p.tier_rank, null) as tier_rank,
        p.lower_bound,
        (window_spend / months_observed::decimal(18, 2))::decimal(18, 4) as avg_monthly_spend
    from followed as f
    join tier_policy as p
        on (p.is_lowest or f.window_spend >= p.lower_bound * f.months_observed)
        and (p.upper_bound is null or f.window_spend < p.upper_bound * f.months_observed)
),
tiered as (
    select *,
        lag(tier) over (partition by customer_id order by month_index) as previous_tier,
        lag(tier_rank) over (partition by customer_id order by month_index) as previous_rank
    from ranked
)
select
    customer_id, month, is_complete_month, tier, tier as earned_tier, tier_rank, previous_tier,
    case
        when tier = 'lapsed' then 'lapsed'
        when previous_tier is null then 'new'
        when previous_tier = 'lapsed' then 'returned'
        when previous_tier = tier then 'unchanged'
        when previous_tier = 'new' then 'graduated'
        when tier_rank < previous_rank then 'upgraded'
        when tier_rank > previous_rank then 'downgraded'
        else 'unchanged'
    end as movement,
    case
        when tier = 'lapsed' then 'no purchase in 12 months'
        when tier = 'new' then 'first purchase ' || strftime(cohort_month, '%Y-%m')
        else 'avg_monthly_spend ' || (floor(avg_monthly_spend * 100) / 100)::decimal(18, 2)
            || if(avg_monthly_spend >= lower_bound, ' >= ', ' < ') || lower_bound
    end as reason,
    months_observed, window_spend::decimal(18, 2) as window_spend, window_profit::decimal(18, 2) as window_profit,
    avg_monthly_spend, purchase_days::integer as purchase_days,
    case
        when line_count = 0 then null
        when assumed_line_count = 0 then 'actual'
        when assumed_line_count = line_count then 'assumed'
        else 'mixed'
    end as profit_basis
from tiered join months using (month) join first_purchases using (customer_id);

create table marts.tier_contribution_monthly as
select
    month, is_complete_month, tier, count(*)::integer as customer_count,
    count(*) / sum(count(*)) over m as customer_share,
    sum(window_spend)::decimal(18, 2) as revenue,
    if(sum(sum(window_spend)) over m > 0, sum(window_spend)::double / sum(sum(window_spend)) over m, null) as revenue_share,
    revenue_share as revenue_share_of_all, -- the generated history has no sale without a customer
    sum(window_profit)::decimal(18, 2) as profit,
    if(sum(sum(window_profit)) over m > 0, sum(window_profit)::double / sum(sum(window_profit)) over m, null) as profit_share,
    profit_share as profit_share_of_all,
    (sum((window_spend / months_observed::decimal(18, 2))::decimal(28, 10)) / count(*))::decimal(18, 4) as avg_monthly_spend,
    if(min(profit_basis) = max(profit_basis), min(profit_basis), 'mixed') as profit_basis
from marts.customer_tiers_monthly
where tier <> 'lapsed'
group by month, is_complete_month, tier
window m as (partition by month);

create table marts.tier_migration_monthly as
select
    month, is_complete_month, coalesce(previous_tier, 'none') as from_tier, tier as to_tier, count(*)::integer as customer_count,
    count(*) / sum(count(*)) over (partition by month, coalesce(previous_tier, 'none')) as transition_rate
from marts.customer_tiers_monthly
group by month, is_complete_month, coalesce(previous_tier, 'none'), tier;

create temp table spend_ranks as
select
    customer_id, month, window_spend as revenue, window_profit as profit,
    count(*) over (partition by month) as n,
    row_number() over (partition by month order by window_spend desc, customer_id) as by_revenue,
    row_number() over (partition by month order by window_profit desc, customer_id) as by_profit
from marts.customer_tiers_monthly where tier <> 'lapsed';

create table marts.customer_concentration_monthly as
with sums as (
    select
        month, count(*) as n, sum(revenue) as revenue, sum(profit) as profit,
        sum(revenue) filter (by_revenue <= (n + 4) // 5) as top_20_revenue,
        sum(profit) filter (by_profit <= (n + 4) // 5) as top_20_profit,
        sum(profit) filter (by_profit <= (n + 9) // 10) as top_10_profit,
        sum(profit) filter (by_profit > n - (n + 9) // 10) as bottom_10_profit,
        sum((n - by_revenue + 1) * revenue) as weighted_revenue
    from spend_ranks group by month
)
select
    month, is_complete_month, coalesce(n, 0)::integer as customer_count,
    if(revenue > 0, top_20_revenue::double / revenue, null) as top_20_revenue_share,
    if(profit > 0, top_20_profit::double / profit, null) as top_20_profit_share,
    if(revenue > 0, (2 * weighted_revenue - (n + 1) * revenue)::double / (n * revenue)::double, null) as gini_revenue,
    if(bottom_10_profit > 0, top_10_profit::double / bottom_10_profit, null) as top_10_to_bottom_10_profit_ratio
from months left join sums using (month);

create table marts.customer_deciles_monthly as
with measures as (
    select month, 'revenue' as measure, revenue as amount, ntile(10) over (partition by month order by by_revenue) as decile from spend_ranks
    union all
    select month, 'profit', profit, ntile(10) over (partition by month order by by_profit) from spend_ranks
)
select
    month, is_complete_month, measure, decile::integer as decile, count(*)::integer as customer_count,
    sum(amount)::decimal(18, 2) as amount,
    if(sum(sum(amount)) over m > 0, sum(amount)::double / sum(sum(amount)) over m, null) as amount_share,
    if(sum(sum(amount)) over m > 0, sum(sum(amount)) over (m order by decile)::double / sum(sum(amount)) over m, null) as cumulative_share
from measures join months using (month)
group by month, is_complete_month, measure, decile
window m as (partition by month, measure);

create temp table gaps as
select
    customer_id, business_date as purchase_date,
    lead(business_date) over (partition by customer_id order by business_date) as next_purchase_date,
    next_purchase_date is not null as is_closed,
    (coalesce(next_purchase_date, getvariable('as_of')) - business_date)::integer as gap_days
from customer_days where is_purchase_day;

create temp table gap_survivals as
with days as (
    select gap_days as day, count(*) as subjects, count_if(is_closed) as events from gaps group by gap_days
),
at_risk as (
    select *, sum(subjects) over (order by day desc) as n from days
)
select day, if(bool_or(events = n) over r, 0, exp(sum(if(events < n, ln((n - events)::double / n), 0)) over r)) as survival
from at_risk window r as (order by day);

create temp table thresholds as
with population as (
    select min(day) filter (survival <= 0.2 + 1e-12) as at_risk_day, min(day) filter (survival <= 0.05 + 1e-12) as lapsed_day
    from gap_survivals
),
own as (
    select
        customer_id, min(purchase_date) as first_purchase_date, max(purchase_date) as last_purchase_date,
        max(gap_days) filter (not is_closed) as recency_days, count(*) as purchase_days,
        quantile_cont(gap_days::double, 0.5) filter (is_closed) as median_gap_days,
        if(count_if(is_closed) >= 5, round(quantile_cont(gap_days::double, 0.9) filter (is_closed), 6), null) as own_gap_p90_days
    from gaps group by customer_id
)
select
    own.*, coalesce(own_gap_p90_days, at_risk_day::double, 90.0) as at_risk_after_days,
    case when own_gap_p90_days is not null then 'own' when at_risk_day is not null then 'population' else 'default' end as threshold_basis,
    greatest(2 * at_risk_after_days, coalesce(lapsed_day, 180))::double as lapsed_after_days
from own, population;

create temp table lapses as
select
    customer_id, (purchase_date + (floor(lapsed_after_days) + 1)::integer)::date as lapse_date, purchase_date,
    next_purchase_date as reactivated_date
from gaps join thresholds using (customer_id)
where gap_days > lapsed_after_days;

create temp table spells as
with ended as (
    select *, lag(reactivated_date) over c as returned_on, row_number() over c as number, count(*) over (partition by customer_id) as total
    from lapses window c as (partition by customer_id order by purchase_date)
)
select customer_id, number, coalesce(returned_on, first_purchase_date) as started_on, purchase_date as ended_on, lapse_date
from ended join thresholds using (customer_id)
union all
select t.customer_id, coalesce(number, 0) + 1, coalesce(reactivated_date, first_purchase_date), null, null
from thresholds as t left join ended as e on t.customer_id = e.customer_id and number = total
where e.customer_id is null or reactivated_date is not null;

create table marts.survival_curves as
with first_tiers as (
    select customer_id, arg_min(tier, month) as tier from marts.customer_tiers_monthly
    where is_complete_month and tier not in ('new', 'lapsed') group by customer_id
),
lifetimes as (
    select customer_id, (coalesce(ended_on, getvariable('as_of')) - started_on)::integer as day, lapse_date is not null as is_event
    from spells where number = 1
),
durations as (
    select 'gap' as curve, 'all' as group_name, gap_days as day, is_closed as is_event from gaps
    union all
    select 'time_to_second_purchase', 'all', gap_days, is_closed
    from gaps qualify row_number() over (partition by customer_id order by purchase_date) = 1
    union all
    select 'lifetime', 'all', day, is_event from lifetimes
    union all
    select 'lifetime', tier, day, is_event from lifetimes join first_tiers using (customer_id)
),
days as (
    select curve, group_name, day, count(*) as subjects, count_if(is_event) as events from durations group by all
),
at_risk as (
    select *, sum(subjects) over (partition by curve, group_name order by day desc) as n from days
),
running as (
    select *,
        bool_or(events = n) over r as is_over,
        sum(if(events < n, ln((n - events)::double / n), 0)) over r as log_survival,
        sum(if(events < n, events::double / (n::double * (n - events)), 0)) over r as greenwood
    from at_risk window r as (partition by curve, group_name order by day)
)
select
    curve, group_name, day, n::bigint as at_risk_count, events::bigint as event_count,
    (subjects - events)::bigint as censored_count,
    if(is_over, 0, exp(log_survival)) as survival,
    if(is_over, null, exp(log_survival) * sqrt(greenwood)) as standard_error,
    case when is_over then null when log_survival = 0 then 1
        else exp(log_survival * exp(1.959963984540054 * sqrt(greenwood) / -log_survival)) end as ci_low,
    case when is_over then null when log_survival = 0 then 1
        else exp(log_survival * exp(-1.959963984540054 * sqrt(greenwood) / -log_survival)) end as ci_high
from running;

create table marts.survival_curves_daily as
with days as (
    select curve, group_name, unnest(range(max(day) + 1))::integer as day from marts.survival_curves group by all
)
select
    days.curve, days.group_name, days.day, later.at_risk_count, coalesce(same.event_count, 0) as event_count,
    coalesce(same.censored_count, 0) as censored_count, if(earlier.day is null, 1, earlier.survival) as survival,
    if(earlier.day is null, 0, earlier.standard_error) as standard_error, if(earlier.day is null, 1, earlier.ci_low) as ci_low,
    if(earlier.day is null, 1, earlier.ci_high) as ci_high
from days
asof left join marts.survival_curves as earlier
    on days.curve = earlier.curve and days.group_name = earlier.group_name and days.day >= earlier.day
asof left join marts.survival_curves as later
    on days.curve = later.curve and days.group_name = later.group_name and days.day <= later.day
left join marts.survival_curves as same
    on days.curve = same.curve and days.group_name = same.group_name and days.day = same.day;

create table marts.dim_dates as
with bounds as (
    select
        date_trunc('month', least(
            getvariable('as_of') - 30,
            (select min(business_date) from marts.fct_transactions),
            (select min(business_date) from marts.fct_feedback)
        )) as first_day,
        last_day(getvariable('as_of') + 90) as last_day
),
days as (
    select unnest(generate_series(first_day, last_day, interval 1 day))::date as d from bounds
)
select
    d as date_day, year(d)::integer as year, quarter(d)::integer as quarter,
    date_trunc('quarter', d)::date as quarter_start, date_trunc('month', d)::date as month,
    month(d)::integer as month_number, day(d)::integer as day_of_month, dayofyear(d)::integer as day_of_year,
    date_trunc('week', d)::date as week_start, isoyear(d)::integer as iso_year, week(d)::integer as iso_week,
    isodow(d)::integer as day_of_week, monthname(d) as month_name_en,
    ['一', '二', '三', '四', '五', '六', '七', '八', '九', '十', '十一', '十二'][month(d)] || '月' as month_name_zh,
    dayname(d) as day_name_en, '星期' || substr('一二三四五六日', isodow(d), 1) as day_name_zh,
    d = last_day(d) as is_month_end, isodow(d) > 5 as is_weekend, false as is_closed_day,
    last_day(d) <= getvariable('as_of') as is_complete_month, d = getvariable('as_of') as is_as_of,
    (getvariable('as_of') - d)::integer as days_before_as_of
from days;

create table marts.loyalty_scenarios as
with last_month as (
    select max(month) as last from months where is_complete_month
),
starts as (
    select s.customer_id, t.tier, m.month, m.month <= last as is_seen,
        not coalesce(date_trunc('month', lapse_date) = m.month, false) as is_kept
    from last_month, unnest(generate_series(last - interval 11 months, last + interval 1 month, interval 1 month)) as m(month)
    join spells as s on started_on < m.month and (lapse_date is null or lapse_date >= m.month)
    left join marts.customer_tiers_monthly as t
        on t.customer_id = s.customer_id and t.month = m.month - interval 1 month and t.tier <> 'lapsed'
),
profits as (
    select s.*, coalesce(profit_amount, 0) as profit
    from starts as s left join customer_months as c on c.customer_id = s.customer_id and c.month = s.month
),
members as (
    select if(grouping(tier) = 1, 'all', tier) as tier, customer_id, bool_or(not is_seen) as is_there,
        count_if(is_seen)::double as n, count_if(is_seen and is_kept)::double as kept,
        coalesce(sum(profit) filter (is_seen), 0)::double as profit, min(month) filter (is_seen) as first_month
    from profits group by grouping sets ((tier, customer_id), (customer_id))
),
totals as (
    select tier, count_if(is_there) as customers, sum(n) as months, sum(n - kept)::bigint as lapses, min(first_month) as first_month,
        count_if(n > 0)::double as c, sum(kept) / nullif(months, 0) as p, sum(profit) / nullif(months, 0) as m
    from members where tier is not null group by tier
),
spreads as (
    select tier,
        sum((kept - p * n) ** 2) * any_value(c / (c - 1) / months ** 2) as vp,
        sum((profit - m * n) ** 2) * any_value(c / (c - 1) / months ** 2) as vm,
        sum((kept - p * n) * (profit - m * n)) * any_value(c / (c - 1) / months ** 2) as cov
    from members join totals using (tier) group by tier
),
rates as (
    select *, 1.959963984540054e0 as z, 1.1e0 as d, if(months >= 30, p, null) as rate, rate ** 12 as r,
        if(lapses >= 5, r, null) as r0, 12 * rate ** 11 as slope,
        (p + z * z / 2 / months - z * sqrt(p * (1 - p) / months + z * z / 4 / months ** 2)) / (1 + z * z / months) as low,
        (p + z * z / 2 / months + z * sqrt(p * (1 - p) / months + z * z / 4 / months ** 2)) / (1 + z * z / months) as high
    from totals join spreads using (tier)
),
raised as (
    select *, if(r0 is null, null, least(r0 + points / 100.0e0, 1)) as r1, if(r0 + points / 100.0e0 < 1, 1, 0) as moves,
        d / (d - r1) - d / (d - r0) as g, (moves * d / (d - r1) ** 2 - d / (d - r0) ** 2) * slope as gs,
        12 * m * g as gain,
        if(r0 is null, null, 12 * sqrt(greatest(g ** 2 * vm + (m * gs) ** 2 * vp + 2 * g * m * gs * cov, 0))) as error,
        (d - r0) / (d - r1) - 1 as u, abs((moves * (d - r0) / (d - r1) ** 2 - 1 / (d - r1)) * slope) * sqrt(vp) as u_error
    from rates, unnest([1, 5, 10]) as wanted(points)
)
select
    tier, points as retention_points, getvariable('as_of') as as_of_date, customers, months::bigint as customer_months, lapses,
    first_month::date as first_month, rate as monthly_retention_rate, r as retention_rate,
    if(rate is null, null, greatest(low, 0) ** 12) as retention_rate_ci_low,
    if(rate is null, null, least(high, 1) ** 12) as retention_rate_ci_high,
    r1 as scenario_retention_rate, 0.1::double as discount_rate,
    if(rate is null, null, 12 * m)::decimal(18, 4) as profit_per_customer,
    if(rate is null, null, 12 * sqrt(vm))::decimal(18, 4) as profit_per_customer_standard_error,
    (12 * m * (d / (d - r0)))::decimal(18, 4) as lifetime_profit_per_customer,
    (12 * m * (d / (d - r1)))::decimal(18, 4) as scenario_lifetime_profit_per_customer,
    (customers * gain)::decimal(18, 2) as profit_uplift,
    (customers * (gain - z * error))::decimal(18, 2) as profit_uplift_ci_low,
    (customers * (gain + z * error))::decimal(18, 2) as profit_uplift_ci_high,
    u as uplift_rate, u - z * u_error as uplift_rate_ci_low, u + z * u_error as uplift_rate_ci_high,
    case when rate is null then 'fewer than 30 customer-months at risk' when r0 is null then 'fewer than 5 lapses' end as reason
from raised;

create table marts.retention_flows_monthly as
with moves as (
    select cohort_month as month, 1 as new, 0 as reactivated, 0 as lapsed from first_purchases
    union all
    select date_trunc('month', reactivated_date)::date, 0, 1, 0 from lapses where reactivated_date is not null
    union all
    select date_trunc('month', lapse_date)::date, 0, 0, 1 from lapses
),
flows as (
    select month, is_complete_month, coalesce(sum(new), 0) as new, coalesce(sum(reactivated), 0) as reactivated,
        coalesce(sum(lapsed), 0) as lapsed, sum(sum(coalesce(new + reactivated - lapsed, 0))) over (order by month) as closing
    from months left join moves using (month)
    where month >= (select min(cohort_month) from first_purchases)
    group by month, is_complete_month
)
select
    month, is_complete_month, (closing - new - reactivated + lapsed)::bigint as opening, new::bigint as new,
    reactivated::bigint as reactivated, lapsed::bigint as lapsed, closing::bigint as closing,
    1 - lapsed::double / nullif(opening, 0) as retention_rate
from flows;

create table marts.retention_cohorts_monthly as
with cohorts as (
    select cohort_month, count(*) as cohort_size from first_purchases group by cohort_month
),
activity as (
    select cohort_month, month, count_if(purchase_days > 0) as retained, sum(net_amount) as revenue
    from customer_months join first_purchases using (customer_id) group by cohort_month, month
)
select
    cohort_month, (date_diff('month', cohort_month, month))::integer as months_since_first, month, is_complete_month, cohort_size,
    coalesce(retained, 0)::bigint as retained_customers, coalesce(retained, 0)::double / cohort_size as retention_rate,
    coalesce(revenue, 0)::decimal(18, 2) as revenue,
    (sum(coalesce(revenue, 0)) over (partition by cohort_month order by month)::double / cohort_size)::decimal(18, 4)
        as cumulative_revenue_per_customer
from cohorts join months on cohort_month <= month left join activity using (cohort_month, month);

create table marts.revenue_retention_monthly as
with covered as (
    select *, month_index as m from months where month_index - 23 >= (select min(month_index) from months)
),
spent as (
    select month, is_complete_month, customer_id,
        coalesce(sum(net_amount) filter (month_index <= m - 12), 0) as r0,
        greatest(coalesce(sum(net_amount) filter (month_index > m - 12), 0), 0) as r1
    from (select c.month, c.is_complete_month, c.m, x.customer_id, x.month_index, x.net_amount
        from customer_months as x join covered as c on x.month_index between c.m - 23 and c.m)
    group by all
    having r0 > 0
)
select
    month, is_complete_month, 12::integer as window_months, count(r0) as customer_count,
    coalesce(sum(r0), 0)::decimal(18, 2) as opening_revenue,
    coalesce(sum(least(r0, r1)), 0)::decimal(18, 2) as retained_revenue,
    coalesce(sum(r1), 0)::decimal(18, 2) as closing_revenue,
    sum(least(r0, r1))::double / sum(r0) as grr,
    sum(r1)::double / sum(r0) as nrr
from covered left join spent using (month, is_complete_month)
group by month, is_complete_month;

create temp table answers as
with ranked as (
    select *, count(preference_rank) over s as brands,
        rank() over (s order by preference_rank) + (count(*) over (partition by survey_id, customer_id, category, preference_rank) - 1) / 2.0e0 as mean_rank
    from wallet_surveys where business_date <= getvariable('as_of')
    window s as (partition by survey_id, customer_id, category)
)
select
    survey_id, customer_id, category, max(business_date) as business_date, max(surveyed_at) as surveyed_at,
    max(declared_wallet) as declared_wallet, bool_or(is_own_brand) as is_own_brand_named,
    max(brands) filter (is_own_brand and preference_rank is not null)::integer as brands_used,
    min(mean_rank) filter (is_own_brand and preference_rank is not null) as best_rank,
    sum((1 - mean_rank / (brands + 1)) * 2 / brands) filter (is_own_brand and preference_rank is not null) as war_share
from ranked group by survey_id, customer_id, category;

create temp table valid_answers as
with dated as (
    select a.*, m.month, (a.business_date, surveyed_at, length(survey_id), survey_id) as place
    from answers as a join months as m on a.business_date between (m.month_end - interval 12 months)::date and m.month_end
)
select
    customer_id, category, month,
    arg_max(survey_id, place) filter (declared_wallet is not null) as declared_survey_id,
    arg_max(declared_wallet, place) filter (declared_wallet is not null) as declared_wallet,
    arg_max(survey_id, place) filter (war_share is not null) as war_survey_id,
    arg_max(brands_used, place) filter (war_share is not null) as war_brands_used,
    arg_max(best_rank, place) filter (war_share is not null) as war_rank,
    arg_max(war_share, place) filter (war_share is not null) as war_share
from dated group by customer_id, category, month;

-- The months of each window are listed once and joined by equality.
create temp table own_spends as
with category_months as (
    select customer_id, category, month, sum(net_amount) as net_amount from marts.fct_transactions group by all
),
window_months as (
    select m.month, s.month as spend_month from months as m join months as s on m.month_index - s.month_index between 0 and 11
),
active as (
    select customer_id, month, window_spend, months_observed from marts.customer_tiers_monthly where tier <> 'lapsed'
)
select customer_id, 'all' as category, month, greatest(0, window_spend::double / months_observed) as own_spend from active
union all
select customer_id, category, month, greatest(0, spend::double / months_observed)
from (
    select customer_id, category, month, sum(net_amount) as spend
    from (
        select c.customer_id, c.category, w.month, c.net_amount
        from category_months as c join window_months as w on c.month = w.spend_month
        union all
        select customer_id, category, month, 0 from valid_answers
    )
    where category <> 'all'
    group by customer_id, category, month
)
join active using (customer_id, month);

create temp table peers as
select
    customer_id, coalesce(age_band, 'unknown') as a, coalesce(income_band, 'unknown') as i, coalesce(household_size, 'unknown') as h
from marts.dim_customers;

create temp table benchmarks as
with grouped as (
    select
        month, category, a, i, h, grouping(a) as level, count(*) as peers, quantile_cont(own_spend, 0.9) as spend
    from own_spends join peers using (customer_id)
    group by grouping sets ((month, category, a, i, h), (month, category, i), (month, category))
),
cells as (select distinct a, i, h from peers)
select
    g.month, g.category, c.a, c.i, c.h, g.peers, g.spend,
    case when g.a is not null then 'age_band+income_band+household_size' when g.i is not null then 'income_band' else 'all' end as level
from grouped as g
join cells as c on coalesce(g.a, c.a) = c.a and coalesce(g.i, c.i) = c.i and coalesce(g.h, c.h) = c.h
where g.peers >= 30 or g.i is null
qualify row_number() over (
    partition by g.month, g.category, c.a, c.i, c.h
    order by if(g.a is not null, 1, if(g.i is not null, 2, 3))) = 1;

create table marts.share_of_wallet_monthly as
with estimates as (
    select
        customer_id, category, month, is_complete_month, own_spend, spend, level, peers, a.* exclude (customer_id, category, month),
        case when a.declared_wallet is not null then 'declared' when war_share is not null then 'war' else 'benchmark' end as method,
        if(own_spend > a.declared_wallet::double, own_spend, a.declared_wallet::double) as capped, own_spend / nullif(capped, 0) as declared_share,
        own_spend > a.declared_wallet::double + 1e-7 as declared_is_capped, own_spend / war_share as war_wallet,
        greatest(own_spend, spend) as benchmark_wallet, own_spend / nullif(benchmark_wallet, 0) as benchmark_share,
        own_spend > spend + 1e-7 as benchmark_is_capped,
        case method when 'declared' then capped when 'war' then war_wallet else benchmark_wallet end as wallet,
        case method when 'declared' then declared_share when 'war' then if(war_wallet > 0, war_share, null) else benchmark_share end
            as share
    from own_spends join months using (month) join peers as p using (customer_id)
    join benchmarks as b using (month, category, a, i, h)
    left join valid_answers as a using (customer_id, category, month)
),
medians as (
    select category, month, quantile_cont(wallet, 0.5) as median_wallet from estimates group by category, month
)
select
    customer_id, category, month, is_complete_month, own_spend::decimal(18, 4) as own_spend, e.wallet::decimal(18, 4) as wallet,
    share as share_of_wallet, (e.wallet::decimal(18, 4) - e.own_spend::decimal(18, 4))::decimal(18, 4) as headroom, method,
    case method when 'declared' then declared_is_capped when 'war' then false else benchmark_is_capped end as is_capped,
    case
        when share is null then null
        when e.wallet >= median_wallet - 1e-7 then if(share >= 0.5 - 1e-7, 'defend', 'grow')
        else if(share >= 0.5 - 1e-7, 'maintain', 'deprioritise')
    end as wallet_quadrant,
    declared_survey_id, declared_wallet, declared_share, declared_is_capped,
    war_survey_id, war_brands_used, war_rank, war_share, war_wallet::decimal(18, 4) as war_wallet,
    spend::decimal(18, 4) as benchmark_spend, benchmark_wallet::decimal(18, 4) as benchmark_wallet, benchmark_share,
    benchmark_is_capped, level as benchmark_level, peers as benchmark_peers
from estimates as e join medians using (category, month);

create table marts.share_of_wallet_summary_monthly as
select
    month, category, tier, w.is_complete_month, count(*) as customer_count,
    sum(w.own_spend)::decimal(18, 4) as own_spend, sum(wallet)::decimal(18, 4) as wallet,
    sum(w.own_spend)::double / nullif(sum(wallet)::double, 0) as share_of_wallet, sum(headroom)::decimal(18, 4) as headroom,
    count_if(method = 'declared')::bigint as declared_customers, count_if(method = 'war')::bigint as war_customers,
    count_if(method = 'benchmark')::bigint as benchmark_customers
from marts.share_of_wallet_monthly as w
join marts.customer_tiers_monthly using (customer_id, month)
where tier <> 'lapsed'
group by all;
