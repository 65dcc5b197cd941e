"""Retention end to end: raw rows in, marts out, compared with calculations by hand."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

AS_OF = date(2017, 5, 17)
START = date(2016, 7, 1)
DEFAULT_LAPSED = 180
WINDOW = 3
SELECT = ("+path:models/marts/retention", "--indirect-selection", "buildable")

Days = dict[str, list[date]]


def _month(day: date) -> date:
    return day.replace(day=1)


def _months(first: date, last: date) -> list[date]:
    found = [_month(first)]
    while found[-1] < _month(last):
        found.append(_month(found[-1] + timedelta(days=31)))
    return found


def _random_lines() -> list[dict[str, Any]]:
    """Regular, one-time and leaving customers, some back after a break; returns, days of net zero."""
    dice = random.Random(5)
    lines: list[dict[str, Any]] = []
    for number in range(80):
        customer_id = f"c{number:02}"
        day = (
            START + timedelta(days=dice.randint(0, 200))
            if number % 9
            else AS_OF - timedelta(days=dice.randint(0, 9))
        )
        pace, break_days = dice.choice([2, 5, 12]), dice.choice([0, 70, 110])
        leaves = AS_OF if dice.random() < 0.7 else day + timedelta(days=dice.randint(0, 200))
        purchases = 0
        while day <= min(leaves, AS_OF) and (number % 9 or purchases == 0):
            amount = dice.choice([5, 10, 12.5, 40, -8] if purchases else [10])
            lines.append({"customer_id": customer_id, "business_date": day.isoformat(), "net_amount": amount})
            if purchases and dice.random() < 0.1:
                lines.append(
                    {"customer_id": customer_id, "business_date": day.isoformat(), "net_amount": -amount}
                )
            purchases += 1
            day += timedelta(
                days=1 + int(dice.expovariate(1 / pace)) + (break_days if purchases in (3, 14) else 0)
            )
    return lines


def _purchase_days(lines: list[dict[str, Any]]) -> Days:
    nets: dict[Any, float] = defaultdict(float)
    for line in lines:
        nets[line["customer_id"], date.fromisoformat(line["business_date"])] += line["net_amount"]
    days: Days = defaultdict(list)
    for customer, day in sorted(key for key, net in nets.items() if net > 0):
        days[customer].append(day)
    return days


def _gaps(days: list[date]) -> list[int]:
    return [(after - before).days for before, after in pairwise(days)]


def _kaplan_meier(durations: np.ndarray, is_event: np.ndarray) -> dict[int, dict[str, float]]:
    """Product-limit estimate with Greenwood's error and log-log bounds (Kalbfleisch & Prentice)."""
    rows, survival, total = {}, 1.0, 0.0
    for day in np.unique(durations):
        at_risk = int((durations >= day).sum())
        events = int(((durations == day) & is_event).sum())
        survival *= 1 - events / at_risk
        row: dict[str, Any] = {
            "at_risk_count": at_risk,
            "event_count": events,
            "censored_count": int((durations == day).sum()) - events,
        }
        if survival == 0:
            row |= {"survival": 0.0, "standard_error": None, "ci_low": None, "ci_high": None}
        else:
            total += events / (at_risk * (at_risk - events))
            row |= {
                "survival": survival,
                "standard_error": survival * np.sqrt(total),
                "ci_low": 1.0,
                "ci_high": 1.0,
            }
            if survival < 1:
                spread = 1.959963984540054 * np.sqrt(total) / np.log(survival)
                centre = np.log(-np.log(survival))
                bounds = sorted([np.exp(-np.exp(centre - spread)), np.exp(-np.exp(centre + spread))])
                row |= {"ci_low": bounds[0], "ci_high": bounds[1]}
        rows[int(day)] = row
    return rows


def _curve(days: Days) -> dict[int, dict[str, float]]:
    events = [gap for own in days.values() for gap in _gaps(own)]
    censored = [(AS_OF - own[-1]).days for own in days.values()]
    return _kaplan_meier(
        np.array(events + censored), np.array([True] * len(events) + [False] * len(censored))
    )


def _limits(days: Days) -> dict[str, tuple[float, float]]:
    """At-risk and lapse thresholds per customer."""
    curve = _curve(days)

    def falls_to(bound: float, default: float) -> float:
        return next((day for day, row in sorted(curve.items()) if row["survival"] <= bound + 1e-12), default)

    limits = {}
    for customer, own in days.items():
        gaps = _gaps(own)
        at_risk = (
            round(float(np.quantile(gaps, 0.9)), 6) if len(gaps) >= 5 else falls_to(0.2, DEFAULT_LAPSED / 2)
        )
        limits[customer] = (at_risk, max(2 * at_risk, falls_to(0.05, DEFAULT_LAPSED)))
    return limits


