-- Told once more from the published columns; the tolerance is that of a share in binary fractions.
with stages as (
    select
        *,
        purchase_months_3 = 3 as is_close,
        purchase_months_3 = 3
        and coalesce(share_of_wallet >= 0.5 - 1e-6, false)
        and coalesce(discount_share <= {{ var('committed_max_discount_share') }} + 1e-9, false) as may_be_committed
    from {{ ref('relationship_stages_monthly') }}
)

select
    customer_id,
    month
from stages
where
    is_close <> (stage <> 'loose')
    or stage in ('committed', 'partner') and not may_be_committed
    or stage = 'committed' and (has_referred_buyer or has_account_manager)
    or stage = 'partner' and not (has_referred_buyer or has_account_manager)
