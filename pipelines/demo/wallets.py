"""Simulated wallet surveys: what households spend with everyone and which brands they prefer, in two waves.

The figures start from what a household really spends here and add a made-up share of wallet, so that a
preferred shop tends to have the larger share, as it does in the Wallet Allocation Rule. All rows are marked
`simulated`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.demo.simulate import SIMULATED, Draws, fetch_columns

if TYPE_CHECKING:
    import duckdb

WAVES = (date(2017, 4, 10), date(2017, 10, 9))
"""First day of each wave; a wave takes five days."""

RESPONDENTS = 300
CATEGORIES = ("GROCERY", "DRUG GM", "FUEL", "PRODUCE", "MEAT", "MEAT-PCKGD", "DELI")
OWN_BRAND = "Our shops"
OTHER_BRANDS = ("Discounter A", "Supermarket B", "Warehouse club C", "Online grocer D")
_OTHERS_USED = (0.12, 0.28, 0.33, 0.19, 0.08)
"""Share of respondents and categories that use none to four other brands."""

TIE_RATE = 0.15
DECLARED_RATE = 0.7

# Spend with us in the 90 days before the wave, in cents. Only who bought is asked.
_OWN = """
select household_id, category, cast(sum(net_cents) as bigint) as cents
from (
    select household_id, department as category, net_cents
    from lines
    inner join products using (product_id)
    where business_date between date '{wave}' - 90 and date '{wave}' - 1 and department in {categories}
    union all
    select household_id, 'all' as category, net_cents
    from lines
    where business_date between date '{wave}' - 90 and date '{wave}' - 1
)
group by all
having sum(net_cents) > 0
order by household_id, cents desc, category
"""


def _ranks(shares: list[float], has_tie: bool) -> list[int]:
    """Ranks by share, the largest first; a tie gives the second of the two best the first's rank."""
    order = sorted(range(len(shares)), key=lambda i: (-shares[i], i))
    ranks = [0] * len(shares)
    for place, i in enumerate(order):
        ranks[i] = place + 1
    if has_tie and len(shares) > 1:
        ranks[order[1]] = 1
    return ranks


def _answer(draws: Draws, own_cents: int, loyalty: float) -> tuple[list[tuple[str, int]], int | None]:
    """Brands with their ranks, ours first, and the declared monthly wallet in whole currency units."""
    others = int(draws.pick(_OTHERS_USED, 1)[0])
    names = [OTHER_BRANDS[i] for i in sorted(draws.order(len(OTHER_BRANDS))[:others].tolist())]
    own = 1.0 if not others else 0.08 + 0.72 * (0.6 * loyalty + 0.4 * draws.one())
    weights = [0.2 + draws.one() for _ in names]
    shares = [own] + [(1 - own) * weight / sum(weights) for weight in weights]
    ranks = _ranks(shares, draws.one() < TIE_RATE)
    # People round, and misjudge by up to 15 %: some declare less than they spend with us alone.
    wallet = own_cents / 300 / own * (0.85 + 0.3 * draws.one())
    declared = 5 * max(1, int(wallet / 5 + 0.5)) if draws.one() < DECLARED_RATE else None
    return list(zip([OWN_BRAND, *names], ranks, strict=True)), declared


def _wave(connection: duckdb.DuckDBPyConnection, number: int, wave: date) -> list[dict[str, Any]]:
    draws = Draws(f"wallets-{wave}")
    own = fetch_columns(connection, _OWN.format(wave=wave, categories=CATEGORIES))
    spends: dict[int, list[tuple[str, int]]] = {}
    for household, category, cents in zip(own["household_id"], own["category"], own["cents"], strict=True):
        spends.setdefault(int(household), []).append((str(category), int(cents)))
    households = [h for h in sorted(spends) if any(category == "all" for category, _ in spends[h])]
    rows: list[dict[str, Any]] = []
    for position in sorted(draws.order(len(households))[:RESPONDENTS].tolist()):
        household = households[position]
        day, second, loyalty = int(draws.one() * 5), int(draws.one() * 39_600), draws.one()
        asked_at = datetime.combine(wave, datetime.min.time()) + timedelta(days=day, hours=9, seconds=second)
        totals = [spend for spend in spends[household] if spend[0] == "all"]
        best = [spend for spend in spends[household] if spend[0] != "all"][: 1 + int(draws.one() * 4)]
        for category, cents in totals + best:
            brands, declared = _answer(draws, cents, loyalty)
            rows += [
                {
                    "survey_id": f"wave{number}-{household}",
                    "category": category,
                    "brand": brand,
                    "customer_id": str(household),
                    "surveyed_at": asked_at,
                    "is_own_brand": brand == OWN_BRAND,
                    "preference_rank": rank,
                    "declared_wallet": declared,
                }
                for brand, rank in brands
            ]
    return rows


def create_wallet_surveys(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `demo_wallet_surveys` from `lines` and `products`: one row per survey, category and brand used."""
    rows = [row for number, wave in enumerate(WAVES, start=1) for row in _wave(connection, number, wave)]
    connection.register("simulated_surveys", pa.Table.from_pylist(rows))
    connection.execute(
        "create table demo_wallet_surveys as "
        f"select cast(surveyed_at as date) as landing_date, *, '{SIMULATED}' as source_system "
        "from simulated_surveys order by landing_date, surveyed_at, survey_id, category, brand"
    )
    connection.unregister("simulated_surveys")
