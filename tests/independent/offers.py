"""The marts of offers, from what a shop knew on the day and at the cut-off."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pandas as pd

from .history import Settings
from .shop import BARS, PLACES, Lines, Shop, baskets_of

EVALUATION_DAYS = 28
MEASURED = 10_000

OFFERS_KEYS = {
    "customer_recommendations": ["customer_id", "list", "rank"],
    "recommendation_evaluation": ["list", "method", "cutoff_date"],
}


def offers_marts(lines: pd.DataFrame, settings: Settings, as_of: date) -> dict[str, pd.DataFrame]:
    """Both marts from the lines."""
    known = [line for line in _records(lines) if line["business_date"] <= as_of]
    return {
        "customer_recommendations": pd.DataFrame(
            _recommendations(Shop(known, as_of, settings)),
            columns=[
                *OFFERS_KEYS["customer_recommendations"],
                *("product_id", "score", "basis_product_id", "method", "purchases", "last_bought_date"),
            ],
            dtype=object,
        ),
        "recommendation_evaluation": pd.DataFrame(
            _evaluation(known, Shop(known, as_of - timedelta(days=EVALUATION_DAYS), settings), as_of),
            columns=[
                *OFFERS_KEYS["recommendation_evaluation"],
                *(
                    "is_published",
                    "customers",
                    "items",
                    "hits",
                    "recall_at_10",
                    "ndcg_at_10",
                    "hit_rate_at_10",
                ),
            ],
            dtype=object,
        ),
    }


def _recommendations(shop: Shop) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for who in sorted(shop.active):
        for place, (product, score) in enumerate(shop.buy_again(who), 1):
            own = shop.own[who][product]
            rows.append(
                (who, "buy_again", place, product, score, None, "recent_repeats", own.purchases, own.last)
            )
        for place, (product, score, basis) in enumerate(shop.discover(who), 1):
            method = BARS["discover"][score == 0]
            rows.append((who, "discover", place, product, score, basis, method, 0, None))
    return rows


def _evaluation(lines: Lines, shop: Shop, as_of: date) -> list[tuple[Any, ...]]:
    cutoff = as_of - timedelta(days=EVALUATION_DAYS)
    after = baskets_of(line for line in lines if line["business_date"] > cutoff)
    came = sorted(shop.active & after.keys())
    measured = [who for n, who in enumerate(came, 1) if n * MEASURED % len(came) < MEASURED]
    found: dict[tuple[str, str], list[tuple[int, list[int]]]] = defaultdict(list)
    for who in measured:
        basket = after[who][0][1]
        lists = {
            ("buy_again", "recent_repeats"): [product for product, _ in shop.buy_again(who)],
            ("buy_again", "personal_frequency"): shop.frequency(who),
            ("discover", "item_neighbours"): [product for product, *_ in shop.discover(who)],
            ("discover", "popularity_without_own"): shop.unknown(who)[:PLACES],
            ("buy_again", "popularity"): shop.popular(),
            ("discover", "popularity"): shop.popular(),
        }
        for (name, method), offered in lists.items():
            wanted = basket if name == "buy_again" else basket - shop.own.get(who, {}).keys()
            if wanted:
                hits = [place for place, product in enumerate(offered, 1) if product in wanted]
                found[name, method].append((len(wanted), hits))
    rows = []
    for (name, method), measures in found.items():
        count = len(measures)
        rows.append(
            (
                name, method, cutoff, method == BARS[name][0],
                count,
                sum(items for items, _ in measures),
                sum(len(hits) for _, hits in measures),
                sum(len(hits) / items for items, hits in measures) / count,
                sum(_gain(hits) / _gain(range(1, min(items, PLACES) + 1)) for items, hits in measures) / count,
                sum(bool(hits) for _, hits in measures) / count,
            )
        )  # fmt: skip
    return rows


def _gain(places: Iterable[int]) -> float:
    return sum(1 / math.log2(place + 1) for place in places)


def _records(lines: pd.DataFrame) -> Lines:
    return [{str(name): value for name, value in line.items()} for line in lines.to_dict("records")]
