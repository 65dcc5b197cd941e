"""A shop over four months whose customers and products may turn out to be others, and what the marts make of it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from deployments import Deployment, create

from pipelines.contracts import mart_contracts

FIRST = date(2024, 1, 10)
BEFORE = date(2024, 4, 26)
MERGE_DAY = date(2024, 5, 5)
LAST = date(2024, 5, 15)

SURVIVOR = {"old": "mid", "mid": "new", "gone": "unlisted"}
"""Whom the merge day's export merges into whom; `unlisted` never has master data."""
ENDS = {"old": "new", "mid": "new", "gone": "unlisted"}
IDS = ("old", "mid", "new", "gone", "friend", "other")

Rows = list[dict[str, Any]]
Marts = dict[str, list[tuple[Any, ...]]]


def customers() -> Rows:
    return [
        {"customer_id": "old", "full_name": "Li", "gender": "f", "region": "north", "registered_on": FIRST},
        {"customer_id": "mid", "region": "west", "segment": "club"},
        {"customer_id": "new", "full_name": "Li Na", "region": "south", "referred_by_customer_id": "old"},
        {"customer_id": "gone", "age_band": "35-44"},
        {"customer_id": "friend", "referred_by_customer_id": "mid"},
        {"customer_id": "other", "age_band": "35-44", "referred_by_customer_id": "friend"},
    ]


def sales(first: date, last: date) -> Rows:
    """One customer buys every day, the others every ten days or so, the merged ones to the end; some return goods."""
    lines = []
    for place, customer in enumerate(IDS):
        every = 1 if customer == "other" else 10 + place
        for n in range((LAST - FIRST).days // every + 1):
            day = FIRST + timedelta(days=n * every)
            line = {
                "transaction_id": f"t-{customer}-{n}",
                "line_number": 1,
                "customer_id": customer,
                "product_id": "p2" if customer == "other" else ("p1", "p2", None)[(n + place) % 3],
                "transaction_at": f"{day} 11:00:00",
                "quantity": 1,
                "net_amount": f"{-20 if n % 7 == 6 else 35.5 * (place + 1) + 11 * (n % 9):.2f}",
                "channel": "shop" if n % 2 else None,
            }
            if first <= day <= last:
                lines.append(line)
    return lines


def contacts(last: date) -> dict[str, Rows]:
    """Feedback, interactions and surveys of February and May up to a date, by dataset."""
    rows: dict[str, Rows] = {"feedback": [], "interactions": [], "wallet_surveys": []}
    for month in (2, 5):
        for place, customer in enumerate(IDS):
            at = f"2024-{month:02}-{place + 2:02} 10:00:00"
            if date.fromisoformat(at[:10]) > last:
                continue
            rows["feedback"].append(
                {"feedback_id": f"f{month}{customer}", "customer_id": customer, "feedback_at": at, "kind": "nps", "score": place}
            )  # fmt: skip
            rows["interactions"].append(
                {
                    "interaction_id": f"i{month}{customer}",
                    "customer_id": customer,
                    "interaction_at": at,
                    "direction": "inbound" if place % 2 else "outbound",
                    "kind": "call",
                }
            )
            # All are asked on one day, so that one person has answered twice.
            for brand, rank in (("own", 2), ("rival", 1), *((("third", 3),) if place % 2 else ())):
                rows["wallet_surveys"].append(
                    {
                        "survey_id": f"s{month}{customer}",
                        "category": "tea",
                        "brand": brand,
                        "customer_id": customer,
                        "surveyed_at": f"2024-{month:02}-03 10:00:00",
                        "is_own_brand": brand == "own",
                        "preference_rank": rank,
                        "declared_wallet": None if customer == "new" else 300 + 10 * place,
                    }
                )
    rows["feedback"].append({"feedback_id": "nobody", "feedback_at": f"{FIRST} 10:00:00", "kind": "praise"})
    return rows


def products(**category: str) -> Rows:
    """Two products; the keywords give a product another category."""
    usual = {"p1": "tea", "p2": "wine"} | category
    return [{"product_id": p, "category": c, "unit_cost": "12.5"} for p, c in usual.items()]


def as_survivor(rows: Rows) -> Rows:
    """The rows as a source would have written them that knew of the merges from the start."""
    written = []
    for row in rows:
        row = {k: ENDS.get(v, v) if k.endswith("customer_id") else v for k, v in row.items()}
        if row.get("referred_by_customer_id") == row.get("customer_id"):
            row.pop("referred_by_customer_id", None)
        written.append(row)
    return written


def land(deployment: Deployment, first: date, last: date, *, knows_merges: bool = False) -> None:
    """Land, on the last date, the sales of these dates and what contacts there are up to then."""
    for dataset, rows in {"transactions": sales(first, last), **contacts(last)}.items():
        if rows:
            deployment.land(dataset, last, as_survivor(rows) if knows_merges else rows)


def marts(deployment: Deployment) -> Marts:
    """Every published table, row for row."""
    # What landed is another thing: a source that knew of the merges from the start wrote other rows.
    names = set(mart_contracts()) - {"data_quality_loads"}
    return {name: deployment.query(f'select * from marts."{name}" order by all') for name in sorted(names)}


def assert_same(marts: Marts, expected: Marts) -> None:
    assert set(marts) == set(expected)
    for name, rows in expected.items():
        assert marts[name] == rows, name


def deployment_in(home: Path) -> Deployment:
    home.mkdir()
    return create(home)


def assert_built_in_part(deployment: Deployment) -> None:
    """The last build made only some dates of the transactions anew; else a test of it would prove little."""
    ((refresh,),) = deployment.query(
        "select json_extract_string(detail, '$.refresh') from ops.steps where step = 'build' "
        "order by sequence desc limit 1"
    )
    assert refresh == "stale dates"
