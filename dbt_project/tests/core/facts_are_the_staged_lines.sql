-- Joining products and margin rates neither drops nor multiplies a line.
with facts as (
    select
        count(*) as line_count,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('fct_transactions') }}
),

staged as (
    select
        count(*) as line_count,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('stg_transactions') }}
)

select
    facts.line_count,
    staged.line_count as staged_line_count
from facts
cross join staged
where
    facts.line_count <> staged.line_count
    or facts.net_amount <> staged.net_amount
