"""Share of wallet as metrics.md defines it: declared, Wallet Allocation Rule, peer benchmark."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import pandas as pd

from .history import (
    Customer,
    Settings,
    Transactions,
    buyers,
    dates_of,
    exact,
    first_day,
    is_null,
    last_day,
    month_of,
    months_before,
    quantile,
    window_sum,
)

WALLET = [
    "customer_id", "category", "month", "is_complete_month", "own_spend", "declared_wallet", "war_brands",
    "war_rank", "war_share", "war_wallet", "benchmark_quantile_spend", "benchmark_peers", "benchmark_wallet",
    "method", "wallet", "is_capped", "share_of_wallet", "headroom", "wallet_quadrant",
]  # fmt: skip
SUMMARY = [
    "month", "category", "tier", "is_complete_month", "customer_count", "own_spend", "wallet",
    "share_of_wallet", "headroom", "declared_customers", "war_customers", "benchmark_customers",
]  # fmt: skip

Answer = dict[str, object]
QUADRANTS = {
    (True, True): "defend",
    (True, False): "grow",
    (False, True): "maintain",
    (False, False): "deprioritise",
}


def mean_ranks(ranks: Sequence[object]) -> list[Fraction]:
    """Ranks 1..N in the order of the given ones; equal ones take the mean of their places."""
    values = [exact(rank) for rank in ranks]
    return [
        Fraction(2 * sum(other < value for other in values) + values.count(value) + 1, 2) for value in values
    ]


def war_share(rank: Fraction, brands: int) -> Fraction:
    """Wallet Allocation Rule (Keiningham et al., HBR 2011): (1 - rank / (N + 1)) x 2 / N."""
    return (1 - rank / (brands + 1)) * Fraction(2, brands)


def answers_of(surveys: pd.DataFrame, as_of_date: date) -> dict[tuple[str, str], list[Answer]]:
    """Per customer and category its surveys, oldest first, with what each method can use of them."""
    groups: dict[tuple, list[dict]] = defaultdict(list)
    if not surveys.empty:
        for row in surveys.assign(business_date=dates_of(surveys["business_date"])).to_dict("records"):
            if row["business_date"] <= as_of_date:
                survey_id = row["survey_id"]
                key = (row["customer_id"], row["category"], row["business_date"], len(survey_id), survey_id)
                groups[key].append(row)
    answers: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for (customer_id, category, day, _, survey_id), rows in sorted(
        groups.items(), key=lambda group: _order(*group)
    ):
        declared = [row["declared_wallet"] for row in rows if not is_null(row["declared_wallet"])]
        ranked = [row for row in rows if not is_null(row["preference_rank"])]
        ranks = mean_ranks([row["preference_rank"] for row in ranked])
        own = [rank for row, rank in zip(ranked, ranks, strict=True) if row["is_own_brand"]]
        is_named = any(row["is_own_brand"] for row in rows)
        share = sum((war_share(rank, len(ranked)) for rank in own), Fraction(0)) if own else None
        answers[customer_id, category].append(
            {
                "day": day,
                "declared": max(Fraction(exact(value)) for value in declared) if declared else None,
                "brands": len(ranked),
                "rank": min(own) if own else None,
                # Several brands of ours in one category: their shares of the wallet add up.
                "share": share,
                # What a rival took is told by a survey that does not name us, too.
                "share_or_none_left": share if is_named else Fraction(0),
                "survey_id": survey_id,
            }
        )
    return answers


def _order(key: tuple, rows: list[dict]) -> tuple:
    """Oldest first: by moment where it is known, then S9 before S10."""
    customer_id, category, day, *name = key
    moments = [pd.Timestamp(moment) for row in rows if not is_null(moment := row.get("surveyed_at"))]
    return customer_id, category, day, max(moments, default=pd.Timestamp(day)), *name


def _latest(answers: list[Answer], start: date, end: date, part: str) -> Answer:
    valid = [a for a in answers if start <= a["day"] <= end and a[part] is not None]  # type: ignore[operator]
    return valid[-1] if valid else {}


def _attributes(customers: pd.DataFrame) -> dict[str, dict[str, object]]:
    return {
        row["customer_id"]: {name: None if is_null(value) else value for name, value in row.items()}
        for row in customers.to_dict("records")
    }


def _spends(
    customer: Customer, month: int, observed: int, surveyed: set[str], window: int
) -> dict[str, Fraction]:
    """Own spend a month by category: all, what was bought in the window, what a valid survey asks about."""
    lines = {"all": customer.net} | {
        name: months
        for name, months in customer.category_net.items()
        if any(month - window < m <= month for m in months)
    }
    return {
        name: max(window_sum(lines.get(name, {}), month, window) / observed, Fraction(0))
        for name in set(lines) | surveyed
    }


def share_of_wallet_monthly(
    transactions: Transactions,
    surveys: pd.DataFrame,
    customers: pd.DataFrame,
    tiers: pd.DataFrame,
    settings: Settings,
    as_of_date: date,
) -> pd.DataFrame:
    """Customer x category x month; `tiers` says who is active, since when."""
    answers, attributes = answers_of(surveys, as_of_date), _attributes(customers)
    categories_of: dict[str, set[str]] = defaultdict(set)
    for customer_id, category in answers:
        categories_of[customer_id].add(category)
    by_id = {customer.customer_id: customer for customer in buyers(transactions, as_of_date)}
    groups: dict[tuple[int, str], list[dict]] = defaultdict(list)
    for assessed in tiers[tiers["tier"] != "lapsed"].to_dict("records"):
        customer, month = by_id[assessed["customer_id"]], month_of(assessed["month"])
        end = min(last_day(month), as_of_date)
        start = months_before(end, settings.survey_validity_months)
        valid = {
            name
            for name in categories_of[customer.customer_id]
            if any(start <= a["day"] <= end for a in answers[customer.customer_id, name])  # type: ignore[operator]
        }
        spends = _spends(customer, month, assessed["months_observed"], valid, settings.tier_window_months)
        for category, own in spends.items():
            found = answers.get((customer.customer_id, category), [])
            war = _latest(found, start, end, "share")
            groups[month, category].append(
                {
                    "customer_id": customer.customer_id,
                    "category": category,
                    "month": first_day(month),
                    "is_complete_month": assessed["is_complete_month"],
                    "own": own,
                    "declared": _latest(found, start, end, "declared").get("declared"),
                    "war_brands": war.get("brands"),
                    "war_rank": war.get("rank"),
                    "war_share": war.get("share"),
                }
            )
    rows = [row for key in sorted(groups) for row in _valued(groups[key], attributes, settings)]
    return pd.DataFrame(rows, columns=WALLET)


def _benchmarks(group: list[dict], attributes: dict, settings: Settings) -> list[tuple[Fraction, int]]:
    """For each row the quantile of its peers' own spend and their number, by the finest group big enough."""
    levels: list[tuple[str, ...]] = [*settings.peer_attribute_levels, ()]
    spends: list[dict[tuple, list[Fraction]]] = []
    peer_keys: list[list[tuple]] = []
    for names in levels:
        keys = [tuple(attributes.get(row["customer_id"], {}).get(name) for name in names) for row in group]
        peers: dict[tuple, list[Fraction]] = defaultdict(list)
        for row, key in zip(group, keys, strict=True):
            peers[key].append(row["own"])
        spends.append(peers)
        peer_keys.append(keys)
    quantiles: dict[tuple, Fraction] = {}
    result = []
    for place in range(len(group)):
        for level in range(len(levels)):
            key = peer_keys[level][place]
            peers_spend = spends[level][key]
            if len(peers_spend) >= settings.benchmark_min_peers or level == len(levels) - 1:
                break
        if (level, key) not in quantiles:
            quantiles[level, key] = quantile(peers_spend, settings.benchmark_quantile)
        result.append((quantiles[level, key], len(peers_spend)))
    return result


