-- On each business date the facts are the staged lines: joining products and margin rates neither drops nor
-- multiplies one, and a build of some dates alone has forgotten none.
with facts as (
    select
        business_date,
        count(*) as line_count,
        sum(net_amount) as net_amount
    from {{ ref('fct_transactions') }}
    group by business_date
),

staged as (
    select
        business_date,
        count(*) as line_count,
        sum(net_amount) as net_amount
    from {{ ref('stg_transactions') }}
    group by business_date
)

select
    coalesce(facts.business_date, staged.business_date) as business_date,
    facts.line_count,
    staged.line_count as staged_line_count,
    facts.net_amount,
    staged.net_amount as staged_net_amount
from facts
full outer join staged
    on facts.business_date = staged.business_date
where
    facts.business_date is null
    or staged.business_date is null
    or facts.line_count <> staged.line_count
    or facts.net_amount <> staged.net_amount
