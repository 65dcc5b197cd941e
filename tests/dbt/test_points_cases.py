"""Cases of points that other systems got wrong, and the worked figures of IFRS 15: raw rows in, marts out, in one warehouse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from dbt_warehouse import Warehouse

DAY = "2017-04-29"


@pytest.fixture(scope="module")
def shop(make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """A customer per case. Lots last three months; in 2017 a point costs ten, as in the standard's example."""
    warehouse = make_warehouse("cases")
    warehouse.policy(
        "points_rates", "valid_from,category,points_per_currency_unit\n2016-01-01,all,1\n2017-01-01,all,0.1\n"
    )
    warehouse.policy(
        "points_expectations",
        "valid_from,points_value,expected_redemption_rate\n2017-01-01,1,0.95\n2017-03-01,1,0.97\n",
    )

    def spends(customer_id: str, *spent: tuple[str, int]) -> None:
        warehouse.insert(
            "points_redemptions",
            [{"customer_id": customer_id, "business_date": day, "points": points} for day, points in spent],
        )

    warehouse.purchase("outlived", ("2016-01-10", 100), ("2016-06-01", 50))
    spends("outlived", ("2016-02-01", 60), ("2016-06-02", 20))
    warehouse.purchase("part", ("2016-01-10", 100), ("2016-01-20", -30))
    warehouse.purchase(
        "spent", ("2016-01-10", 100), ("2016-01-12", -30), ("2016-02-01", 20), ("2016-02-02", 25)
    )
    spends("spent", ("2016-01-11", 100))
    warehouse.purchase("same_day", ("2016-01-10", -30), ("2016-01-10", 100))
    spends("same_day", ("2016-01-10", 100))
    warehouse.purchase("ie52", ("2017-01-10", 100_000))
    spends("ie52", ("2017-02-10", 4_500), ("2017-03-10", 4_000))
    warehouse.purchase("higher", ("2017-03-10", 100_000))
    spends("higher", ("2017-04-10", 4_500))
    warehouse.build(
        "+points_liability_monthly",
        "+points_overdrawn",
        as_of_date=DAY,
        points_expiry_months=3,
        timezone="UTC",
    )
    return warehouse


def account(shop: Warehouse, customer: str) -> list[tuple[Any, ...]]:
    return [
        (str(day), *row)
        for day, *row in shop.query(
            "select business_date, movement, points, balance_after, shortfall from marts.points_ledger "
            f"where customer_id = '{customer}' order by entry_number"
        )
    ]


def test_spends_do_not_outlive_the_lots_that_paid_them(shop: Warehouse) -> None:
    """The 60 went with the lot that expired: what is earned later is whole."""
    assert account(shop, "outlived") == [
        ("2016-01-10", "earn", 100, 100, 0),
        ("2016-02-01", "redeem", -60, 40, 0),
        ("2016-04-30", "expire", -40, 0, 0),
        ("2016-06-01", "earn", 50, 50, 0),
        ("2016-06-02", "redeem", -20, 30, 0),
        ("2016-09-30", "expire", -30, 0, 0),
    ]


def test_a_refund_of_a_part_takes_back_that_part_once(shop: Warehouse) -> None:
    assert account(shop, "part") == [
        ("2016-01-10", "earn", 100, 100, 0),
        ("2016-01-20", "reverse", -30, 70, 0),
        ("2016-04-30", "expire", -70, 0, 0),
    ]


def test_a_refund_after_all_was_spent_is_paid_by_what_is_earned_next(shop: Warehouse) -> None:
    assert account(shop, "spent") == [
        ("2016-01-10", "earn", 100, 100, 0),
        ("2016-01-11", "redeem", -100, 0, 0),
        ("2016-01-12", "reverse", 0, 0, 30),
        ("2016-02-01", "earn", 20, 20, 0),
        ("2016-02-01", "reverse", -20, 0, 0),
        ("2016-02-02", "earn", 25, 25, 0),
        ("2016-02-02", "reverse", -10, 15, 0),
        ("2016-05-31", "expire", -15, 0, 0),
    ]
    sources = shop.query(
        "select distinct source_id from marts.points_ledger where customer_id = 'spent' and movement = 'reverse'"
    )
    assert len(sources) == 1, "what is taken later bears the refund's number"


def test_within_a_day_a_refund_goes_before_a_redemption(shop: Warehouse) -> None:
    assert account(shop, "same_day") == [
        ("2016-01-10", "earn", 100, 100, 0),
        ("2016-01-10", "reverse", -30, 70, 0),
        ("2016-01-10", "redeem", -70, 0, 0),
    ]
    assert shop.query(
        "select customer_id, points_requested, points_redeemed, points_overdrawn from marts.points_overdrawn"
    ) == [("same_day", 100, 70, 30)]


def test_every_movement_has_an_id_of_its_own(shop: Warehouse) -> None:
    assert (
        shop.query("select movement_id, lot_date from marts.points_ledger group by all having count(*) > 1")
        == []
    )


def test_the_figures_of_ifrs_15_example_52_come_out_to_the_unit(shop: Warehouse) -> None:
    rows = {
        (row["month"], row["earn_month"]): row
        for row in shop.records(
            "select * from marts.points_liability_monthly where earn_month >= date '2017-01-01'"
        )
    }
    january, march = date(2017, 1, 1), date(2017, 3, 1)
    first = rows[date(2017, 2, 1), january]
    assert [round(first[n]) for n in ("allocated_revenue", "recognised_revenue", "deferred_revenue")] == [
        8676,
        4110,
        4566,
    ]
    second = rows[march, january]
    assert [round(second[n]) for n in ("recognised_revenue", "deferred_revenue")] == [3493, 1073]
    higher = rows[date(2017, 4, 1), march]
    assert (higher["allocated_revenue"], higher["recognised_to_date"]) == (
        Decimal("8842.30"),
        Decimal("4102.10"),
    )
