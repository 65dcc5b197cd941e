"""Made-up histories with everything that is rare: every amount, tie and absence from one seed."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd

from . import made_up_programmes, made_up_voices
from .history import last_day, month_of

CENT = Decimal("0.01")
START = date(2021, 11, 3)
MONTHS = 30
POLICY = """valid_from,tier,label_zh,label_en,tier_rank,lower_bound
2020-01-01,gold,黄金,Gold,1,60
2020-01-01,silver,白银,Silver,2,30.5
2020-01-01,ordinary,普通,Ordinary,3,0
2023-02-10,diamond,钻石,Diamond,1,90
2023-02-10,gold,黄金,Gold,2,45
2023-02-10,silver,白银,Silver,3,30.5
2023-02-10,ordinary,普通,Ordinary,4,0
"""
"""From February 2023 on one tier more at the top, and gold is easier to reach."""
ENDS = [last_day(month_of(START) + MONTHS - 1), date(2024, 2, 29)]
"""The dates as of which the histories are built."""


def made_up(draw: random.Random) -> dict[str, pd.DataFrame]:
    """Customers with rhythms of their own; every amount, tie and absence from the one seed."""
    products = [
        {"product_id": f"p{n}", "category": draw.choice(["tea", "coffee", "cake"]), "unit_cost": cost}
        for n, cost in enumerate(["1.2345", None, "0.5", None, "7", "2.25", None, "3.1"])
    ]
    lines: list[dict[str, Any]] = []
    customers: list[dict[str, Any]] = []
    surveys: list[dict[str, Any]] = []
    for number in range(60):
        who = f"c{number:02}"
        if number % 9:  # some buyers are in no archive
            region, age = draw.choice(["north", "south", None]), draw.choice(["young", "old", None])
            by = draw.choice(
                [None, "stranger", *(f"c{(number + draw.randrange(1, 60)) % 60:02}" for _ in range(3))]
            )
            customers.append(
                {"customer_id": who, "region": region, "age_band": age, "referred_by_customer_id": by}
            )
        lines += purchases(draw, who, len(lines))
        for wave in range(draw.choice([0, 0, 1, 2, 3])):
            surveys += answers(draw, who, f"s{number}-{wave}")
    # From a hand of its own, so that the others' draws stay: two months before the first customer, and a gap after.
    own = random.Random(draw.random())
    for line in purchases(own, "nobody", 0) + purchases(own, "somebody", 0):
        early = line["transaction_at"] - timedelta(days=61)
        lines.append(line | {"customer_id": None, "transaction_at": early})
    lines = made_up_voices.with_shops(own, lines)
    surveys += made_up_voices.surveys_of_all(own, lines)
    for customer in customers:
        customer["merged_into_customer_id"] = made_up_voices.MERGED.get(customer["customer_id"])
        customer["account_manager_employee_id"] = own.choice([None, None, "e1"])
    staff = made_up_voices.staff(own, START, date(2023, 6, 30))
    feedback = made_up_voices.feedback(own, lines, ENDS)
    interactions = made_up_voices.interactions(own, lines)
    staff_surveys = made_up_voices.staff_surveys(own, START, 28 * MONTHS)
    programmes = random.Random(own.random())
    lines = made_up_programmes.with_receipts(programmes, lines)
    for customer in customers:
        customer |= made_up_programmes.known_about(programmes, ENDS)
    interactions += made_up_programmes.care_contacts(programmes, lines, ENDS)
    return {
        "transactions": frame(lines),
        "customers": frame(customers),
        "products": frame(products),
        "wallet_surveys": frame(surveys),
        "feedback": frame(feedback),
        "interactions": frame(interactions),
        "employees": frame([row | {"landed_on": day} for day, rows in staff.items() for row in rows]),
        "employee_surveys": frame(staff_surveys),
        "points_redemptions": frame(made_up_programmes.redemptions(programmes, lines)),
    }


def purchases(draw: random.Random, who: str, numbered: int) -> list[dict[str, Any]]:
    """One customer's lines: a rhythm, sometimes a long absence, a return for more than was bought that day."""
    rhythm, scale = draw.choice([2, 9, 30, 75, 200]), draw.choice([3, 15, 60, 120])
    day, lines = START + timedelta(days=draw.randrange(0, 28 * MONTHS)), []
    end = last_day(month_of(START) + MONTHS - 1)
    if draw.random() < 0.05:  # one who only ever brings things back
        rhythm, scale = 300, -10
    while day <= end:
        for _ in range(draw.choice([1, 1, 2, 4])):
            amount = Decimal(round(scale * 100 * draw.random() * draw.choice([1, 1, 1, 1, -0.4]))) / 100
            amount = draw.choice([amount, amount, Decimal(scale), Decimal(0)])
            lines.append(
                {
                    "transaction_id": f"{who}-{numbered + len(lines)}",
                    "line_number": 1,
                    "customer_id": who,
                    "product_id": draw.choice([None, "gone", *(f"p{n}" for n in range(8))]),
                    "transaction_at": datetime.combine(day, time(0, draw.randrange(60))),
                    "quantity": draw.choice([None, "1", "2.5", "-1"]),
                    "net_amount": str(amount),
                    "cost_amount": draw.choice([None, None, str((amount / 2).quantize(CENT, ROUND_HALF_UP))]),
                }
            )
        if draw.random() < 0.1:  # and back it goes, with things bought before
            lines.append(
                lines[-1] | {"transaction_id": f"{who}-back-{len(lines)}", "net_amount": str(-abs(scale) * 3)}
            )
        day += timedelta(days=max(1, round(draw.expovariate(1 / rhythm))))
        if draw.random() < 0.02:
            day += timedelta(days=draw.choice([250, 420]))
    return lines


def answers(draw: random.Random, who: str, survey_id: str) -> list[dict[str, Any]]:
    """One survey about some categories: ties, one brand alone, no ranks, no wallet, two brands of ours."""
    moment = datetime.combine(START + timedelta(days=draw.randrange(0, 30 * MONTHS)), datetime.min.time())
    rows = []
    for category in draw.sample(["all", "tea", "coffee", "water"], draw.choice([1, 2, 3])):
        declared = draw.choice([None, None, "0", "12.34", "80", "400"])
        brands = draw.choice([1, 2, 3, 5])
        own = draw.choice([1, 1, 1, 0, 2])
        for number in range(brands):
            rows.append(
                {
                    "survey_id": survey_id,
                    "category": category,
                    "brand": f"brand {number}",
                    "customer_id": who,
                    "surveyed_at": moment,
                    "is_own_brand": number < own,
                    "preference_rank": draw.choice([str(number + 1), "1", "2", "1.5", None]),
                    "declared_wallet": declared,
                }
            )
    return rows


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, dtype=object)
