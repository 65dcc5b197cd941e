{# The stores of a team are those of its staff, as known as of the run; all has each of them once. #}
select distinct
    team_id,
    store_id
from {{ ref('int_team_members') }}
where store_id is not null
