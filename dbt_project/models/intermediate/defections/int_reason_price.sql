{#
    price: at least half of the last 180 days' spend was on lines with a discount, and the last 60 of them brought at most
    half, per day, of what the 120 before did. Compared as exact figures: an average of the days would be rounded.
#}
{%- set days_type = 'decimal(4, 0)' -%}
{%- set ratio_type = 'decimal(9, 6)' -%}
select
    customer_id,
    lapse_number,
    'price' as reason,
    'inferred' as reason_basis,
    cast(null as {{ text_type() }}) as evidence_ids
from {{ ref('int_lapse_spends') }}
where
    spend_180d > 0
    and discounted_spend_180d >= spend_180d * cast({{ var('defection_discount_share') }} as {{ ratio_type }})
    and days_120d_before > 0
    and spend_60d * cast(days_120d_before as {{ days_type }})
    <= spend_120d_before * cast(days_60d as {{ days_type }})
    * cast({{ var('defection_price_spend_ratio') }} as {{ ratio_type }})