def _simulate(days: Days) -> dict[date, Counter[str]]:
    """Live through every day: who comes, who goes, who comes back."""
    flows: dict[date, Counter[str]] = defaultdict(Counter)
    limits = _limits(days)
    for customer, own in days.items():
        lapsed_after, last, is_lapsed = limits[customer][1], None, False
        day = own[0]
        while day <= AS_OF:
            if last is not None and not is_lapsed and (day - last).days > lapsed_after:
                flows[_month(day)]["lapsed"] += 1
                is_lapsed = True
            if day in own:
                flows[_month(day)]["new" if last is None else "reactivated"] += last is None or is_lapsed
                last, is_lapsed = day, False
            day += timedelta(days=1)
    return flows


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return _random_lines()


@pytest.fixture(scope="module")
def days(lines: list[dict[str, Any]]) -> Days:
    return _purchase_days(lines)


@pytest.fixture(scope="module")
def built(make_warehouse: Callable[[str], Any], lines: list[dict[str, Any]]) -> Any:
    """The random history, built with all its data tests."""
    warehouse = make_warehouse("retention")
    warehouse.insert("transactions", lines)
    warehouse.build(*SELECT, as_of_date=AS_OF.isoformat(), revenue_retention_window_months=WINDOW)
    return warehouse


def test_gap_curve_agrees_with_kaplan_meier_by_hand(built: Any, days: Days) -> None:
    rows = {
        r["day"]: r
        for r in built.records(
            "select * from marts.survival_curves where curve = 'gap' and group_name = 'all'"
        )
    }
    expected = _curve(days)
    assert rows.keys() == expected.keys()
    for day, want in expected.items():
        for name, value in want.items():
            assert rows[day][name] == (None if value is None else pytest.approx(value, abs=1e-9)), (day, name)


def test_customers_have_the_thresholds_and_status_worked_out_by_hand(built: Any, days: Days) -> None:
    rows = {r["customer_id"]: r for r in built.records("select * from marts.customer_retention")}
    assert rows.keys() == days.keys()
    seen = Counter(r["status"] for r in rows.values())
    assert min(seen[s] for s in ("lapsed", "at_risk", "reactivated", "new", "active")) > 0, seen
    assert {"own", "population"} == {r["threshold_basis"] for r in rows.values()}
    for customer, (at_risk, lapsed) in _limits(days).items():
        own, row = days[customer], rows[customer]
        recency = (AS_OF - own[-1]).days
        back = [
            day
            for gap, day in zip(_gaps(own), own[1:], strict=True)
            if gap > lapsed and (AS_OF - day).days <= 89
        ]
        status = (
            "lapsed"
            if recency > lapsed
            else "at_risk"
            if recency > at_risk
            else "reactivated"
            if back
            else "new"
            if len(own) == 1
            else "active"
        )
        assert (row["status"], row["recency_days"], row["purchase_days"]) == (status, recency, len(own)), (
            customer
        )
        assert row["at_risk_after_days"] == pytest.approx(at_risk, abs=1e-9), customer
        assert row["lapsed_after_days"] == pytest.approx(lapsed, abs=1e-9), customer
        assert row["median_gap_days"] == (
            pytest.approx(float(np.median(_gaps(own)))) if len(own) > 1 else None
        ), customer
        assert (row["first_purchase_date"], row["last_purchase_date"], row["as_of_date"]) == (
            own[0],
            own[-1],
            AS_OF,
        )


def test_flows_are_what_living_through_every_day_gives(built: Any, days: Days) -> None:
    rows = {r["month"]: r for r in built.records("select * from marts.retention_flows_monthly")}
    flows, opening = _simulate(days), 0
    months = _months(min(own[0] for own in days.values()), AS_OF)
    assert sorted(rows) == months
    assert sum(f["reactivated"] for f in flows.values()) > 5  # the history does exercise returns
    for month in months:
        row, flow = rows[month], flows[month]
        assert (row["opening"], row["new"], row["reactivated"], row["lapsed"]) == (
            opening,
            flow["new"],
            flow["reactivated"],
            flow["lapsed"],
        ), month
        assert row["retention_rate"] == (pytest.approx(1 - flow["lapsed"] / opening) if opening else None)
        assert row["is_complete_month"] == (month < _month(AS_OF))
        opening += flow["new"] + flow["reactivated"] - flow["lapsed"]
        assert row["closing"] == opening


