{#
    A tier window of 12 months or fewer lies within the last 12 months, which begin up to a month before it: then each
    customer who is active in the as-of month, so with a tier other than lapsed, is in the matrix with that tier. A customer of
    the matrix without such a row bought before the window, and has tier lapsed or none. Where both begin on the same day,
    as at a month's end with the usual window, their days, spend and profit agree too, though summed by another way.
#}
{%- set window_months = var('tier_window_months') | int -%}
{%- set window_start = add_months(month_start(as_of_date()), 1 - window_months) -%}
with active as (
    select * from {{ ref('customer_tiers_monthly') }}
    where month = {{ month_start(as_of_date()) }} and tier <> 'lapsed'
),

matrix as (
    select * from {{ ref('loyalty_matrix') }}
)

select
    active.customer_id as active_customer_id,
    active.tier as active_tier,
    matrix.customer_id as matrix_customer_id,
    matrix.tier as matrix_tier
from active
full outer join matrix
    on active.customer_id = matrix.customer_id
where
    (matrix.customer_id is null and {{ window_months }} <= 12)
    or (active.customer_id is null and matrix.tier not in ('lapsed', 'none'))
    or active.tier <> matrix.tier
    or (
        {{ window_start }} = {{ add_days(add_months(as_of_date(), -12), 1) }}
        and (
            active.purchase_days <> matrix.purchase_days_12m
            or active.window_spend <> matrix.revenue_12m
            or active.window_profit <> matrix.profit_12m
        )
    )
