-- The three methods side by side and the best of them, unrounded. A view: joining is far quicker than writing
-- so wide a table twice.
{{ config(materialized='view') }}

with own_spends as (
    select * from {{ ref('int_wallet_own_spends') }}
),

valid_answers as (
    select * from {{ ref('int_wallet_valid_answers') }}
),

customer_cells as (
    select distinct
        customer_id,
        peer_cell_id
    from {{ ref('int_wallet_peers') }}
),

benchmarks as (
    select * from {{ ref('int_wallet_benchmarks') }}
),

months as (
    select * from {{ ref('int_months') }}
),

joined as (
    select
        own_spends.customer_id,
        own_spends.category,
        own_spends.month,
        months.is_complete_month,
        own_spends.own_spend,
        valid_answers.declared_survey_id,
        valid_answers.declared_wallet,
        cast(valid_answers.declared_wallet as double) as declared_spend,
        valid_answers.war_survey_id,
        valid_answers.war_brands_used,
        valid_answers.war_rank,
        valid_answers.war_share,
        benchmarks.benchmark_spend,
        benchmarks.benchmark_level,
        benchmarks.benchmark_peers
    from own_spends
    inner join months
        on own_spends.month = months.month
    inner join customer_cells
        on own_spends.customer_id = customer_cells.customer_id
    inner join benchmarks
        on
            own_spends.month = benchmarks.month
            and own_spends.category = benchmarks.category
            and customer_cells.peer_cell_id = benchmarks.peer_cell_id
    left join valid_answers
        on
            own_spends.customer_id = valid_answers.customer_id
            and own_spends.category = valid_answers.category
            and own_spends.month = valid_answers.month
),

by_method as (
    select
        *,
        -- case, not greatest(): engines differ in what greatest() makes of a null.
        case when own_spend > declared_spend then own_spend else declared_spend end as capped_declared_wallet,
        own_spend / war_share as war_wallet,
        greatest(own_spend, benchmark_spend) as benchmark_wallet,
        own_spend > declared_spend + {{ wallet_tolerance() }} as declared_is_capped,
        own_spend > benchmark_spend + {{ wallet_tolerance() }} as benchmark_is_capped,
        case
            when declared_spend is not null then 'declared'
            when war_share is not null then 'war'
            else 'benchmark'
        end as method
    from joined
),

shares as (
    select
        *,
        own_spend / nullif(capped_declared_wallet, 0) as declared_share,
        own_spend / nullif(benchmark_wallet, 0) as benchmark_share
    from by_method
)

select
    customer_id,
    category,
    month,
    is_complete_month,
    own_spend,
    case method
        when 'declared' then capped_declared_wallet
        when 'war' then war_wallet
        else benchmark_wallet
    end as wallet,
    case method
        when 'declared' then declared_share
        -- Whatever the rank says, of a wallet of nothing there is no share.
        when 'war' then case when war_wallet > 0 then war_share end
        else benchmark_share
    end as share_of_wallet,
    method,
    case method
        when 'declared' then declared_is_capped
        when 'war' then false
        else benchmark_is_capped
    end as is_capped,
    declared_survey_id,
    declared_wallet,
    declared_share,
    declared_is_capped,
    war_survey_id,
    war_brands_used,
    war_rank,
    war_share,
    war_wallet,
    benchmark_spend,
    benchmark_wallet,
    benchmark_share,
    benchmark_is_capped,
    benchmark_level,
    benchmark_peers
from shares
