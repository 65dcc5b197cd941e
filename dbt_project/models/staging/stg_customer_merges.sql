{#
    Who is merged into whom, as known on the as-of date, and where the chain of merges ends.

    A chain is followed for 32 links and one more. One that goes on even then is a circle, leads into one, or is longer;
    its customers have no survivor and stay who they are.
#}
{{ config(materialized=read_by_many()) }}
{%- set longest = 32 -%}

with recursive source as (
    {{ held_rows('customers', ['customer_id'], is_snapshot=true) }}
),

links as (
    select
        customer_id,
        merged_into_customer_id
    from source
    where merged_into_customer_id is not null
),

chains as (
    select
        customer_id,
        merged_into_customer_id as reached_customer_id,
        1 as link_count
    from links
    union all
    select
        chains.customer_id,
        links.merged_into_customer_id as reached_customer_id,
        chains.link_count + 1 as link_count
    from chains
    inner join links
        on chains.reached_customer_id = links.customer_id
    where chains.link_count <= {{ longest }}
)

select
    customer_id,
    case when max(link_count) <= {{ longest }} then max_by(reached_customer_id, link_count) end as surviving_customer_id
from chains
group by customer_id
