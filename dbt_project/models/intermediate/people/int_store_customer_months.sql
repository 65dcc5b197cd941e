{# Only of the stores that a team serves: without staff there is nothing to add up. #}
with stores as (
    select store_id
    from {{ ref('int_team_stores') }}
    where team_id = 'all'
)

select
    facts.store_id,
    facts.customer_id,
    facts.month,
    cast(sum(facts.net_amount) as {{ amount_type() }}) as net_amount
from {{ ref('fct_transactions') }} as facts
inner join stores
    on facts.store_id = stores.store_id
where not facts.is_anonymous
group by facts.store_id, facts.customer_id, facts.month
