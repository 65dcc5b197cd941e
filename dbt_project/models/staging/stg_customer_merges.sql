{#
    Who is merged into whom, as known on the as-of date, and where the chain of merges ends.

    Each round doubles the links that a row has followed, so five rounds follow 32. A chain that has not ended by
    then is a circle, leads into one, or is longer; its customers have no survivor and stay who they are.
#}
{%- set rounds = 5 -%}

with source as (
    {{ held_rows('customers', ['customer_id'], is_snapshot=true) }}
),

hops_0 as (
    select
        customer_id,
        merged_into_customer_id as reached_customer_id
    from source
    where merged_into_customer_id is not null
),

{% for round in range(1, rounds + 1) %}
    hops_{{ round }} as (
        select
            hops.customer_id,
            coalesce(onward.reached_customer_id, hops.reached_customer_id) as reached_customer_id
        from hops_{{ round - 1 }} as hops
        left join hops_{{ round - 1 }} as onward
            on hops.reached_customer_id = onward.customer_id
    ),
{% endfor %}

ended as (
    select
        hops.customer_id,
        case when onward.customer_id is null then hops.reached_customer_id end as surviving_customer_id
    from hops_{{ rounds }} as hops
    left join hops_0 as onward
        on hops.reached_customer_id = onward.customer_id
)

select
    customer_id,
    surviving_customer_id
from ended
