{# By the day, so that lines find their rate by equality: a range would have all of them sorted. #}
with spells as (
    select
        category,
        points_per_currency_unit,
        valid_from,
        least(
            coalesce(
                {{ add_days('lead(valid_from) over (partition by category order by valid_from)', -1) }},
                {{ as_of_date() }}
            ),
            {{ as_of_date() }}
        ) as valid_until
    from {{ ref('points_rates') }}
),

days as (
    select
        category,
        points_per_currency_unit,
        valid_from,
        {{ integer_series('0', days_between('valid_from', 'valid_until')) }} as days_after
    from spells
)

select
    category,
    {{ add_days('valid_from', 'days_after') }} as business_date,
    points_per_currency_unit
from days
