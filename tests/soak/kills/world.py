"""A small deployment that has one night behind it and the next one, with everything awkward in it, landed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT_DIR, Settings
from tests.deployments import share_parsed

HISTORY = (date(2022, 3, 28), date(2024, 4, 29))
FIRST_NIGHT = date(2024, 4, 30)
SECOND_NIGHT = date(2024, 5, 1)

Row = Mapping[str, Any]


_ENGINE = "engine.json"


def settings_of(home: Path) -> Settings:
    """The deployment's own settings, whatever the environment says; a writer that finds the lock held fails soon."""
    engine = json.loads((home / _ENGINE).read_text(encoding="utf-8")) if (home / _ENGINE).exists() else {}
    return Settings(home=home, duckdb_threads=2, lock_timeout_seconds=15, **engine)


def start(home: Path, engine: Mapping[str, Any] | None = None) -> None:
    """A deployment with its own policies, and the landing files of the first night and of the days before it.

    Args:
        home: Its folder.
        engine: Settings of the engine, where it is not DuckDB.
    """
    policies = home / "policies"
    policies.mkdir(parents=True)
    if engine:
        (home / _ENGINE).write_text(json.dumps(engine), encoding="utf-8")
    for path in (PROJECT_DIR / "dbt_project" / "seeds").glob("*.csv"):
        shutil.copy2(path, policies)
    share_parsed(settings_of(home))
    for day in (*HISTORY, FIRST_NIGHT):
        _land(home, "transactions", day, _sales(day))
    first = HISTORY[0]
    _land(home, "products", first, [_product(n, "tea") for n in range(4)])
    _land(home, "customers", first, [{"customer_id": f"c{n}", "region": "north"} for n in range(9)])
    _land(home, "wallet_surveys", first, _survey("s1", "c1", f"{first} 08:00:00"))
    _land(home, "feedback", HISTORY[1], [_answer("f1", "c2", HISTORY[1], 9)])


def land_second_night(home: Path) -> None:
    """New rows, late rows, a bad row, a correction of an earlier date with fewer rows, a product in a new category."""
    day = SECOND_NIGHT
    late = [_sale(f"late-{n}", f"c{n}", HISTORY[1], 40 + n) for n in range(3)]
    bad = {**_sale("bad", "c1", day, 1), "net_amount": "a lot"}
    _land(home, "transactions", day, [*_sales(day), *late, bad])
    _land(home, "transactions", HISTORY[1], _sales(HISTORY[1])[:70])
    _land(home, "products", day, [_product(1, "coffee")])
    _land(home, "customers", day, [{"customer_id": "c1", "region": "south"}])
    _land(home, "wallet_surveys", day, _survey("s2", "c3", f"{day} 08:00:00"))
    _land(home, "feedback", day, [_answer("f2", "c1", day, 3)])


def _sales(day: date) -> list[Row]:
    """More than a hundred lines, so that one bad line stays within what the contract tolerates."""
    return [_sale(f"{day:%m%d}-{n}", f"c{n % (9 if n % 7 else 25)}", day, n) for n in range(120)]


def _sale(number: str, customer: str, day: date, n: int) -> dict[str, Any]:
    return {
        "transaction_id": f"t{number}",
        "line_number": 1,
        "customer_id": customer,
        "product_id": f"p{n % 4}" if n % 5 else None,
        "transaction_at": f"{day} {9 + n % 10:02}:15:00",
        "quantity": 1,
        "net_amount": f"{-3.5 if n % 11 == 7 else 1.25 * (n + 1):.2f}",
    }


def _product(n: int, category: str) -> Row:
    return {"product_id": f"p{n}", "category": category, "unit_cost": 0.5}


def _answer(number: str, customer: str, day: date, score: int) -> Row:
    return {
        "feedback_id": number,
        "customer_id": customer,
        "feedback_at": f"{day} 10:00:00",
        "kind": "nps",
        "score": score,
    }


def _survey(number: str, customer: str, moment: str) -> list[Row]:
    return [
        {
            "survey_id": number,
            "category": "all",
            "brand": brand,
            "customer_id": customer,
            "surveyed_at": moment,
            "is_own_brand": brand == "we",
            "preference_rank": rank,
            "declared_wallet": 900,
        }
        for rank, brand in enumerate(("they", "we"), start=1)
    ]


_CSV = ("transactions", "customers", "feedback")
"""Landed as CSV; the others as JSON lines."""


def _land(home: Path, dataset: str, day: date, rows: Iterable[Row]) -> None:
    """Write a date's file of a dataset, as the shipped contracts have it."""
    rows = list(rows)
    folder = home / "var" / "landing" / dataset / str(day)
    folder.mkdir(parents=True, exist_ok=True)
    if dataset in _CSV:
        with (folder / f"{dataset}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(_columns(home, dataset)), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    else:
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{dataset}.jsonl").write_text(lines, encoding="utf-8")


def _columns(home: Path, dataset: str) -> Iterable[str]:
    from pipelines.contracts import source_contracts

    return [c.source_name for c in source_contracts(settings_of(home))[dataset].source_columns]
