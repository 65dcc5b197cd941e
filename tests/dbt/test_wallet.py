"""Share of wallet end to end: raw rows in, marts out, compared with a published table and with loops by hand."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

AS_OF = "2017-03-20"
MONTHS = [(2016, m) for m in range(1, 13)] + [(2017, m) for m in range(1, 4)]
WINDOW, VALIDITY, MIN_PEERS = 6, 6, 10
SELECT = ("+path:models/marts/wallet", "--indirect-selection", "buildable")
LEVELS = [["age_band", "income_band"], ["income_band"]]
# Customers below the number have this age and income: groups of 25, 4 (too small), 25 and 6 (too small).
BANDS = [(25, ("old", "high")), (29, ("young", "high")), (54, (None, "low")), (60, (None, None))]

# Keiningham et al., HBR 2011, as metrics.md prints it: ranks of a respondent's brands, and their shares.
WAR_TABLE = {
    "one": ([1], [1.0]),
    "two": ([1, 2], [0.6667, 0.3333]),
    "three": ([1, 2, 3], [0.5, 0.3333, 0.1667]),
    "four": ([1, 2, 3, 4], [0.4, 0.3, 0.2, 0.1]),
    "tied_as_means": ([1.5, 1.5, 3], [0.4167, 0.4167, 0.1667]),
    "tied_as_places": ([1, 1, 3], [0.4167, 0.4167, 0.1667]),
    "tied_dense": ([1, 1, 2], [0.4167, 0.4167, 0.1667]),
}


def _random_history() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Transactions with returns, customers of small, large and unknown bands, surveys of all kinds."""
    dice = random.Random(11)
    lines, customers, surveys = [], [], []
    for number in range(60):
        customer_id = f"c{number:02}"
        age, band = next(bands for below, bands in BANDS if number < below)
        if number < 58:
            customers.append(
                {
                    "customer_id": customer_id,
                    "income_band": band,
                    "age_band": age,
                    "business_date": "2016-01-01",
                }
            )
        for _ in range(dice.randint(1, 14)):
            year, month = dice.choice(MONTHS)
            amount = round(dice.choice([1, 1, 1, 1, -1]) * dice.lognormvariate(3, 1), 2)
            lines.append(
                {
                    "customer_id": customer_id,
                    "product_id": dice.choice(["p-coffee", "p-tea"]),
                    "net_amount": amount,
                    "business_date": date(year, month, dice.randint(1, 20)).isoformat(),
                }
            )
        for wave in range(dice.randint(0, 3)):
            year, month = dice.choice(MONTHS)
            day = date(year, month, dice.randint(1, 20)).isoformat()
            category = dice.choice(["all", "coffee", "cocoa"])
            declared = dice.choice([None, 0, 20, 150, 400])
            for place, brand in enumerate(dice.sample(["own", "b", "c", "d"], dice.randint(1, 4))):
                surveys.append(
                    {
                        "survey_id": f"s{number:02}{wave}",
                        "customer_id": customer_id,
                        "category": category,
                        "business_date": day,
                        "brand": brand,
                        "is_own_brand": brand == "own",
                        "declared_wallet": declared,
                        "preference_rank": dice.choice([None, place + 1, place + 1, 1]),
                    }
                )
    return lines, customers, surveys


