-- habit_change: the last 180 days brought at most half of the 180 before, and of the categories at least a third is gone.
select
    customer_id,
    lapse_number,
    'habit_change' as reason,
    'inferred' as reason_basis,
    cast(null as {{ text_type() }}) as evidence_ids
from {{ ref('int_lapse_spends') }}
where
    is_whole_in_data
    and spend_180d_before > 0
    and spend_180d <= spend_180d_before * cast({{ var('defection_habit_spend_ratio') }} as decimal(9, 6))
    and cast(categories_180d_before - categories_180d as double) / categories_180d_before
    >= cast({{ var('defection_habit_category_drop') }} as double)
