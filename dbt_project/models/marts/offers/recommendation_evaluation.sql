-- What each list is measured by: buy_again by the whole basket, discover by what in it was new to the customer.
with truths as (
    select
        'buy_again' as list,
        reference_date,
        customer_number,
        popularity_rank
    from {{ ref('int_offer_truths') }}
    union all
    select
        'discover' as list,
        reference_date,
        customer_number,
        popularity_rank
    from {{ ref('int_offer_truths') }}
    where is_new
),

methods as (
    select distinct
        list,
        method
    from {{ ref('int_offer_rankings') }}
),

hits as (
    select
        truths.list,
        methods.method,
        truths.reference_date,
        truths.customer_number,
        count(*) as items,
        count(rankings.popularity_rank) as hits,
        -- Discounted by the place, in whole billionths, so that sums of it are the same in any order.
        coalesce(sum({{ place_gain('rankings.place') }}), 0) as gain
    from truths
    inner join methods
        on truths.list = methods.list
    left join {{ ref('int_offer_rankings') }} as rankings
        on
            truths.list = rankings.list
            and methods.method = rankings.method
            and truths.customer_number = rankings.customer_number
            and truths.popularity_rank = rankings.popularity_rank
    group by truths.list, methods.method, truths.reference_date, truths.customer_number
),

best as (
    select
        places.place,
        sum({{ place_gain('places.place') }}) over (order by places.place) as gain
    from (select {{ integer_series(1, 10) }} as place) as places
),

measured as (
    select
        hits.list,
        hits.method,
        hits.reference_date,
        hits.items,
        hits.hits,
        case when hits.hits > 0 then 1 else 0 end as is_hit,
        {{ to_decimal('cast(hits.hits as double) / hits.items', 9) }} as recall,
        {{ to_decimal('cast(hits.gain as double) / best.gain', 9) }} as ndcg
    from hits
    inner join best
        on best.place = least(hits.items, 10)
)

select
    list,
    method,
    reference_date as cutoff_date,
    method in ('recent_repeats', 'item_neighbours') as is_published,
    count(*) as customers,
    cast(sum(items) as bigint) as items,
    cast(sum(hits) as bigint) as hits,
    cast(sum(recall) as double) / count(*) as recall_at_10,
    cast(sum(ndcg) as double) / count(*) as ndcg_at_10,
    cast(sum(is_hit) as double) / count(*) as hit_rate_at_10
from measured
group by list, method, reference_date
