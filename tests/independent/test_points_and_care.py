"""Cases worked by hand that the independent calculation of points and care must get right."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from .care import anniversaries, care_schedule
from .earning import PointsPolicies
from .feedback import heard
from .history import Settings, histories
from .loyalty_marts import FEEDBACK_COLUMNS
from .points import LEDGER, points_marts
from .samples import POLICY

DAY_0 = date(2024, 1, 1)
RATES = [{"valid_from": DAY_0, "category": "all", "points_per_currency_unit": Decimal(1)}]
NO_TIERS = pd.DataFrame(columns=["customer_id", "month", "tier"])


def sold(day: date, amount: int | str, number: str | None = None, category: str = "tea") -> dict[str, Any]:
    return {
        "transaction_id": number or f"t{day}",
        "customer_id": "a",
        "business_date": day,
        "net_amount": Decimal(amount),
        "profit": Decimal(0),
        "category": category,
    }


def redeemed(day: date, points: int) -> dict[str, Any]:
    return {
        "redemption_id": f"r{day}",
        "customer_id": "a",
        "redeemed_at": datetime.combine(day, time(12)),
        "points": points,
    }


def marts(
    lines: list[dict[str, Any]],
    redemptions: list[dict[str, Any]],
    as_of: date,
    expectations: list[dict[str, Any]] | None = None,
    tiers: pd.DataFrame = NO_TIERS,
    multipliers: list[dict[str, Any]] | None = None,
    rates: list[dict[str, Any]] = RATES,
    **settings: Any,
) -> dict[str, list[dict[Any, Any]]]:
    """The marts of points as of a day."""
    found = points_marts(
        pd.DataFrame(lines),
        pd.DataFrame(redemptions, columns=["redemption_id", "customer_id", "redeemed_at", "points"]),
        tiers,
        PointsPolicies(rates, multipliers or [], expectations or []),
        Settings(**settings),
        as_of,
    )
    return {name: mart.to_dict("records") for name, mart in found.items()}


def ledger(*arguments: Any, **settings: Any) -> list[tuple[Any, ...]]:
    """Movement, points, balance after, the lot's day after day 0, source and shortfall, in order."""
    rows = marts(*arguments, **settings)["points_ledger"]
    return [
        (
            row["movement"],
            row["points"],
            row["balance_after"],
            None if row["lot_date"] is None else (row["lot_date"] - DAY_0).days,
            row["source_id"],
            row["shortfall"],
        )
        for row in rows
    ]


def day(number: int) -> date:
    return DAY_0 + timedelta(days=number)


# --- points --------------------------------------------------------------------------------------------------


def test_a_refund_beyond_the_balance_is_a_debt_that_the_next_receipt_pays() -> None:
    lines = [
        sold(day(0), 100, "t0"),
        sold(day(5), -100, "t1"),
        sold(day(9), 30, "t2"),
        sold(day(9), 50, "t3"),
    ]
    assert ledger(lines, [redeemed(day(3), 60)], day(20)) == [
        ("earn", 100, 100, 0, "t0", 0),
        ("redeem", -60, 40, 0, f"r{day(3)}", 0),
        ("reverse", -40, 0, 0, "t1", 60),
        ("earn", 30, 30, 9, "t2", 0),
        ("reverse", -30, 0, 9, "t1", 0),
        ("earn", 50, 50, 9, "t3", 0),
        ("reverse", -30, 20, 9, "t1", 0),
    ]
    assert ledger(lines, [redeemed(day(3), 60)], day(20), points_on_shortfall="write_off")[-1] == (
        "earn", 50, 80, 9, "t3", 0,
    )  # fmt: skip


def test_oldest_lots_go_first_and_the_rest_expires_at_the_months_end_after_its_redemptions() -> None:
    lines = [sold(day(0), 10, "t0"), sold(day(1), 10, "t1"), sold(day(40), 10, "t2")]
    spent = [redeemed(date(2024, 2, 29), 12)]
    assert ledger(lines, spent, date(2024, 3, 30), points_expiry_months=1)[3:] == [
        ("redeem", -10, 20, 0, "r2024-02-29", 0),
        ("redeem", -2, 18, 1, "r2024-02-29", 0),
        ("expire", -8, 10, 1, None, 0),
    ]
    owed = marts(lines, spent, date(2024, 3, 30), points_expiry_months=1)
    assert [(row["expiry_month"], row["points"]) for row in owed["points_ageing"]] == [(date(2024, 3, 1), 10)]


def test_a_redemption_is_taken_as_far_as_it_goes() -> None:
    found = marts([sold(day(1), 10)], [redeemed(day(0), 5), redeemed(day(2), 12)], day(9))
    assert [tuple(row.values())[2:] for row in found["points_overdrawn"]] == [(day(0), 5), (day(2), 2)]
    assert [(row["balance_after"], row["shortfall"]) for row in found["points_ledger"]] == [(10, 0), (0, 0)]


