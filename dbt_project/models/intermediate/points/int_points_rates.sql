select
    category,
    valid_from,
    lead(valid_from) over (partition by category order by valid_from) as next_valid_from,
    points_per_currency_unit
from {{ ref('points_rates') }}
