with wallets as (
    select * from {{ ref('share_of_wallet_monthly') }}
),

tiers as (
    select
        customer_id,
        month,
        tier
    from {{ ref('customer_tiers_monthly') }}
    where tier <> 'lapsed'
),

summed as (
    select
        wallets.month,
        wallets.category,
        tiers.tier,
        wallets.is_complete_month,
        count(*) as customer_count,
        sum(wallets.own_spend) as own_spend,
        sum(wallets.wallet) as wallet,
        sum(wallets.headroom) as headroom,
        sum(case when wallets.method = 'declared' then 1 else 0 end) as declared_customers,
        sum(case when wallets.method = 'war' then 1 else 0 end) as war_customers,
        sum(case when wallets.method = 'benchmark' then 1 else 0 end) as benchmark_customers
    from wallets
    inner join tiers
        on
            wallets.customer_id = tiers.customer_id
            and wallets.month = tiers.month
    group by 1, 2, 3, 4
)

select
    month,
    category,
    tier,
    is_complete_month,
    cast(customer_count as bigint) as customer_count,
    cast(own_spend as {{ average_type() }}) as own_spend,
    cast(wallet as {{ average_type() }}) as wallet,
    cast(own_spend as double) / nullif(cast(wallet as double), 0) as share_of_wallet,
    cast(headroom as {{ average_type() }}) as headroom,
    cast(declared_customers as bigint) as declared_customers,
    cast(war_customers as bigint) as war_customers,
    cast(benchmark_customers as bigint) as benchmark_customers
from summed
