-- Over the tiers, the summary counts each customer's row once: none is lost and none counted twice.
with wallets as (
    select
        month,
        category,
        count(*) as customer_count,
        sum(own_spend) as own_spend,
        sum(wallet) as wallet,
        sum(headroom) as headroom
    from {{ ref('share_of_wallet_monthly') }}
    group by 1, 2
),

summaries as (
    select
        month,
        category,
        sum(customer_count) as customer_count,
        sum(declared_customers + war_customers + benchmark_customers) as method_customers,
        sum(own_spend) as own_spend,
        sum(wallet) as wallet,
        sum(headroom) as headroom
    from {{ ref('share_of_wallet_summary_monthly') }}
    group by 1, 2
)

select
    wallets.month as wallet_month,
    summaries.month as summary_month
from wallets
full outer join summaries
    on
        wallets.month = summaries.month
        and wallets.category = summaries.category
where
    wallets.month is null
    or summaries.month is null
    or wallets.customer_count <> summaries.customer_count
    or wallets.customer_count <> summaries.method_customers
    or wallets.own_spend <> summaries.own_spend
    or wallets.wallet <> summaries.wallet
    or wallets.headroom <> summaries.headroom
