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

-- Each customer speaks once for itself, and once for who referred it.
roles as (
    select true as is_own
    union all
    select false as is_own
),

-- Whether a customer has an account manager, and the first month in which one of those that it referred had bought.
ties as (
    select
        case when roles.is_own then customers.customer_id else customers.referred_by_customer_id end as customer_id,
        max(case when roles.is_own and customers.account_manager_employee_id is not null then 1 else 0 end) as managers,
        min(case when not roles.is_own then first_purchases.first_purchase_month end) as first_referred_month
    from {{ ref('stg_customers') }} as customers
    cross join roles
    left join {{ ref('int_customer_first_purchases') }} as first_purchases
        on customers.customer_id = first_purchases.customer_id
    group by case when roles.is_own then customers.customer_id else customers.referred_by_customer_id end
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
        coalesce(ties.first_referred_month <= windows.month, false) as has_referred_buyer,
        coalesce(ties.managers > 0, false) as has_account_manager
    from windows
    inner join months
        on windows.month = months.month
    left join wallets
        on windows.customer_id = wallets.customer_id and windows.month = wallets.month
    left join ties
        on windows.customer_id = ties.customer_id
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
