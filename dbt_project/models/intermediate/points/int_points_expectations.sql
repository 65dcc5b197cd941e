{# Before the first expectation the first one holds: it is the nearest that there is. #}
select
    case when row_number() over (order by valid_from) > 1 then valid_from end as valid_from,
    lead(valid_from) over (order by valid_from) as next_valid_from,
    points_value,
    expected_redemption_rate
from {{ ref('points_expectations') }}
