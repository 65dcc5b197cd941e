{#
    What each customer has brought so far, and brings a year at the pace of the tier's window: that of the last
    complete month; for who holds no tier there, of the running month; else nothing.
#}
with to_date as (
    select
        months.customer_id,
        sum(months.net_amount) as net_revenue,
        sum(months.profit_amount) as profit,
        sum(months.line_count) as line_count,
        sum(months.assumed_line_count) as assumed_line_count
    from {{ ref('int_customer_months') }} as months
    inner join {{ ref('int_customer_first_purchases') }} as buyers
        on months.customer_id = buyers.customer_id
    group by months.customer_id
),

all_customers as (
    select {{ share('sum(profit)', 'sum(net_revenue)') }} as margin_rate from to_date
),

own_margins as (
    select
        *,
        {{ share('profit', 'net_revenue') }} as own_margin_rate
    from to_date
),

last_complete_month as (
    select max(month) as month from {{ ref('int_months') }}
    where is_complete_month
),

tiers as (
    select
        tiers.*,
        row_number() over (partition by tiers.customer_id order by tiers.month) as month_number
    from {{ ref('customer_tiers_monthly') }} as tiers
    left join last_complete_month
        on tiers.month = last_complete_month.month
    where
        tiers.tier <> 'lapsed'
        and (last_complete_month.month is not null or not tiers.is_complete_month)
)

select
    own_margins.customer_id,
    coalesce(tiers.tier, 'lapsed') as tier,
    cast(own_margins.net_revenue as {{ amount_type() }}) as net_revenue_to_date,
    cast(own_margins.profit as {{ amount_type() }}) as profit_to_date,
    case
        when own_margins.assumed_line_count = 0 then 'actual'
        when own_margins.assumed_line_count = own_margins.line_count then 'assumed'
        else 'mixed'
    end as profit_basis,
    {{ to_amount('coalesce(cast(tiers.window_spend as double) * 12 / tiers.months_observed, 0)') }}
        as yearly_run_rate,
    {{ to_amount('coalesce(cast(tiers.window_profit as double) * 12 / tiers.months_observed, 0)') }}
        as yearly_profit_run_rate,
    -- Returns can leave a net spend close to 0, of which a profit is any multiple: no margin to expect again.
    case
        when abs(own_margins.own_margin_rate) <= 1 then own_margins.own_margin_rate
        else all_customers.margin_rate
    end as margin_rate,
    case
        when abs(own_margins.own_margin_rate) <= 1 then 'own'
        when all_customers.margin_rate is not null then 'all'
    end as margin_basis
from own_margins
cross join all_customers
left join tiers
    on own_margins.customer_id = tiers.customer_id and tiers.month_number = 1
