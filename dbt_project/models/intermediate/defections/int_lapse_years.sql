-- What the year that ends with the last purchase brought, and the 180 days that begin with the return.
with lapses as (
    select
        customer_id,
        lapse_number,
        last_purchase_date,
        {{ add_months('last_purchase_date', -12) }} as before_year_date,
        won_back_date,
        {{ add_days('won_back_date', 179) }} as won_back_until_date
    from {{ ref('int_lapses_numbered') }}
),

days as (
    select
        customer_id,
        business_date,
        net_amount,
        profit_amount
    from {{ ref('int_customer_days') }}
),

returned_lines as (
    select
        customer_id,
        business_date,
        net_amount
    from {{ ref('fct_transactions') }}
    where net_amount < 0
),

spends as (
    select
        lapses.customer_id,
        lapses.lapse_number,
        sum(case when days.business_date <= lapses.last_purchase_date then days.net_amount else 0 end)
            as yearly_value,
        sum(case when days.business_date <= lapses.last_purchase_date then days.profit_amount else 0 end)
            as yearly_profit,
        sum(case when days.business_date >= lapses.won_back_date then days.net_amount end) as won_back_revenue
    from lapses
    inner join days
        on
            lapses.customer_id = days.customer_id
            and lapses.before_year_date < days.business_date
            and coalesce(lapses.won_back_until_date, lapses.last_purchase_date) >= days.business_date
    group by lapses.customer_id, lapses.lapse_number
),

returns as (
    select
        lapses.customer_id,
        lapses.lapse_number,
        count(*) as returned_lines,
        -1 * sum(returned_lines.net_amount) as returned_amount
    from lapses
    inner join returned_lines
        on
            lapses.customer_id = returned_lines.customer_id
            and lapses.before_year_date < returned_lines.business_date
            and lapses.last_purchase_date >= returned_lines.business_date
    group by lapses.customer_id, lapses.lapse_number
)

select
    spends.customer_id,
    spends.lapse_number,
    cast(spends.yearly_value as {{ amount_type() }}) as yearly_value,
    cast(spends.yearly_profit as {{ amount_type() }}) as yearly_profit,
    cast(coalesce(returns.returned_amount, 0) as {{ amount_type() }}) as returned_amount,
    cast(coalesce(returns.returned_lines, 0) as integer) as returned_lines,
    cast(spends.won_back_revenue as {{ amount_type() }}) as won_back_revenue
from spends
left join returns
    on
        spends.customer_id = returns.customer_id
        and spends.lapse_number = returns.lapse_number