def test_cohorts_have_every_cell_with_the_cohorts_own_money(
    built: Any, lines: list[dict[str, Any]], days: Days
) -> None:
    cohorts: dict[date, list[str]] = defaultdict(list)
    for customer, own in days.items():
        cohorts[_month(own[0])].append(customer)
    spend: dict[Any, float] = defaultdict(float)
    for line in lines:
        spend[line["customer_id"], _month(date.fromisoformat(line["business_date"]))] += line["net_amount"]
    rows = {
        (r["cohort_month"], r["months_since_first"]): r
        for r in built.records("select * from marts.retention_cohorts_monthly")
    }
    expected = {(cohort, n): month for cohort in cohorts for n, month in enumerate(_months(cohort, AS_OF))}
    assert rows.keys() == expected.keys()
    for (cohort, n), month in sorted(expected.items()):
        row, members = rows[cohort, n], cohorts[cohort]
        revenue = [sum(spend[c, m] for c in members) for m in _months(cohort, month)]
        retained = sum(any(_month(day) == month for day in days[c]) for c in members)
        assert (row["month"], row["cohort_size"], row["retained_customers"]) == (
            month,
            len(members),
            retained,
        )
        assert row["retention_rate"] == pytest.approx(retained / len(members))
        assert float(row["revenue"]) == pytest.approx(revenue[-1], abs=1e-9)
        assert float(row["cumulative_revenue_per_customer"]) == pytest.approx(
            sum(revenue) / len(members), abs=0.5001e-4
        )


def test_revenue_retention_compares_the_two_windows(built: Any, lines: list[dict[str, Any]]) -> None:
    spend: dict[Any, float] = defaultdict(float)
    for line in lines:
        spend[line["customer_id"], _month(date.fromisoformat(line["business_date"]))] += line["net_amount"]
    months = _months(min(month for _, month in spend), AS_OF)
    rows = {r["month"]: r for r in built.records("select * from marts.revenue_retention_monthly")}
    assert sorted(rows) == months[2 * WINDOW - 1 :]
    for place in range(2 * WINDOW - 1, len(months)):
        later, earlier = (
            months[place - WINDOW + 1 : place + 1],
            months[place - 2 * WINDOW + 1 : place - WINDOW + 1],
        )
        pairs = [
            (
                max(0.0, sum(spend.get((c, m), 0.0) for m in earlier)),
                max(0.0, sum(spend.get((c, m), 0.0) for m in later)),
            )
            for c in {customer for customer, _ in spend}
        ]
        kept = [(r0, r1) for r0, r1 in pairs if r0 > 0]
        base = sum(r0 for r0, _ in kept)
        row = rows[months[place]]
        assert (row["customer_count"], row["window_months"]) == (len(kept), WINDOW)
        assert row["grr"] == pytest.approx(sum(min(pair) for pair in kept) / base)
        assert row["nrr"] == pytest.approx(sum(r1 for _, r1 in kept) / base)


def test_a_survival_of_exactly_one_fifth_and_one_twentieth_sets_the_thresholds(warehouse: Any) -> None:
    """16 gaps of 7 days, 3 of 11, 1 of 30: survival is 0.2 on day 7 and 0.05 on day 11, but for rounding."""
    for number, gap in enumerate([7] * 16 + [11] * 3 + [30]):
        # Bought again on the as-of date: the open gaps of 0 days are at risk on no other day.
        warehouse.purchase(f"c{number:02}", (str(AS_OF - timedelta(days=gap)), 5), (str(AS_OF), 5))
    warehouse.build(*SELECT, as_of_date=AS_OF.isoformat())
    assert warehouse.query(
        "select distinct at_risk_after_days, lapsed_after_days from marts.customer_retention"
    ) == [(7.0, 14.0)]
    assert warehouse.query(
        "select day, survival from marts.survival_curves where curve = 'gap' and day in (0, 30) order by day"
    ) == [(0, 1.0), (30, 0.0)]


def test_one_purchase_day_gives_the_default_thresholds(warehouse: Any) -> None:
    warehouse.purchase("c1", ("2017-05-01", 10), ("2017-05-02", -10))
    warehouse.build(*SELECT, as_of_date=AS_OF.isoformat(), default_lapsed_days=181)
    row = warehouse.records("select * from marts.customer_retention")[0]
    assert (row["status"], row["at_risk_after_days"], row["lapsed_after_days"], row["threshold_basis"]) == (
        "new",
        90.5,
        181.0,
        "default",
    )
    assert warehouse.query(
        "select opening, new, lapsed, closing, retention_rate from marts.retention_flows_monthly"
    ) == [(0, 1, 0, 1, None)]


def test_without_transactions_the_marts_are_there_and_empty(warehouse: Any) -> None:
    warehouse.build(*SELECT, as_of_date=AS_OF.isoformat())
    marts = (
        "retention_cohorts_monthly",
        "customer_retention",
        "retention_flows_monthly",
        "revenue_retention_monthly",
        "survival_curves",
    )
    for mart in marts:
        assert warehouse.query(f"select count(*) from marts.{mart}") == [(0,)], mart