@pytest.mark.parametrize(
    ("amounts", "points"),
    [(["1.99"], 2), (["0.66", "-0.66"], 0), (["0.66"], 0), (["-1.99"], -2), (["-0.66"], 0)],
)
def test_a_receipts_points_are_cut_towards_zero(amounts: list[str], points: int) -> None:
    rates = [RATES[0] | {"points_per_currency_unit": Decimal("1.5")}]
    rows = marts(
        [sold(day(0), "100", "t"), *(sold(day(1), amount, "u") for amount in amounts)],
        [],
        day(1),
        rates=rates,
    )
    assert [row["points"] for row in rows["points_ledger"]] == [150, *([points] if points else [])]


def test_the_multiplier_is_of_the_tier_of_the_month_before_and_the_rate_of_the_category_first() -> None:
    tiers = pd.DataFrame([{"customer_id": "a", "month": DAY_0, "tier": "new"}])
    rates = [
        *RATES,
        RATES[0] | {"category": "tea", "points_per_currency_unit": Decimal(3), "valid_from": day(32)},
    ]
    twice = [{"valid_from": day(30), "tier": "new", "multiplier": Decimal(2)}]
    lines = [sold(day(n), 10, f"t{n}") for n in (30, 31, 32, 59, 60)]
    rows = marts(lines, [], day(80), tiers=tiers, multipliers=twice, rates=rates)["points_ledger"]
    assert [row["points"] for row in rows] == [10, 20, 60, 60, 30]


def test_without_rates_there_are_no_points() -> None:
    assert not any(marts([sold(day(0), 10)], [redeemed(day(1), 5)], day(9), rates=[]).values())


def test_liability_is_that_of_ifrs_15_illustrative_example_52() -> None:
    rates = [RATES[0] | {"points_per_currency_unit": Decimal("0.1")}]
    expectations = [
        {"valid_from": DAY_0, "points_value": Decimal(1), "expected_redemption_rate": Decimal("0.95")},
        {
            "valid_from": date(2024, 2, 2),
            "points_value": Decimal(1),
            "expected_redemption_rate": Decimal("0.97"),
        },
    ]
    spent = [redeemed(day(20), 4500), redeemed(day(50), 4000)]
    found = marts([sold(DAY_0, 100_000)], spent, date(2024, 2, 29), expectations, rates=rates)
    first, second = found["points_liability_monthly"]
    names = ("allocated_revenue", "recognised_revenue", "deferred_revenue")
    assert [round(first[name]) for name in names] == [8676, 4110, 4566]
    assert [round(second[name]) for name in names] == [8676, 3493, 1073]
    assert (second["expected_redemption_points"], second["opening"], second["closing"]) == (9700, 5500, 1500)
    later = marts([sold(DAY_0, 100_000)], spent[:1], day(30), expectations[1:], rates=rates)
    row = later["points_liability_monthly"][0]
    assert [round(float(row[name]), 2) for name in names[:2]] == [8842.30, 4102.10]


def test_reversed_points_take_their_part_of_the_revenue_along() -> None:
    expectations = [{"valid_from": DAY_0, "points_value": Decimal(1), "expected_redemption_rate": Decimal(1)}]
    lines = [sold(DAY_0, 100), sold(day(40), -25)]
    first, second = marts(lines, [], day(50), expectations)["points_liability_monthly"]
    assert (first["allocated_revenue"], second["allocated_revenue"]) == (50, 37.5)
    assert (second["closing"], second["expected_redemption_points"], second["is_complete_month"]) == (
        75,
        75,
        False,
    )


# --- care ----------------------------------------------------------------------------------------------------


CARE_POLICY = [
    {"tier": "all", "contact_kind": kind, "day": number, "channel": channel}
    for kind, number, channel in [
        *(("message", number, "message") for number in (1, 16, 31, 46, 61, 76)),
        ("call", 45, "phone"),
        ("long_call", 90, "phone"),
        ("review", 0, "phone"),
    ]
]


def schedule(
    as_of: int,
    interactions: list[tuple[int, str]] | None = None,
    care_policy: list[dict[str, Any]] = CARE_POLICY,
    status: str = "active",
    complaints: tuple[int, ...] = (),
    **master: Any,
) -> list[dict[Any, Any]]:
    """The contacts of a customer who bought on day 0, in the order of their due dates."""
    today = day(as_of)
    met = [
        {
            "interaction_id": f"i{n}",
            "customer_id": "a",
            "interaction_at": datetime.combine(day(at), time(12)),
            "direction": kind.partition(":")[0] if ":" in kind else "outbound",
            "channel": kind.partition(":")[2] or None,
            "kind": kind,
        }
        for n, (at, kind) in enumerate(interactions or [])
    ]
    names = ["interaction_id", "customer_id", "interaction_at", "direction", "channel", "kind"]
    said = [
        dict.fromkeys(FEEDBACK_COLUMNS)
        | {
            "feedback_id": f"f{n}",
            "customer_id": "a",
            "kind": "complaint",
            "feedback_at": datetime.combine(day(n), time(9)),
        }
        for n in complaints
    ]
    settings = Settings()
    tier = {
        "customer_id": "a",
        "month": today.replace(day=1),
        "tier": "ordinary",
        "window_revenue": 10,
        "months_observed": 1,
    }
    found = care_schedule(
        histories(pd.DataFrame([sold(DAY_0, 10)]), today),
        pd.DataFrame([{"customer_id": "a", "is_marketing_consent": True, **master}]),
        pd.DataFrame(met, columns=names),
        heard(pd.DataFrame(said, columns=FEEDBACK_COLUMNS), settings, today),
        {
            "customer_tiers_monthly": pd.DataFrame([tier]),
            "customer_retention": pd.DataFrame([{"customer_id": "a", "status": status}]),
            "share_of_wallet_monthly": pd.DataFrame(
                columns=["customer_id", "category", "month", "wallet_quadrant"]
            ),
            "points_ledger": pd.DataFrame(columns=LEDGER),
        },
        care_policy,
        POLICY,
        settings,
        today,
    )
    return sorted(found.to_dict("records"), key=lambda row: (row["due_date"], row["contact_kind"]))