def _valued(group: list[dict], attributes: dict, settings: Settings) -> list[dict]:
    """The rows of one month and category with wallet, share and quadrant."""
    for row, (peer_quantile, peers) in zip(group, _benchmarks(group, attributes, settings), strict=True):
        own = row["own"]
        bases = {
            "declared": row["declared"],
            "war": None if row["war_share"] is None else own / row["war_share"],
            "benchmark": peer_quantile,
        }
        row["method"] = next(method for method, base in bases.items() if base is not None)
        base = bases[row["method"]]
        row["exact_wallet"] = max(own, base)
        row["is_capped"] = row["method"] != "war" and own > base
        row["war_wallet"] = bases["war"]
        row["benchmark_quantile_spend"], row["benchmark_peers"] = peer_quantile, peers
        row["benchmark_wallet"] = max(own, peer_quantile)
    median = quantile([row["exact_wallet"] for row in group], 0.5)
    result = []
    for row in group:
        own, wallet = row["own"], row["exact_wallet"]
        share = own / wallet if wallet else None
        quadrant = None if share is None else QUADRANTS[wallet >= median, share >= Fraction(1, 2)]
        figures = {
            "own_spend": own,
            "declared_wallet": row["declared"],
            "wallet": wallet,
            "share_of_wallet": share,
            "headroom": wallet - own,
        }
        row = row | figures | {"wallet_quadrant": quadrant}
        result.append({n: float(row[n]) if isinstance(row[n], Fraction) else row[n] for n in WALLET})
    return result


def share_of_wallet_summary_monthly(wallets: pd.DataFrame, tiers: pd.DataFrame) -> pd.DataFrame:
    """Month x category x tier, from the frames of share_of_wallet_monthly and customer_tiers_monthly."""
    tier_of = {(row["customer_id"], row["month"]): row["tier"] for row in tiers.to_dict("records")}
    groups: dict[tuple, list[dict]] = defaultdict(list)
    for row in wallets.to_dict("records"):
        groups[row["month"], row["category"], tier_of[row["customer_id"], row["month"]]].append(row)
    result = []
    for (month, category, tier), rows in sorted(groups.items()):
        own, wallet = math.fsum(row["own_spend"] for row in rows), math.fsum(row["wallet"] for row in rows)
        methods = Counter(row["method"] for row in rows)
        figures = (len(rows), own, wallet, own / wallet if wallet else None, wallet - own)
        counts = (methods["declared"], methods["war"], methods["benchmark"])
        result.append((month, category, tier, rows[0]["is_complete_month"], *figures, *counts))
    return pd.DataFrame(result, columns=SUMMARY)