def _end(month: tuple[int, int]) -> date:
    year, number = month
    first_of_next = date(year + number // 12, number % 12 + 1, 1)
    return min(date.fromordinal(first_of_next.toordinal() - 1), date.fromisoformat(AS_OF))


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    last = (date((index + 1) // 12, (index + 1) % 12 + 1, 1).toordinal()) - 1
    return date(index // 12, index % 12 + 1, min(day.day, date.fromordinal(last).day))


def _share(ranks: list[float], ours: float) -> float:
    mean_rank = sum(rank < ours for rank in ranks) + (sum(rank == ours for rank in ranks) + 1) / 2
    return (1 - mean_rank / (len(ranks) + 1)) * 2 / len(ranks)


def _expected(
    lines: list[dict[str, Any]], customers: list[dict[str, Any]], surveys: list[dict[str, Any]]
) -> dict[Any, dict[str, Any]]:
    """Share of wallet by plain loops, written from metrics.md."""
    day_net: dict[Any, float] = defaultdict(float)
    spend: dict[Any, float] = defaultdict(float)  # (customer, category, month index)
    index = {month: place for place, month in enumerate(MONTHS)}
    for line in lines:
        day = date.fromisoformat(line["business_date"])
        place = index[day.year, day.month]
        day_net[line["customer_id"], place, day] += line["net_amount"]
        spend[line["customer_id"], "all", place] += line["net_amount"]
        spend[line["customer_id"], line["product_id"].removeprefix("p-"), place] += line["net_amount"]
    bought = {(customer, place) for (customer, place, _), net in day_net.items() if round(net, 2) > 0}
    first = {customer: min(p for c, p in bought if c == customer) for customer, _ in bought}
    answers: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for survey in surveys:
        answers[
            survey["customer_id"], survey["category"], survey["business_date"], survey["survey_id"]
        ].append(survey)
    bands = {c["customer_id"]: (c["age_band"], c["income_band"]) for c in customers}

    rows: dict[Any, dict[str, Any]] = {}
    for place, month in enumerate(MONTHS):
        end = _end(month)
        window = range(max(0, place - WINDOW + 1), place + 1)
        for customer in {c for c, p in bought if p in window}:
            observed = min(WINDOW, place - first[customer] + 1)
            valid = {
                key: brands
                for key, brands in answers.items()
                if key[0] == customer and _months_before(end, VALIDITY) <= date.fromisoformat(key[2]) <= end
            }
            categories = (
                {"all"}
                | {c for who, c, p in spend if who == customer and p in window}
                | {key[1] for key in valid}
            )
            for category in categories:
                own = max(
                    0.0, round(sum(spend.get((customer, category, p), 0.0) for p in window), 2) / observed
                )
                declared = war = None
                for key, brands in sorted(valid.items()):
                    if key[1] != category:
                        continue
                    if brands[0]["declared_wallet"] is not None:
                        declared = float(brands[0]["declared_wallet"])
                    ranks = [b["preference_rank"] for b in brands if b["preference_rank"] is not None]
                    ours = [
                        b["preference_rank"]
                        for b in brands
                        if b["is_own_brand"] and b["preference_rank"] is not None
                    ]
                    if ours:
                        war = _share(ranks, ours[0])
                rows[customer, category, date(*month, 1)] = {
                    "own": own,
                    "declared": declared,
                    "war": war,
                    "bands": bands.get(customer, (None, None)),
                }

    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for key, row in rows.items():
        groups[key[1:]].append(row)
    for group in groups.values():
        _estimate(group)
    return rows


def _benchmark(row: dict[str, Any], group: list[dict[str, Any]]) -> tuple[str, list[float]]:
    """Level and own spends of the finest peer group that is large enough, at last of all."""
    own_age, own_band = row["bands"]
    levels = {
        "age_band+income_band": [r["own"] for r in group if r["bands"] == (own_age, own_band)],
        "income_band": [r["own"] for r in group if r["bands"][1] == own_band],
        "all": [r["own"] for r in group],
    }
    return next(
        (name, spends) for name, spends in levels.items() if len(spends) >= MIN_PEERS or name == "all"
    )


def _estimate(group: list[dict[str, Any]]) -> None:
    """Add wallet, share and quadrant to the rows of one category and month."""
    for row in group:
        level, peers = _benchmark(row, group)
        row |= {"level": level, "peers": len(peers), "quantile": float(np.quantile(peers, 0.9))}
        own, declared, war = row["own"], row["declared"], row["war"]
        if declared is not None:
            row |= {"method": "declared", "wallet": max(own, declared), "capped": own > declared}
        elif war is not None:
            row |= {"method": "war", "wallet": own / war, "capped": False}
        else:
            capped = own > row["quantile"] + 1e-9
            row |= {"method": "benchmark", "wallet": max(own, row["quantile"]), "capped": capped}
    median = float(np.median([row["wallet"] for row in group]))
    names = {(1, 1): "defend", (1, 0): "grow", (0, 1): "maintain", (0, 0): "deprioritise"}
    for row in group:
        row["share"] = row["own"] / row["wallet"] if row["wallet"] else None
        big, high = row["wallet"] >= median - 1e-9, (row["share"] or 0) >= 0.5 - 1e-9
        row["quadrant"] = None if row["share"] is None else names[big, high]


@pytest.fixture(scope="module")
def history() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    return _random_history()


@pytest.fixture(scope="module")
def built(make_warehouse: Callable[[str], Any], history: Any) -> Any:
    """The random history, built with all its data tests."""
    lines, customers, surveys = history
    warehouse = make_warehouse("wallet")
    warehouse.insert(
        "products",
        [{"product_id": f"p-{c}", "category": c, "business_date": "2016-01-01"} for c in ("coffee", "tea")],
    )
    warehouse.insert("transactions", lines)
    warehouse.insert("customers", customers)
    warehouse.insert("wallet_surveys", surveys)
    warehouse.build(
        *SELECT,
        as_of_date=AS_OF,
        tier_window_months=WINDOW,
        survey_validity_months=VALIDITY,
        benchmark_min_peers=MIN_PEERS,
        peer_attribute_levels=LEVELS,
    )
    return warehouse


def test_every_row_agrees_with_a_calculation_by_hand(built: Any, history: Any) -> None:
    expected = _expected(*history)
    rows = {
        (r["customer_id"], r["category"], r["month"]): r
        for r in built.records("select * from marts.share_of_wallet_monthly")
    }
    assert rows.keys() == expected.keys()
    assert {"declared", "war", "benchmark"} == {r["method"] for r in rows.values()}
    assert {"age_band+income_band", "income_band", "all"} == {r["benchmark_level"] for r in rows.values()}
    half_a_digit = 0.5001e-4  # published money has four decimals
    for key, row in rows.items():
        want = expected[key]
        assert float(row["own_spend"]) == pytest.approx(want["own"], abs=half_a_digit), key
        assert float(row["wallet"]) == pytest.approx(want["wallet"], abs=half_a_digit), key
        assert row["headroom"] == row["wallet"] - row["own_spend"], key
        assert row["share_of_wallet"] == (
            None if want["share"] is None else pytest.approx(want["share"], abs=1e-9)
        ), key
        assert row["war_share"] == (None if want["war"] is None else pytest.approx(want["war"], abs=1e-12)), (
            key
        )
        assert float(row["benchmark_spend"]) == pytest.approx(want["quantile"], abs=half_a_digit), key
        assert (row["method"], row["is_capped"], row["wallet_quadrant"]) == (
            want["method"],
            want["capped"],
            want["quadrant"],
        ), key
        assert (row["benchmark_level"], row["benchmark_peers"]) == (want["level"], want["peers"]), key
        assert row["is_complete_month"] == (row["month"] < date(2017, 3, 1)), key


def test_summary_adds_up_the_published_rows_by_tier(built: Any) -> None:
    tiers = {
        (r["customer_id"], r["month"]): r["tier"]
        for r in built.records("select * from marts.customer_tiers_monthly")
    }
    sums: dict[Any, list[Any]] = defaultdict(lambda: [0, 0, 0, defaultdict(int)])
    for row in built.records("select * from marts.share_of_wallet_monthly"):
        total = sums[row["month"], row["category"], tiers[row["customer_id"], row["month"]]]
        total[0] += 1
        total[1] += row["own_spend"]
        total[2] += row["wallet"]
        total[3][row["method"]] += 1
    summary = built.records("select * from marts.share_of_wallet_summary_monthly")
    assert {(r["month"], r["category"], r["tier"]) for r in summary} == sums.keys()
    for row in summary:
        count, own, wallet, methods = sums[row["month"], row["category"], row["tier"]]
        assert (row["customer_count"], row["own_spend"], row["wallet"], row["headroom"]) == (
            count,
            own,
            wallet,
            wallet - own,
        )
        assert row["share_of_wallet"] == (pytest.approx(float(own / wallet)) if wallet else None)
        assert (row["declared_customers"], row["war_customers"], row["benchmark_customers"]) == (
            methods["declared"],
            methods["war"],
            methods["benchmark"],
        )


def test_war_reproduces_the_published_table(warehouse: Any) -> None:
    for case, (ranks, _) in WAR_TABLE.items():
        for ours in range(len(ranks)):
            customer_id = f"{case}-{ours}"
            warehouse.purchase(customer_id, ("2017-01-10", 60))
            warehouse.insert(
                "wallet_surveys",
                [
                    {
                        "survey_id": customer_id,
                        "customer_id": customer_id,
                        "business_date": "2017-01-11",
                        "brand": f"brand {place}",
                        "is_own_brand": place == ours,
                        "preference_rank": rank,
                    }
                    for place, rank in enumerate(ranks)
                ],
            )
    warehouse.build(*SELECT, as_of_date="2017-01-31")
    rows = {
        r["customer_id"]: r
        for r in warehouse.records("select * from marts.share_of_wallet_monthly where category = 'all'")
    }
    for case, (_, shares) in WAR_TABLE.items():
        found = [rows[f"{case}-{ours}"] for ours in range(len(shares))]
        assert [round(row["war_share"], 4) for row in found] == shares, case
        assert sum(row["war_share"] for row in found) == pytest.approx(1, abs=1e-12), case
        assert [row["share_of_wallet"] for row in found] == [row["war_share"] for row in found], case
        assert [float(row["wallet"]) for row in found] == pytest.approx(
            [60 / row["war_share"] for row in found], abs=1e-4
        ), case


def test_without_surveys_and_master_data_every_wallet_is_a_benchmark_of_all(warehouse: Any) -> None:
    warehouse.purchase("c1", ("2017-01-10", 60))
    warehouse.purchase("c2", ("2017-01-10", 20))
    warehouse.build(*SELECT, as_of_date="2017-01-31")
    rows = warehouse.records(
        "select * from marts.share_of_wallet_monthly where category = 'all' order by customer_id"
    )
    assert [(r["method"], r["benchmark_level"], r["benchmark_peers"]) for r in rows] == [
        ("benchmark", "all", 2)
    ] * 2
    assert [float(r["wallet"]) for r in rows] == [60, 56]
    assert [r["is_capped"] for r in rows] == [True, False]


def test_without_peer_attributes_the_benchmark_is_of_all(warehouse: Any) -> None:
    warehouse.purchase("c1", ("2017-01-10", 60))
    warehouse.build(*SELECT, as_of_date="2017-01-31", peer_attribute_levels=[], benchmark_min_peers=1)
    assert warehouse.query(
        "select distinct benchmark_level, benchmark_peers from marts.share_of_wallet_monthly"
    ) == [("all", 1)]


def test_without_transactions_the_marts_are_there_and_empty(warehouse: Any) -> None:
    warehouse.insert(
        "wallet_surveys", [{"customer_id": "c1", "business_date": "2017-01-10", "declared_wallet": 5}]
    )
    warehouse.build(*SELECT, as_of_date="2017-01-31")
    assert warehouse.query("select count(*) from marts.share_of_wallet_monthly") == [(0,)]
    assert warehouse.query("select count(*) from marts.share_of_wallet_summary_monthly") == [(0,)]
