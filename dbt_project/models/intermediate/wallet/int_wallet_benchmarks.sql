-- Quantiles are aggregated per peer group and then handed to the cells: no window over the customers' rows.
with own_spends as (
    select * from {{ ref('int_wallet_own_spends') }}
),

peers as (
    select * from {{ ref('int_wallet_peers') }}
),

peer_groups as (
    select
        own_spends.month,
        own_spends.category,
        peers.level_number,
        peers.peer_group_id,
        count(*) as benchmark_peers,
        {{ quantile('own_spends.own_spend', var('benchmark_quantile')) }} as benchmark_spend
    from own_spends
    inner join peers
        on own_spends.customer_id = peers.customer_id
    group by 1, 2, 3, 4
),

cells as (
    select distinct
        peer_cell_id,
        level_number,
        level_name,
        peer_group_id
    from peers
),

last_level as (
    select max(level_number) as level_number from cells
),

candidates as (
    select
        peer_groups.month,
        peer_groups.category,
        cells.peer_cell_id,
        cells.level_name,
        peer_groups.benchmark_peers,
        peer_groups.benchmark_spend,
        row_number() over (
            partition by peer_groups.month, peer_groups.category, cells.peer_cell_id
            order by cells.level_number
        ) as level_order
    from peer_groups
    inner join cells
        on
            peer_groups.level_number = cells.level_number
            and peer_groups.peer_group_id = cells.peer_group_id
    cross join last_level
    where
        peer_groups.benchmark_peers >= {{ var('benchmark_min_peers') }}
        or cells.level_number = last_level.level_number
)

select
    month,
    category,
    peer_cell_id,
    level_name as benchmark_level,
    benchmark_peers,
    benchmark_spend
from candidates
where level_order = 1
