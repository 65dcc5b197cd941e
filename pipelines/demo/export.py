"""What the package really holds, as landing tables: transactions, products, customers and interactions.

Each statement makes `demo_<dataset>` with `landing_date`, the night whose export a row is in, and the
contract's columns. Made up are unit costs, as `cost_source_system` says, account managers, as their own numbers
say, and what `profiles` adds to households, whose rows say so.
"""

from __future__ import annotations

from pipelines.demo.profiles import PARTLY
from pipelines.demo.source import DEMO_POLICIES, FIRST_DATE
from pipelines.quoting import literal

# A basket holds a product once, so the product's order numbers its lines the same way on every machine.
TRANSACTIONS = """
create table demo_transactions as
select
    business_date as landing_date,
    cast(basket_id as varchar) as transaction_id,
    row_number() over (partition by basket_id order by product_id) as line_number,
    cast(household_id as varchar) as customer_id,
    cast(product_id as varchar) as product_id,
    local_at as transaction_at,
    cast(quantity as decimal(18, 3)) as quantity,
    cast(sales_value as decimal(18, 2)) as net_amount,
    -- sales_value is what the shop received: a maker's coupon (coupon_disc) is paid back to it, so it took nothing off
    cast(retail_disc as decimal(18, 2)) + cast(coupon_match_disc as decimal(18, 2)) as discount_amount,
    cast(store_id as varchar) as store_id,
    'shop' as channel,
    'completejourney' as source_system,
from lines
order by landing_date, basket_id, line_number
"""

# The package sells 4,836 lines of products that its product table lacks; they are products all the same.
# A unit of fuel is a thousandth of a gallon, so its cost has only two significant digits in four decimals.
PRODUCTS = f"""
create table demo_products as
with sold as (
    select product_id, sum(net_cents) filter (where quantity > 0) / 100.0 as amount, sum(quantity) as units
    from lines
    group by product_id
),

margins as (
    select category, margin_rate
    from read_csv(
        {literal(str(DEMO_POLICIES / "margin_rates.csv"))},
        header = true, columns = {{'category': 'varchar', 'margin_rate': 'double'}}
    )
),

listed as (
    select product_id, department, product_category, product_type, brand from products
    union all
    select product_id, null, null, null, null from sold
    where product_id not in (select product_id from products)
),

priced as (
    select
        listed.*,
        coalesce(nullif(trim(department), ''), 'UNKNOWN') as category,
        case when units > 0 and amount > 0 then amount / units end as unit_price,
        -- a number in [0, 1) that belongs to the product alone, the same on every machine
        cast('0x' || md5('mainstay-demo-cost:' || product_id)[1:8] as bigint) / 4294967296.0 as draw,
    from listed
    left join sold using (product_id)
)

select
    date '{FIRST_DATE}' as landing_date,
    cast(product_id as varchar) as product_id,
    product_type as product_name,
    category,
    product_category as subcategory,
    brand,
    cast(unit_price * (1 - coalesce(margin_rate, 0.25) * (0.75 + 0.5 * draw)) as decimal(18, 4)) as unit_cost,
    case when unit_cost is not null then 'simulated' end as cost_source_system,
    'completejourney' as source_system,
from priced
left join margins using (category)
order by priced.product_id
"""

CUSTOMERS = f"""
create table demo_customers as
select
    date '{FIRST_DATE}' as landing_date,
    cast(household_id as varchar) as customer_id,
    full_name,
    phone,
    email,
    birth_date,
    age as age_band,
    income as income_band,
    household_size,
    marital_status,
    household_comp as segment,
    registered_on,
    account_managers.employee_id as account_manager_employee_id,
    preferred_channel,
    is_marketing_consent,
    '{PARTLY}' as source_system,
from profiles
left join demographics using (household_id)
left join account_managers using (household_id)
order by household_id
"""

# All campaigns of the package were sent by post, whatever their type. Days are known, times of day are not:
# midnight. Three campaigns began before the first night; the first export brings them, with their true date.
INTERACTIONS = f"""
create table demo_interactions as
with mailings as (
    select
        'mailing-' || campaign_id || '-' || household_id as interaction_id,
        household_id,
        start_date as interaction_at,
        'outbound' as direction,
        'mail' as channel,
        'campaign_mailing' as kind,
        campaign_id,
    from campaigns
    inner join campaign_descriptions using (campaign_id)
),

redemptions as (
    select
        concat_ws(
            '-', 'redemption', campaign_id, household_id, coupon_upc, strftime(redemption_date, '%Y%m%d')
        ) as interaction_id,
        household_id,
        redemption_date as interaction_at,
        'inbound' as direction,
        'shop' as channel,
        'coupon_redemption' as kind,
        campaign_id,
    from coupon_redemptions
)

select
    greatest(cast(interaction_at as date), date '{FIRST_DATE}') as landing_date,
    interaction_id,
    cast(household_id as varchar) as customer_id,
    interaction_at,
    direction,
    channel,
    kind,
    cast(campaign_id as varchar) as campaign_id,
    'completejourney' as source_system,
from (select * from mailings union all select * from redemptions)
order by landing_date, interaction_at, interaction_id
"""
