"""The points' marts against a plain account of each customer, over made-up histories: many customers in one warehouse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from dbt_warehouse import Warehouse
from points_made_up import LAST, MadeUp, fill, make_up
from points_plainly import Account, accounts, liability, month_end, receipts
from shortening import soak

MARTS = ("points_ledger", "points_liability_monthly", "points_ageing", "points_overdrawn")
CENT = Decimal("0.01")
"""As far as money may differ: it is rounded."""


@dataclass(frozen=True)
class World:
    """A built warehouse beside the accounts that a clerk kept of the same."""

    warehouse: Warehouse
    made_up: MadeUp
    accounts: dict[str, Account]


def build(warehouse: Warehouse, made_up: MadeUp) -> None:
    programme = made_up.programme
    warehouse.build(
        *(f"+{mart}" for mart in MARTS),
        as_of_date=str(programme.as_of),
        points_expiry_months=programme.expiry_months,
        points_on_shortfall="debt" if programme.may_owe else "write_off",
        new_customer_months=2,
        timezone="UTC",
    )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((1, True, 3, 120), id="debt"),
        pytest.param((2, False, 1, 120), id="write_off"),
        *(soak((seed, seed % 2 == 0, seed % 5, 400), id=f"seed {seed}") for seed in range(3, 23)),
    ],
)
def world(request: pytest.FixtureRequest, make_warehouse: Callable[[str], Warehouse]) -> World:
    seed, may_owe, expiry_months, customers = request.param
    made_up = make_up(seed, may_owe=may_owe, expiry_months=expiry_months, customers=customers)
    warehouse = make_warehouse("points")
    fill(warehouse, made_up)
    build(warehouse, made_up)
    tiers = {
        (customer, month): tier
        for customer, month, tier in warehouse.query(
            "select customer_id, month, tier from marts.customer_tiers_monthly"
        )
    }
    lines = [replace(x, customer_id=made_up.merged.get(x.customer_id, x.customer_id)) for x in made_up.lines]
    spent = [
        replace(x, customer_id=made_up.merged.get(x.customer_id, x.customer_id)) for x in made_up.redemptions
    ]
    survived = replace(made_up, lines=lines, redemptions=spent)
    assert {"new", "gold", "silver"} <= set(tiers.values())
    return World(warehouse, survived, accounts(made_up.programme, lines, spent, tiers))


def ledger(world: World) -> dict[str, list[tuple[Any, ...]]]:
    rows = defaultdict(list)
    for customer, *entry in world.warehouse.query(
        "select customer_id, business_date, movement, points, balance_after, lot_date, source_id, shortfall "
        "from marts.points_ledger order by customer_id, entry_number"
    ):
        rows[customer].append(tuple(entry))
    return rows


def test_the_ledger_is_the_account_that_a_clerk_keeps(world: World) -> None:
    written = ledger(world)
    kinds = {(movement, shortfall > 0) for rows in written.values() for _, movement, *_, shortfall in rows}
    assert kinds == {
        ("earn", False),
        ("reverse", False),
        ("reverse", True),
        ("redeem", False),
        ("expire", False),
    }
    for customer, account in world.accounts.items():
        assert written.pop(customer, []) == account.entries, customer
    assert not written


def test_what_is_left_is_what_the_clerk_has_left(world: World) -> None:
    left = {
        (customer, lot): points
        for customer, lot, points in world.warehouse.query(
            "select customer_id, lot_date, points_left from intermediate.int_points_lots_left"
        )
    }
    assert left
    assert left == {
        (customer, lot): points
        for customer, account in world.accounts.items()
        for lot, points in account.lots.items()
        if points
    }


def test_what_was_spent_beyond_the_balance_is_listed(world: World) -> None:
    listed = world.warehouse.query(
        "select redemption_id, points_requested, points_redeemed from marts.points_overdrawn order by 1"
    )
    assert listed
    assert listed == sorted(row for account in world.accounts.values() for row in account.overdrawn)


def test_the_liability_is_that_of_the_accounts_and_its_money_closes(world: World) -> None:
    programme = world.made_up.programme
    paid: dict[date, Decimal] = defaultdict(Decimal)
    tiers = {
        (customer, month): tier
        for customer, month, tier in world.warehouse.query(
            "select customer_id, month, tier from marts.customer_tiers_monthly"
        )
    }
    for _, _, day, net, points in receipts(programme, world.made_up.lines, tiers):
        if points > 0:
            paid[day.replace(day=1)] += net
    entries = [entry for account in world.accounts.values() for entry in account.entries]
    expected = liability(programme, entries, paid)
    rows = world.warehouse.records("select * from marts.points_liability_monthly order by earn_month, month")
    assert {(row["month"], row["earn_month"]) for row in rows} == set(expected)
    for row in rows:
        counts, money = expected[row["month"], row["earn_month"]]
        assert [row[n] for n in ("opening", "earned", "reversed", "redeemed", "expired", "closing")] == counts
        assert money is not None
        figures = [row[n] for n in ("expected_redemption_points", "allocated_revenue", "recognised_to_date")]
        for figure, exact in zip(figures, money, strict=True):
            assert abs(figure - Decimal(float(exact))) <= CENT / 2 + Decimal("1e-6"), row
        assert row["allocated_revenue"] - row["recognised_to_date"] == row["deferred_revenue"]
        assert row["is_complete_month"] == (month_end(row["month"]) <= LAST)
    for before, row in pairwise(rows):
        earlier = before["recognised_to_date"] if before["earn_month"] == row["earn_month"] else 0
        assert row["recognised_revenue"] == row["recognised_to_date"] - earlier


def test_points_outstanding_are_aged_by_the_month_in_which_they_expire(world: World) -> None:
    ages: dict[date, int] = defaultdict(int)
    for account in world.accounts.values():
        for lot, points in account.lots.items():
            ages[world.made_up.programme.expires_on(lot).replace(day=1)] += points
    value = world.made_up.programme.expectations[-1][1]
    assert world.warehouse.query(
        "select expiry_month, points, value from marts.points_ageing order by 1"
    ) == [
        (month, points, (points * value).quantize(CENT, "ROUND_HALF_UP"))
        for month, points in sorted(ages.items())
        if points
    ]