def statuses(*arguments: Any, **more: Any) -> dict[tuple[int, str], str]:
    rows = schedule(*arguments, **more)
    return {((row["due_date"] - DAY_0).days, row["contact_kind"]): row["status"] for row in rows}


def test_the_rhythm_is_that_of_the_present_cycle_and_the_last_20_days_of_the_one_before() -> None:
    # Day 94 is day 4 of the second cycle, which begins on day 90; the first one's day 76 is day 75: 19 days ago.
    assert statuses(94) == {
        (75, "message"): "missed",
        (89, "long_call"): "due",
        (90, "message"): "due",
        (105, "message"): "upcoming",
        (120, "message"): "upcoming",
        (134, "call"): "upcoming",
        (135, "message"): "upcoming",
        (150, "message"): "upcoming",
        (165, "message"): "upcoming",
        (179, "long_call"): "upcoming",
    }
    assert (75, "message") not in statuses(95), "20 days ago"
    assert statuses(95)[89, "long_call"] == "overdue"


@pytest.mark.parametrize(
    ("at", "status"), [(24, "missed"), (25, "done"), (35, "done"), (36, "done_late"), (45, "missed")]
)
def test_a_message_is_done_within_five_days_and_late_within_fifteen(at: int, status: str) -> None:
    # The message of day 31 is due on day 30; one on day 24 is nearer to that of day 16 (15): nine days late.
    found = statuses(60, [(at, "email")])
    assert found[30, "message"] == status
    assert found[15, "message"] == ("done_late" if at == 24 else "missed")
    assert found[45, "message"] == ("done" if at == 45 else "overdue")


def test_an_interaction_serves_one_contact_ties_the_earlier() -> None:
    policy = [{"tier": "all", "contact_kind": "message", "day": n, "channel": "x"} for n in (10, 14)]
    assert statuses(20, [(11, "mail")], policy) == {(9, "message"): "done", (13, "message"): "overdue"}
    assert statuses(20, [(11, "mail"), (11, "email")], policy)[13, "message"] == "overdue", "both the nearest"


def test_channels_are_the_preferred_the_latest_inbound_or_the_policys() -> None:
    inbound = [(3, "inbound:app"), (5, "inbound:web"), (7, "inbound:")]
    channels = {
        row["contact_kind"]: row["channel"] for row in schedule(10, inbound, registered_on=date(2022, 12, 30))
    }
    assert channels == {"message": "web", "call": "phone", "long_call": "phone", "review": "web"}
    assert schedule(10, inbound, preferred_channel="email")[0]["channel"] == "email"
    assert schedule(10)[0]["channel"] == "message"
    assert not schedule(10, is_marketing_consent=False)
    assert not schedule(10, is_marketing_consent=None)


def test_a_tier_with_rows_of_its_own_has_those_only() -> None:
    own = [*CARE_POLICY, {"tier": "ordinary", "contact_kind": "message", "day": 5, "channel": "app"}]
    assert statuses(4, None, own) == {(4, "message"): "due"}
    assert not statuses(4, None, [{"tier": "gold", "contact_kind": "message", "day": 5, "channel": "app"}])


def test_anniversaries_of_a_leap_day_are_the_28th_of_february() -> None:
    assert anniversaries(date(2020, 2, 29), date(2024, 1, 1)) == [
        date(2023, 2, 28),
        date(2024, 2, 29),
        date(2025, 2, 28),
    ]
    assert anniversaries(date(2023, 6, 1), date(2023, 7, 1)) == [date(2024, 6, 1)], (
        "no review of the day itself"
    )


@pytest.mark.parametrize(
    ("status", "complaints", "priority", "talk"),
    [
        ("active", (), 5, None),
        ("at_risk", (), 2, "at_risk"),
        ("at_risk", (11,), 1, "open_complaint,at_risk"),
        ("active", (10,), 5, None),
    ],
)
def test_priorities(status: str, complaints: tuple[int, ...], priority: int, talk: str | None) -> None:
    row = schedule(100, status=status, complaints=complaints)[0]
    assert (row["priority"], row["talking_points"]) == (priority, talk)
