{#
    The dates for which offers are made: today, and the cut-off before the evaluation's days, from which it is known what
    was bought afterwards. All models of offers have both, so what is evaluated is made as what is published.
#}
with offer_dates as (
    select
        {{ as_of_date() }} as reference_date,
        false as is_cutoff
    union all
    select
        {{ add_days(as_of_date(), -offer_figure('evaluation_days')) }} as reference_date,
        true as is_cutoff
)

select
    reference_date,
    is_cutoff,
    {{ add_months(month_start('reference_date'), 1 - var('tier_window_months') | int) }} as window_start,
    {{ add_days('reference_date', 1 - var('offer_in_range_days') | int) }} as range_start
from offer_dates
