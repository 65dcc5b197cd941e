-- Own spend never exceeds the wallet, headroom is what is left of it, and a share is missing only for an empty wallet.
select
    customer_id,
    category,
    month
from {{ ref('share_of_wallet_monthly') }}
where
    own_spend > wallet
    or headroom <> wallet - own_spend
    or share_of_wallet < 0
    or share_of_wallet > 1
    or (share_of_wallet is null and wallet <> 0)
    or (share_of_wallet is null) <> (wallet_quadrant is null)
