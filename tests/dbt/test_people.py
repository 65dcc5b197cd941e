"""Staff and relationship end to end: raw rows in, marts out; no single employee in any of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from dbt_warehouse import Warehouse

from pipelines.contracts import mart_contracts

DAY = "2017-06-15"


@pytest.fixture(scope="module")
def shop(make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """Two teams, one of which moved from store s1 to s2, and customers of every stage; as of 15 June 2017."""
    warehouse = make_warehouse("people")

    def sales(customer_id: str, store_id: str, *days: str, discount: float = 0) -> None:
        warehouse.insert(
            "transactions",
            [
                {
                    "customer_id": customer_id,
                    "store_id": store_id,
                    "business_date": day,
                    "discount_amount": discount,
                }
                for day in days
            ],
        )

    month_by_month = [f"2017-0{month}-10" for month in range(1, 7)]
    sales("managed", "s1", *month_by_month)
    sales("referrer", "s2", *month_by_month)
    sales("seeker", "s2", *month_by_month, discount=1)
    sales("friend", "s2", "2017-05-20")
    sales("away", "s1", "2017-03-05")
    customer = {"business_date": "2017-01-01"}
    warehouse.insert(
        "customers",
        [
            {**customer, "customer_id": "managed", "account_manager_employee_id": "emp-0"},
            {**customer, "customer_id": "old_number", "merged_into_customer_id": "referrer"},
            {**customer, "customer_id": "friend", "referred_by_customer_id": "old_number"},
        ],
    )
    person = {"business_date": "2017-01-01", "hired_on": "2016-01-01", "team_id": "large", "store_id": "s2"}
    warehouse.insert(
        "employees",
        [{**person, "employee_id": f"emp-{n}", "left_on": "2017-06-30"} for n in range(5)]
        + [
            {
                **person,
                "employee_id": f"emp-{n}",
                "team_id": "moved",
                "store_id": store,
                "partition_date": day,
            }
            for n in range(5, 10)
            for store, day in (("s1", "2017-01-01"), ("s2", "2017-05-01"))
        ]
        + [{**person, "employee_id": "emp-10", "hired_on": "2017-06-16"}],
    )
    warehouse.insert(
        "employee_surveys",
        [
            {"team_id": team, "score": score, "business_date": day}
            for team, score, day in [("large", 9, "2017-06-15"), ("large", 10, "2017-06-16")]
        ],
    )
    warehouse.insert(
        "wallet_surveys",
        [
            {"customer_id": customer_id, "business_date": "2017-01-02", "preference_rank": 1}
            for customer_id in ("managed", "referrer", "seeker")
        ],
    )
    warehouse.build(
        "+team_loyalty_monthly", "+relationship_stages_monthly", "dim_tiers", "dim_customers", as_of_date=DAY
    )
    return warehouse


def test_the_row_of_an_employee_known_as_of_the_run_serves_all_months(shop: Warehouse) -> None:
    rows = shop.query(
        "select month, team_id, customers from marts.team_loyalty_monthly "
        "where month in (date '2017-03-01', date '2017-05-01') order by all"
    )
    march, may = date(2017, 3, 1), date(2017, 5, 1)
    assert rows == [
        *((march, team, 2) for team in ("all", "large", "moved")),
        *((may, team, 3) for team in ("all", "large", "moved")),
    ]


def test_what_happens_after_the_as_of_date_has_not(shop: Warehouse) -> None:
    rows = shop.query(
        "select team_id, headcount_opening, hired, leavers, headcount_closing, enps_answers, is_complete_month "
        "from marts.team_loyalty_monthly where month = date '2017-06-01' order by 1"
    )
    assert rows == [
        ("all", 10, 0, 0, 10, 1, False),
        ("large", 5, 0, 0, 5, 1, False),
        ("moved", 5, 0, 0, 5, 0, False),
    ]


def test_stages_follow_purchases_discounts_referrals_and_managers(shop: Warehouse) -> None:
    rows = shop.query(
        "select customer_id, stage, previous_stage, has_referred_buyer, has_account_manager "
        "from marts.relationship_stages_monthly where month = date '2017-05-01' order by 1"
    )
    assert rows == [
        ("away", "loose", "loose", False, False),
        ("friend", "loose", None, False, False),
        ("managed", "partner", "partner", False, True),
        # the friend named the number that was merged into this one, and first bought in May
        ("referrer", "partner", "committed", True, False),
        ("seeker", "close", "close", False, False),
    ]


def test_no_employee_is_in_a_mart(shop: Warehouse) -> None:
    contracts = mart_contracts()
    assert contracts
    for contract in contracts.values():
        assert [c.name for c in contract.columns if "employee" in c.name] == [], contract.name
    tables = shop.query(
        "select distinct table_name from information_schema.tables where table_schema = 'marts'"
    )
    assert ("team_loyalty_monthly",) in tables
    for (name,) in tables:
        said = f"select count(*) from (select to_json(rows) as said from marts.{name} as rows) "
        assert shop.query(f"{said} where said like '%emp-%'") == [(0,)], name
