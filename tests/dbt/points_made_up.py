"""Made-up customers who earn, send back, spend and let expire, under made-up policies: many in one warehouse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

import duckdb
from dbt_warehouse import Warehouse
from points_plainly import Line, Programme, Redemption

FIRST, LAST = date(2016, 11, 3), date(2018, 1, 17)
CATEGORIES = ("food", "fuel", "unknown")
TIERS = "\n".join(
    [
        "valid_from,tier,label_zh,label_en,tier_rank,lower_bound",
        "2000-01-01,gold,g,Gold,1,60",
        "2000-01-01,silver,s,Silver,2,25",
        "2000-01-01,ordinary,o,Ordinary,3,0",
    ]
)


@dataclass(frozen=True)
class MadeUp:
    """A programme, and what happened under it; the rows bear the numbers that the source knows."""

    programme: Programme
    lines: list[Line]
    redemptions: list[Redemption]
    merged: dict[str, str]


def make_up(seed: int, *, may_owe: bool, expiry_months: int, customers: int) -> MadeUp:
    """Customers of every temper: some mostly buy, some send most back, some spend more than they have."""
    random = Random(seed)

    def some_day() -> date:
        return FIRST + timedelta(days=random.randrange((LAST - FIRST).days + 1))

    def figure(most: int) -> Decimal:
        return Decimal(random.randrange(most * 1000)) / random.choice((1000, 10, 7 * 8))

    def policy(names: Iterable[str], most: int) -> list[tuple[date, str, Decimal]]:
        rows = {
            (some_day(), name): rounded(figure(most)) for name in names for _ in range(random.randrange(1, 4))
        }
        return [(*key, value) for key, value in rows.items()]

    rates = [(FIRST + timedelta(days=20), "all", Decimal("0.75")), *policy(("all", "food", "fuel"), 3)]
    programme = Programme(
        rates=list({row[:2]: row for row in rates}.values()),
        multipliers=policy(("gold", "silver", "new", "lapsed"), 2),
        expectations=[(d, v / 100, r) for d, v, r in zip(*expectation_columns(random), strict=True)],
        expiry_months=expiry_months,
        may_owe=may_owe,
        as_of=LAST,
    )
    lines, redemptions = [], []
    for number in range(customers):
        name = f"c{number}"
        sends_back, spends = random.choice((0.05, 0.3, 0.6)), random.choice((0.0, 0.2, 0.5))
        few_days = [some_day() for _ in range(random.randrange(1, 25))]
        for move in range(random.randrange(1, 45)):
            day = random.choice(few_days)
            if random.random() < spends:
                # few hours, so that some of a day are at the same one
                at = datetime.combine(day, time(random.randrange(3)))
                redemptions.append(Redemption(f"r{number}-{move}", name, at, random.randrange(1, 60)))
                continue
            for _ in range(random.randrange(1, 3)):
                net = Decimal(random.randrange(1, 6000)) / 100
                net = -net if random.random() < sends_back else net
                lines.append(
                    Line(f"t{random.randrange(9)}:{move}", name, day, random.choice(CATEGORIES), net)
                )
    merged = {f"c{n}": f"c{n + 1}" for n in range(0, customers - 1, 10)}
    return MadeUp(programme, lines, redemptions, merged)


def rounded(value: Decimal) -> Decimal:
    """As a policy file has it: within its bounds, of six decimals."""
    return min(value, Decimal(5)).quantize(Decimal("0.000001"))


def expectation_columns(random: Random) -> tuple[list[date], list[Decimal], list[Decimal]]:
    """Three expectations in the course of the data."""
    days = [FIRST + timedelta(days=n) for n in (random.randrange(60, 90), random.randrange(120, 200), 300)]
    return (
        days,
        [Decimal(random.randrange(50, 150)) / 10 for _ in days],
        [Decimal(random.randrange(30, 100)) / 100 for _ in days],
    )


def fill(warehouse: Warehouse, made_up: MadeUp) -> None:
    """The policies and raw rows of a warehouse."""
    programme = made_up.programme
    warehouse.policy("tier_policy", TIERS)
    for name, header, rows in (
        ("points_rates", "valid_from,category,points_per_currency_unit", programme.rates),
        ("points_multipliers", "valid_from,tier,multiplier", programme.multipliers),
        ("points_expectations", "valid_from,points_value,expected_redemption_rate", programme.expectations),
    ):
        warehouse.policy(name, "\n".join([header, *(",".join(map(str, row)) for row in rows)]))
    warehouse.insert(
        "products", [{"product_id": c, "category": c, "business_date": "2016-01-01"} for c in CATEGORIES]
    )
    warehouse.insert(
        "customers",
        [
            {"customer_id": old, "merged_into_customer_id": new, "business_date": str(LAST)}
            for old, new in made_up.merged.items()
        ],
    )
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("begin")
        connection.executemany(
            "insert into raw.transactions (transaction_id, line_number, customer_id, product_id, net_amount, "
            "business_date, partition_date, transaction_at, file_id) values ($1, $2, $3, $4, $5, $6, $6, $6, 'f')",
            [
                [r.transaction_id, n, r.customer_id, r.category, r.net, r.day]
                for n, r in enumerate(made_up.lines)
            ],
        )
        connection.executemany(
            "insert into raw.points_redemptions (redemption_id, customer_id, redeemed_at, points, "
            "business_date, partition_date, file_id) values ($1, $2, $3, $4, $5, $5, 'f')",
            [[r.redemption_id, r.customer_id, r.at, r.points, r.at.date()] for r in made_up.redemptions],
        )
        connection.execute("commit")
