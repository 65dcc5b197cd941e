-- What is retained is part of both windows: grr is at most 1 and at most nrr.
select month
from {{ ref('revenue_retention_monthly') }}
where
    retained_revenue > opening_revenue
    or retained_revenue > closing_revenue
    or (grr is null) <> (customer_count = 0)
