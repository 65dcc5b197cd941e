-- Nobody is on the care list, or among its birthdays, without consent as known on the as-of date.
with listed as (
    select customer_id from {{ ref('care_schedule') }}
    union
    select customer_id from {{ ref('care_birthdays') }}
)

select listed.customer_id
from listed
left join {{ ref('dim_customers') }} as customers
    on listed.customer_id = customers.customer_id
where not coalesce(customers.is_marketing_consent, false)
