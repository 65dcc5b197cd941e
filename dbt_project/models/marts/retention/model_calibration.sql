with calibration as (
    select min(calibration_end) as calibration_end
    from {{ ref('int_purchase_histories') }}
)

select
    reports.model,
    reports.report,
    reports.bucket,
    reports.is_holdout,
    calibration.calibration_end,
    reports.customers,
    reports.actual_purchase_days,
    reports.predicted_purchase_days
from {{ source('fits', 'model_calibration') }} as reports
cross join calibration
