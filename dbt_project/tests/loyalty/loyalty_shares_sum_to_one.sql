-- A tier's shares sum to 1 over the loyalties of kind all, and again over those of all other kinds; those of a kind do by
-- themselves. Quotients in binary fractions, whose sum may miss 1 by rounding.
with parts as (
    select
        tier,
        attitude_kind,
        sum(customer_share) as customer_share,
        sum(kind_share) as kind_share
    from {{ ref('loyalty_matrix_summary') }}
    group by tier, attitude_kind
)

select tier
from parts
group by tier
having
    abs(sum(case when attitude_kind = 'all' then customer_share else 0 end) - 1) > 1e-9
    or abs(sum(case when attitude_kind = 'all' then 0 else customer_share end) - 1) > 1e-9
    or max(abs(kind_share - 1)) > 1e-9
