-- Every row that landed was loaded, set aside with a reason, left out by the contract, or there already.
select
    dataset,
    landing_date,
    rows_in
from {{ ref('data_quality_loads') }}
where rows_in <> rows_loaded + rows_quarantined + rows_rejected + rows_ignored + rows_duplicate
