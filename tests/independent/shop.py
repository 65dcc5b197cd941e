"""All that a shop knows on a day, and what it would offer whom: told plainly, customer by customer and pair by pair."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from .history import Settings, first_day, month_of

PLACES = 10
RECENT_BASKETS = 10
REPEAT_PRIOR = 30
MIN_BUYERS, CHANCE_BUYERS = 10, 5
ITEMS, NEIGHBOURS = 50, 20
MILLION = 1_000_000

BARS = {
    "buy_again": ("recent_repeats", "personal_frequency"),
    "discover": ("item_neighbours", "popularity_without_own"),
}

Lines = list[dict[str, Any]]


@dataclass
class Own:
    """What one customer has with one product in the window: baskets, their weight in millionths, the latest."""

    purchases: int = 0
    weight: int = 0
    last: date = date.min


class Shop:
    """All that is known on a date, and the lists that are made of it."""

    def __init__(self, lines: Lines, day: date, settings: Settings) -> None:
        self.lines = [line for line in lines if line["business_date"] <= day]
        self.start = first_day(month_of(day) - settings.tier_window_months + 1)
        in_range_from = day - timedelta(days=settings.offer_in_range_days - 1)
        self.in_range = {
            line["product_id"]
            for line in self.lines
            if line["product_id"] is not None
            and line["net_amount"] > 0
            and line["business_date"] >= in_range_from
        }
        self.active = self._active()
        self.sent_back = self._sent_back()
        self.own = self._own()
        self.popularity: Counter[str] = Counter()
        self.buyers: Counter[str] = Counter()
        for items in self.own.values():
            for product, own in items.items():
                self.popularity[product] += own.purchases
                self.buyers[product] += 1
        self.neighbours = self._neighbours()

    def _active(self) -> set[str]:
        """Who has a day of the window whose lines sum to more than nothing."""
        sums: dict[tuple[str, date], Any] = defaultdict(int)
        for line in self.lines:
            if line["customer_id"] is not None and line["business_date"] >= self.start:
                sums[line["customer_id"], line["business_date"]] += line["net_amount"]
        return {who for (who, _), amount in sums.items() if amount > 0}

    def _sent_back(self) -> dict[str, set[str]]:
        latest: dict[tuple[str, str], dict[str, Any]] = {}
        for line in sorted(self.lines, key=_order):
            if line["customer_id"] is not None and line["product_id"] is not None:
                latest[line["customer_id"], line["product_id"]] = line
        found: dict[str, set[str]] = defaultdict(set)
        for (who, product), line in latest.items():
            if line["net_amount"] < 0 or (line["quantity"] is not None and line["quantity"] < 0):
                found[who].add(product)
        return found

    def _own(self) -> dict[str, dict[str, Own]]:
        result: dict[str, dict[str, Own]] = {}
        for who, baskets in baskets_of(
            line for line in self.lines if line["business_date"] >= self.start
        ).items():
            if who not in self.active:
                continue
            mine: dict[str, Own] = defaultdict(Own)
            for ago, (day, products) in enumerate(reversed(baskets)):
                for product in products:
                    own = mine[product]
                    own.purchases += 1
                    own.weight += math.floor(RECENT_BASKETS * MILLION / (RECENT_BASKETS + ago))
                    own.last = max(own.last, day)
            result[who] = dict(mine)
        return result

    def rank(self, product: str) -> tuple[int, str]:
        """The more popular first, then by product."""
        return -self.popularity[product], product

    def speaking(self, who: str) -> list[str]:
        mine = self.own.get(who, {})
        known = [product for product in mine if self.buyers[product] >= MIN_BUYERS]
        return sorted(known, key=lambda product: (-mine[product].weight, self.rank(product)))[:ITEMS]

    def _neighbours(self) -> dict[str, list[tuple[int, str]]]:
        """Each item's most alike products in range, with the likeness in millionths."""
        single: Counter[str] = Counter()
        both: Counter[tuple[str, str]] = Counter()
        for who in self.own:
            items = self.speaking(who)
            single.update(items)
            both.update(combinations(sorted(items), 2))
        alike: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for (a, b), count in both.items():
            if count < 2:  # one buyer of both is no likeness
                continue
            cosine = MILLION * count / math.sqrt(single[a] * single[b])
            likeness = math.floor(cosine * count / (count + CHANCE_BUYERS))
            for item, other in ((a, b), (b, a)):
                if other in self.in_range:
                    alike[item].append((likeness, other))
        return {
            item: sorted(others, key=lambda other: (-other[0], self.rank(other[1])))[:NEIGHBOURS]
            for item, others in alike.items()
        }

    # --- the lists ---------------------------------------------------------------------------------------------

    def buy_again(self, who: str) -> list[tuple[str, float]]:
        mine = self.own.get(who, {})
        every = sum(self.popularity.values())
        repeats = (every - sum(self.buyers.values())) / every if every else 0
        scores = {}
        for product in self.offerable(who):
            count = self.popularity[product]
            rate = (count - self.buyers[product] + REPEAT_PRIOR * repeats) / (count + REPEAT_PRIOR)
            scores[product] = round(mine[product].weight * rate / MILLION, 6)
        return sorted(scores.items(), key=lambda item: (-item[1], self.rank(item[0])))[:PLACES]

    def offerable(self, who: str) -> list[str]:
        mine = self.own.get(who, {})
        return [
            product for product in mine if product in self.in_range and product not in self.sent_back[who]
        ]

    def frequency(self, who: str) -> list[str]:
        mine = self.own.get(who, {})
        return sorted(
            self.offerable(who), key=lambda product: (-mine[product].purchases, self.rank(product))
        )[:PLACES]

    def unknown(self, who: str) -> list[str]:
        """All in range that the customer does not know, the most popular first."""
        known = self.own.get(who, {}).keys() | self.sent_back[who]
        return sorted(self.in_range - known, key=self.rank)

    def discover(self, who: str) -> list[tuple[str, float, str | None]]:
        """Product, score and the own item that says most for it; then what is popular."""
        unknown = self.unknown(who)
        voices: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for item in self.speaking(who):
            for likeness, product in self.neighbours.get(item, ()):
                voices[product].append((likeness, item))
        said = {
            product: sum(likeness for likeness, _ in voices[product])
            for product in unknown
            if product in voices
        }
        listed = []
        for product in sorted(unknown, key=lambda product: (-said.get(product, 0), self.rank(product)))[
            :PLACES
        ]:
            best = min(voices[product], key=lambda voice: (-voice[0], self.rank(voice[1])), default=(0, None))
            listed.append((product, said.get(product, 0) / MILLION, best[1]))
        return listed

    def popular(self) -> list[str]:
        return sorted(self.in_range, key=self.rank)[:PLACES]


def _order(line: dict[str, Any]) -> tuple[Any, ...]:
    return line["business_date"], line["transaction_at"], line["transaction_id"], line["line_number"]


def baskets_of(lines: Iterable[dict[str, Any]]) -> dict[str, list[tuple[date, set[str]]]]:
    """Each customer's baskets in order, with their date and products: lines with a product and more than nothing to pay."""
    baskets: dict[tuple[str, date, str], Lines] = defaultdict(list)
    for line in lines:
        if line["customer_id"] is not None and line["product_id"] is not None and line["net_amount"] > 0:
            baskets[line["customer_id"], line["business_date"], line["transaction_id"]].append(line)
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for (who, day, number), of_basket in baskets.items():
        first = min(line["transaction_at"] for line in of_basket)
        found[who].append((day, first, number, {line["product_id"] for line in of_basket}))
    return {
        who: [(day, products) for day, _, _, products in sorted(mine, key=lambda basket: basket[:3])]
        for who, mine in found.items()
    }
