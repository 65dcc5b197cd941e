with windows as (
    select
        customer_id,
        month,
        {{ month_index('month') }} as month_index,
        purchase_months_3,
        {{ share('window_discounted_sales_amount', 'window_sales_amount') }} as discount_share,
        -- In whole cents: a quotient in binary misses a share of exactly the bound.
        window_sales_amount > 0
        and window_discounted_sales_amount
        <= window_sales_amount * cast({{ var('committed_max_discount_share') }} as decimal(9, 6)) as is_paying_full
    from {{ ref('int_customer_windows') }}
),

months as (
    select * from {{ ref('int_months') }}
),

wallets as (
    select
        customer_id,
        month,
        share_of_wallet
    from {{ ref('share_of_wallet_monthly') }}
    where category = 'all'
),

account_managers as (
    select customer_id
    from {{ ref('stg_customers') }}
    where account_manager_employee_id is not null
),

-- The first month in which one of those that a customer referred had bought.
referrals as (
    select
        referred.referred_by_customer_id as customer_id,
        min(first_purchases.first_purchase_month) as first_month
    from {{ ref('stg_customers') }} as referred
    inner join {{ ref('int_customer_first_purchases') }} as first_purchases
        on referred.customer_id = first_purchases.customer_id
    where referred.referred_by_customer_id is not null
    group by referred.referred_by_customer_id
),

known as (
    select
        windows.customer_id,
        windows.month,
        windows.month_index,
        months.is_complete_month,
        windows.purchase_months_3,
        wallets.share_of_wallet,
        windows.discount_share,
        windows.is_paying_full,
        coalesce(referrals.first_month <= windows.month, false) as has_referred_buyer,
        account_managers.customer_id is not null as has_account_manager
    from windows
    inner join months
        on windows.month = months.month
    left join wallets
        on windows.customer_id = wallets.customer_id and windows.month = wallets.month
    left join referrals
        on windows.customer_id = referrals.customer_id
    left join account_managers
        on windows.customer_id = account_managers.customer_id
),

-- Each stage asks for the one before it; an unknown share commits nobody. Half of a wallet is as in its quadrants.
staged as (
    select
        *,
        case
            when purchase_months_3 < 3 then 'loose'
            when
                not is_paying_full
                or coalesce(share_of_wallet, 0) < 0.5 - {{ wallet_tolerance() }}
                then 'close'
            when has_referred_buyer or has_account_manager then 'partner'
            else 'committed'
        end as stage
    from known
),

followed as (
    select
        *,
        lag(stage) over customer_rows as stage_before,
        lag(month_index) over customer_rows as index_before
    from staged
    window customer_rows as (
        partition by customer_id
        order by month_index
    )
)

select
    customer_id,
    month,
    is_complete_month,
    stage,
    case when index_before = month_index - 1 then stage_before end as previous_stage,
    purchase_months_3,
    share_of_wallet,
    discount_share,
    has_referred_buyer,
    has_account_manager
from followed
