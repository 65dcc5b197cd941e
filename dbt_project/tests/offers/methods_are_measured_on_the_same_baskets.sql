-- Within a list every method has the same customers and items, and a hit rate and a recall that fit its hits.
with measured as (
    select
        *,
        min(customers) over (partition by list, cutoff_date) as fewest_customers,
        min(items) over (partition by list, cutoff_date) as fewest_items
    from {{ ref('recommendation_evaluation') }}
)

select
    list,
    method
from measured
where
    customers <> fewest_customers
    or items <> fewest_items
    or hits > items
    or hit_rate_at_10 * customers > hits + 1e-6
    or recall_at_10 > hit_rate_at_10 + 1e-6
    or (hits > 0) <> (recall_at_10 > 0)
    or (hits > 0) <> (ndcg_at_10 > 0)
