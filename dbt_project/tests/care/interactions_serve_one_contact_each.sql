-- No customer has more contacts served on a day than we made that day.
with served as (
    select
        customer_id,
        contacted_date,
        count(*) as contact_count
    from {{ ref('care_schedule') }}
    where contacted_date is not null
    group by customer_id, contacted_date
),

made as (
    select
        customer_id,
        business_date,
        count(*) as interaction_count
    from {{ ref('stg_interactions') }}
    where direction = 'outbound'
    group by customer_id, business_date
)

select
    served.customer_id,
    served.contacted_date
from served
left join made
    on
        served.customer_id = made.customer_id
        and served.contacted_date = made.business_date
where served.contact_count > coalesce(made.interaction_count, 0)
