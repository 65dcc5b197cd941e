"""Tiers end to end: raw rows in, marts out."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from dbt_warehouse import Warehouse
from shortening import only

SMALL = {"tier_window_months": 2, "new_customer_months": 1}
"""A short window keeps histories readable: new for one month, lapsed two months after the last purchase."""


def history(warehouse: Warehouse, customer_id: str) -> list[tuple[str, str, str]]:
    """A customer's (month, tier, movement), in order."""
    return [
        (str(month)[:7], tier, movement)
        for month, tier, movement in warehouse.query(
            "select month, tier, movement from marts.customer_tiers_monthly "
            f"where customer_id = '{customer_id}' order by month"
        )
    ]


@pytest.fixture(scope="module")
def shop(make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """Customers at each edge of the rules, all datasets but transactions empty; as of 20 May 2017."""
    warehouse = make_warehouse("shop")
    warehouse.purchase("exact", ("2017-01-31", 1), ("2017-02-01", "1999"))
    warehouse.purchase("cent_below", ("2017-01-31", 1), ("2017-02-28", "1998.99"))
    warehouse.purchase("returner", ("2017-01-10", 700), ("2017-02-10", -900), ("2017-05-02", 50))
    warehouse.purchase("return_first", ("2017-01-10", -40), ("2017-03-10", 100))
    warehouse.purchase("only_returns", ("2017-02-10", -40))
    warehouse.purchase("same_day_swap", ("2017-02-10", 40), ("2017-02-10", -40))
    warehouse.purchase("tomorrow", ("2017-05-21", 5000))
    line = {"transaction_id": "corrected", "customer_id": "corrected", "business_date": "2017-01-10"}
    warehouse.insert(
        "transactions",
        [
            {**line, "net_amount": 100, "partition_date": "2017-01-10"},
            {**line, "net_amount": 30, "partition_date": "2017-02-01"},
        ],
    )
    warehouse.build(as_of_date="2017-05-20", **SMALL)
    return warehouse


def test_a_mean_of_exactly_1000_is_diamond_and_a_cent_less_is_gold(shop: Warehouse) -> None:
    rows = shop.query(
        "select customer_id, tier, avg_monthly_spend, reason from marts.customer_tiers_monthly "
        "where month = date '2017-02-01' and customer_id in ('exact', 'cent_below') order by 1"
    )
    assert rows == [
        ("cent_below", "gold", Decimal("999.9950"), "avg_monthly_spend 999.99 >= 500.00"),
        ("exact", "diamond", Decimal("1000.0000"), "avg_monthly_spend 1000.00 >= 1000.00"),
    ]


def test_a_customer_falls_below_zero_lapses_and_returns(shop: Warehouse) -> None:
    assert history(shop, "returner") == [
        ("2017-01", "new", "new"),
        ("2017-02", "ordinary", "graduated"),
        ("2017-03", "lapsed", "lapsed"),
        ("2017-05", "ordinary", "returned"),
    ]


def test_a_corrected_line_counts_once_with_its_newest_figure(shop: Warehouse) -> None:
    rows = shop.query(
        "select month, window_spend from marts.customer_tiers_monthly where customer_id = 'corrected' order by 1 limit 1"
    )
    assert rows == [(date(2017, 1, 1), Decimal("30.00"))]


def test_a_return_before_the_first_purchase_starts_no_history(shop: Warehouse) -> None:
    assert history(shop, "return_first")[0] == ("2017-03", "new", "new")


@pytest.mark.parametrize("customer_id", ["only_returns", "same_day_swap", "tomorrow"])
def test_without_a_purchase_day_up_to_the_as_of_date_there_is_no_tier(
    shop: Warehouse, customer_id: str
) -> None:
    assert history(shop, customer_id) == []


def test_the_running_month_is_a_projection_and_says_so(shop: Warehouse) -> None:
    for mart in (
        "customer_tiers_monthly", "tier_contribution_monthly", "tier_migration_monthly",
        "customer_concentration_monthly", "customer_deciles_monthly",
    ):  # fmt: skip
        rows = shop.query(f"select distinct month, is_complete_month from marts.{mart} order by 1")
        assert (date(2017, 5, 1), False) in rows, mart
        assert (date(2017, 2, 1), True) in rows, mart
        assert sum(not complete for _, complete in rows) == 1, mart


def test_migration_counts_the_return_from_lapsed(shop: Warehouse) -> None:
    rows = shop.query(
        "select from_tier, to_tier, customer_count, transition_rate from marts.tier_migration_monthly "
        "where month = date '2017-05-01' order by 1, 2"
    )
    assert ("lapsed", "ordinary", 1, 1.0) in rows


def test_a_customer_without_master_data_is_in_dim_customers(shop: Warehouse) -> None:
    rows = shop.query(
        "select is_known, first_purchase_date, last_purchase_date, basics_completeness "
        "from marts.dim_customers where customer_id = 'returner'"
    )
    assert rows == [(False, date(2017, 1, 10), date(2017, 5, 2), 0.0)]


def test_a_policy_change_holds_from_its_month_on(warehouse: Warehouse) -> None:
    warehouse.purchase("a", *[(f"2017-{month:02d}-15", 400) for month in range(1, 5)])
    warehouse.policy(
        "tier_policy",
        "valid_from,tier,label_zh,label_en,tier_rank,lower_bound\n"
        "2017-01-01,gold,金,Gold,1,300\n2017-01-01,base,普,Base,2,0\n"
        "2017-04-10,gold,金,Gold,1,500\n2017-04-10,silver,银,Silver,2,350\n2017-04-10,base,普,Base,3,0\n",
    )
    warehouse.build("+customer_tiers_monthly", as_of_date="2017-04-30", with_tests=False, **SMALL)
    assert history(warehouse, "a") == [
        ("2017-01", "new", "new"),
        ("2017-02", "gold", "graduated"),
        ("2017-03", "gold", "unchanged"),
        ("2017-04", "silver", "downgraded"),
    ]


def test_grace_and_soft_landing_hold_a_falling_tier(warehouse: Warehouse) -> None:
    warehouse.purchase("a", ("2017-01-15", 4000), *[(f"2017-{month:02d}-15", 10) for month in range(2, 8)])
    warehouse.build(
        "+customer_tiers_monthly", as_of_date="2017-07-31", grace_months=1, soft_landing=True, **SMALL
    )
    rows = warehouse.query(
        "select month, tier, earned_tier, reason from marts.customer_tiers_monthly order by month"
    )
    assert [(tier, earned, reason) for _, tier, earned, reason in rows[1:]] == [
        ("diamond", "diamond", "avg_monthly_spend 2005.00 >= 1000.00"),
        ("diamond", "ordinary", "grace month 1 of 1"),
        ("gold", "ordinary", "soft landing"),
        ("silver", "ordinary", "soft landing"),
        ("ordinary", "ordinary", "avg_monthly_spend 10.00 >= 0.00"),
        ("ordinary", "ordinary", "avg_monthly_spend 10.00 >= 0.00"),
    ]


def folded(earned: list[str], grace_months: int, soft_landing: bool) -> list[str]:
    """The tiers held over one customer's rows, from the definition: one assessment after the other."""
    ladder = ["diamond", "gold", "silver", "ordinary"]
    held: list[str] = []
    spell: list[int] = []
    for tier in earned:
        if tier not in ladder:
            spell = []
            held.append(tier)
            continue
        spell.append(ladder.index(tier))
        if len(spell) == 1:
            held.append(tier)
            continue
        before = ladder.index(held[-1])
        recent = spell[-grace_months - 1 :]
        is_lost = len(recent) == grace_months + 1 and all(rank > before for rank in recent)
        fallen = before + 1 if soft_landing else spell[-1]
        held.append(ladder[spell[-1] if spell[-1] <= before else fallen if is_lost else before])
    return held


@pytest.mark.parametrize(
    ("grace_months", "soft_landing"), only([(0, True), (1, False), (2, True)], (2, True))
)
def test_held_tiers_equal_a_plain_fold_over_random_histories(
    warehouse: Warehouse, grace_months: int, soft_landing: bool
) -> None:
    random_ = random.Random(20170331)
    for number in range(12):
        months = [(year, month) for year in (2015, 2016) for month in range(1, 13) if random_.random() < 0.7]
        amounts = [random_.choice([-200, 50, 350, 700, 1500, 4000]) for _ in months]
        purchases = [(f"{y}-{m:02d}-15", amount) for (y, m), amount in zip(months, amounts, strict=True)]
        warehouse.purchase(f"c{number}", *purchases)
    warehouse.build(
        "+customer_tiers_monthly", as_of_date="2016-12-31", with_tests=False,
        grace_months=grace_months, soft_landing=soft_landing, **SMALL,
    )  # fmt: skip
    differences = 0
    for (customer_id,) in warehouse.query("select distinct customer_id from marts.customer_tiers_monthly"):
        rows = warehouse.query(
            "select earned_tier, tier from marts.customer_tiers_monthly "
            f"where customer_id = '{customer_id}' order by month"
        )
        earned = [row[0] for row in rows]
        assert [row[1] for row in rows] == folded(earned, grace_months, soft_landing), customer_id
        differences += sum(row[0] != row[1] for row in rows)
    assert differences > 10, "the histories must let tiers be held"
