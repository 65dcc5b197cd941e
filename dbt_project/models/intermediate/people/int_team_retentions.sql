{#
    Of the customers of the three months before a month, how many come again in it or in the two after it. A month of a
    customer speaks for the three months after it, up to the next one in which the customer came: that one speaks then.
#}
with customers as (
    select * from {{ ref('int_team_customers') }}
),

steps as (
    select {{ integer_series(1, 3) }} as months_later
),

watched as (
    select
        customers.team_id,
        customers.month_index + steps.months_later as month_index,
        customers.next_month_index
    from customers
    cross join steps
    where
        customers.next_month_index is null
        or customers.month_index + steps.months_later <= customers.next_month_index
)

select
    team_id,
    month_index,
    count(*) as customers_before,
    sum(case when next_month_index <= month_index + 2 then 1 else 0 end) as returned_customers
from watched
group by team_id, month_index
