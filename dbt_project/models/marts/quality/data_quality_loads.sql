with files as (
    select
        dataset,
        partition_date,
        -- Rows of erased people came in too and were taken out of the file: a clean load would not meet them.
        rows_in - coalesce(erased, 0) as rows_in,
        loaded,
        quarantined,
        coalesce(rejected, 0) as rejected,
        coalesce(ignored, 0) as ignored,
        duplicates
    from {{ source('ops', 'files') }}
    where
        status = 'loaded'
        and partition_date <= {{ as_of_date() }}
)

select
    dataset,
    partition_date as landing_date,
    cast(count(*) as integer) as file_count,
    cast(sum(rows_in) as bigint) as rows_in,
    cast(sum(loaded) as bigint) as rows_loaded,
    cast(sum(quarantined) as bigint) as rows_quarantined,
    cast(sum(rejected) as bigint) as rows_rejected,
    cast(sum(ignored) as bigint) as rows_ignored,
    cast(sum(duplicates) as bigint) as rows_duplicate,
    {{ share('sum(quarantined)', 'sum(rows_in)') }} as quarantine_rate
from files
group by dataset, partition_date
