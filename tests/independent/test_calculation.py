"""Cases worked by hand that the independent calculation of the tiers, and its `compare`, must get right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from .calculation import (
    KEYS,
    Settings,
    calculate,
    compare,
    customer_concentration_monthly,
    customer_tiers_monthly,
    tier_contribution_monthly,
    tier_migration_monthly,
    with_profit,
)
from .samples import CUSTOMERS, NO_SURVEYS, POLICY, lines, spend_each_month

END_OF_2024 = date(2024, 12, 31)
DEFAULTS = Settings()


def tiers_of(
    frame: pd.DataFrame, as_of: date, settings: Settings = DEFAULTS, policy: pd.DataFrame = POLICY
) -> list[str]:
    return list(customer_tiers_monthly(frame, policy, settings, as_of)["tier"])


@pytest.mark.parametrize(
    ("amount", "tier"),
    [("1000", "diamond"), ("999.99", "gold"), ("500", "gold"), ("499.99", "silver"), ("299.99", "ordinary")],
)
def test_a_tiers_bound_is_inclusive(amount: str, tier: str) -> None:
    frame = spend_each_month("a", date(2024, 1, 1), [amount] * 12)
    assert tiers_of(frame, END_OF_2024) == ["new"] * 3 + [tier] * 9


def test_an_average_just_below_a_bound_does_not_reach_it_by_rounding() -> None:
    # 4 x 1000 less one cent: 999.9975 a month.
    frame = spend_each_month("a", date(2024, 1, 1), ["1000", "1000", "1000", "999.99"])
    assert tiers_of(frame, date(2024, 4, 30))[-1] == "gold"


def test_a_customer_is_new_then_graduates_and_lapses_once_and_returns() -> None:
    frame = lines(("a", "2024-01-10", "600"), ("a", "2025-03-05", "1200"))
    rows = customer_tiers_monthly(frame, POLICY, Settings(), date(2025, 3, 20)).to_dict("records")
    assert [str(row["month"]) for row in (rows[0], rows[-2], rows[-1])] == [
        "2024-01-01",
        "2025-01-01",
        "2025-03-01",
    ]
    assert [row["movement"] for row in rows[:5]] == [
        "new",
        "unchanged",
        "unchanged",
        "graduated",
        "unchanged",
    ]
    assert [(row["tier"], row["movement"]) for row in rows[-2:]] == [
        ("lapsed", "lapsed"),
        ("ordinary", "returned"),
    ]
    assert pd.isna(rows[0]["previous_tier"])
    assert [row["previous_tier"] for row in rows[-2:]] == ["ordinary", "lapsed"]
    assert [row["avg_monthly_spend"] for row in (rows[0], rows[3], rows[-1])] == [600, 150, 100]
    assert [row["is_complete_month"] for row in rows[-2:]] == [True, False]


def test_a_return_that_outweighs_the_window_gives_the_lowest_tier() -> None:
    frame = lines(("a", "2024-01-10", "100"), ("a", "2024-02-10", "-900"))
    assert tiers_of(frame, date(2024, 4, 30)) == ["new", "new", "new", "ordinary"]


def test_lines_that_cancel_out_on_a_day_are_no_purchase_day() -> None:
    frame = lines(("a", "2024-01-10", "100"), ("a", "2024-01-10", "-100"), ("a", "2024-02-02", "0.01"))
    assert tiers_of(frame, date(2024, 2, 29)) == ["new"]


FALLING = ["1200", "1200", "100", "100", "100", "100"]


@pytest.mark.parametrize(
    ("grace", "is_soft", "expected"),
    [
        (0, False, ["diamond", "diamond", "ordinary", "ordinary", "ordinary", "ordinary"]),
        (0, True, ["diamond", "diamond", "gold", "silver", "ordinary", "ordinary"]),
        (2, False, ["diamond", "diamond", "diamond", "diamond", "ordinary", "ordinary"]),
        # Soft landing under grace: still below the newly held tier in each of the last two assessments.
        (1, True, ["diamond", "diamond", "diamond", "gold", "silver", "ordinary"]),
    ],
)
def test_a_tier_falls_as_grace_and_soft_landing_allow(grace: int, is_soft: bool, expected: list[str]) -> None:
    settings = Settings(tier_window_months=1, new_customer_months=0, grace_months=grace, soft_landing=is_soft)
    frame = spend_each_month("a", date(2024, 1, 1), FALLING)
    rows = customer_tiers_monthly(frame, POLICY, settings, date(2024, 6, 30))
    assert list(rows["tier"]) == expected
    assert list(rows["earned_tier"]) == ["diamond"] * 2 + ["ordinary"] * 4


def test_one_good_month_restarts_the_grace() -> None:
    settings = Settings(tier_window_months=1, new_customer_months=0, grace_months=1)
    frame = spend_each_month("a", date(2024, 1, 1), ["600", "400", "600", "400", "400", "1500"])
    expected = ["gold", "gold", "gold", "gold", "silver", "diamond"]
    assert tiers_of(frame, date(2024, 6, 30), settings) == expected


def test_the_policy_in_force_is_the_latest_that_began_by_the_months_last_day() -> None:
    later = POLICY.assign(valid_from=date(2024, 5, 31), lower_bound=[100, 50, 30, 0])
    policy = pd.concat([POLICY, later], ignore_index=True)
    frame = spend_each_month("a", date(2024, 1, 1), ["120"] * 6)
    assert tiers_of(frame, date(2024, 6, 30), policy=policy) == ["new"] * 3 + [
        "ordinary",
        "diamond",
        "diamond",
    ]


def five_customers() -> pd.DataFrame:
    """Spend of 100, 200, 300, 400 and 1000 in one month, a margin of a quarter; one loses money."""
    amounts = [("a", "100"), ("b", "200"), ("c", "300"), ("d", "400"), ("e", "1000")]
    frame = with_profit(lines(*[(who, "2024-01-10", amount) for who, amount in amounts]), {}, 0.25)
    frame.loc[frame["customer_id"] == "b", "profit"] = Decimal("-10")
    return customer_tiers_monthly(frame, POLICY, Settings(new_customer_months=0), date(2024, 1, 31))


def test_contribution_shares_the_month_out_among_the_tiers() -> None:
    rows = tier_contribution_monthly(five_customers()).set_index("tier")
    assert rows["customer_count"].to_dict() == {"diamond": 1, "ordinary": 2, "silver": 2}
    assert rows["revenue_share"].to_dict() == {"diamond": 0.5, "ordinary": 0.15, "silver": 0.35}
    assert rows.loc["ordinary", ["revenue", "profit", "avg_monthly_spend"]].tolist() == [300, 15, 150]
    assert rows["profit_share"].sum() == pytest.approx(1)


def test_concentration_of_five_customers() -> None:
    row = customer_concentration_monthly(five_customers()).iloc[0]
    # Gini: 2 x (100 + 400 + 900 + 1600 + 5000) / (5 x 2000) - 6/5. Profits 25, -10, 75, 100, 250.
    assert row["gini_revenue"] == pytest.approx(0.4)
    assert row["top_20_revenue_share"] == 0.5
    assert row["top_20_profit_share"] == pytest.approx(250 / 440)
    assert row["top_10_to_bottom_10_profit_ratio"] is None or pd.isna(row["top_10_to_bottom_10_profit_ratio"])


def test_migration_rates_of_a_from_tier_sum_to_one() -> None:
    frame = pd.concat(
        [
            spend_each_month("a", date(2024, 1, 1), ["1200", "1200"]),
            spend_each_month("b", date(2024, 1, 1), ["1200", "100"]),
            spend_each_month("c", date(2024, 1, 1), ["1200"]),
            spend_each_month("d", date(2024, 2, 1), ["100"]),
        ],
        ignore_index=True,
    )
    settings = Settings(tier_window_months=1, new_customer_months=0)
    rows = tier_migration_monthly(customer_tiers_monthly(frame, POLICY, settings, date(2024, 2, 29)))
    february = rows[rows["month"] == date(2024, 2, 1)]
    assert [tuple(row) for row in february[["from_tier", "to_tier", "customer_count"]].values] == [
        ("diamond", "diamond", 1), ("diamond", "lapsed", 1), ("diamond", "ordinary", 1),
        ("none", "ordinary", 1),
    ]  # fmt: skip
    assert february["transition_rate"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])


def test_profit_takes_the_lines_cost_then_the_products_then_the_margin_rate() -> None:
    frame = lines(*[("a", "2024-01-10", "10.00")] * 4).drop(columns="profit")
    frame["category"] = ["tea", "tea", "tea", "ink"]
    frame["cost_amount"] = [Decimal("7"), None, None, None]
    frame["unit_cost"], frame["quantity"] = [None, Decimal("1.5"), None, None], [1, 4, 1, 1]
    profits = with_profit(frame, {"tea": 0.3}, 0.25)["profit"]
    assert list(profits) == [Decimal("3"), Decimal("4"), Decimal("3"), Decimal("2.5")]


def test_every_mart_has_rows_and_unique_keys() -> None:
    frame = pd.concat(
        [spend_each_month(who, date(2024, 1, 1), ["50"] * months) for who, months in (("a", 12), ("b", 7))],
        ignore_index=True,
    )
    settings = Settings(revenue_retention_window_months=3, peer_attribute_levels=(("region",),))
    marts = calculate(frame, NO_SURVEYS, CUSTOMERS, POLICY, settings, END_OF_2024)
    assert marts.keys() == KEYS.keys() - {"customer_value"}
    for name, mart in marts.items():
        others = [column for column in mart.columns if column not in KEYS[name]]
        compare(mart, mart.copy(), KEYS[name], others)


def test_what_comes_after_the_as_of_date_changes_nothing() -> None:
    past = spend_each_month("a", date(2024, 1, 1), ["50"] * 4)
    later = pd.concat([past, spend_each_month("a", date(2024, 5, 1), ["900"])], ignore_index=True)
    settings, as_of = Settings(revenue_retention_window_months=1), date(2024, 5, 9)
    want, got = (calculate(f, NO_SURVEYS, CUSTOMERS, POLICY, settings, as_of) for f in (past, later))
    for name, mart in want.items():
        compare(mart, got[name], KEYS[name], [column for column in mart.columns if column not in KEYS[name]])


EXPECTED = pd.DataFrame(
    {"month": [date(2024, 1, 1), date(2024, 2, 1)], "tier": ["gold", None], "spend": [1.5, 2.0]}
)


def test_compare_takes_dates_decimals_and_nulls_of_any_kind_as_what_they_mean() -> None:
    actual = EXPECTED.assign(
        month=pd.to_datetime(EXPECTED["month"]), tier=["gold", float("nan")], spend=[Decimal("1.50"), 2]
    )
    compare(EXPECTED, actual, ["month"], ["tier", "spend"])


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        (EXPECTED.iloc[:1], "1 missing, 0 extra, 0 differing\nmissing:\n  month 2024-02-01"),
        (EXPECTED.assign(month=[date(2024, 1, 1), date(2024, 3, 1)]), "extra:\n  month 2024-03-01"),
        (
            pd.concat([EXPECTED, EXPECTED.iloc[1:].assign(month=date(2024, 3, 1))]),
            "0 missing, 1 extra, 0 differing",
        ),
        (EXPECTED.assign(spend=[1.5, 2.00001]), "month 2024-02-01: spend: expected 2.0, actual 2.00001"),
        (EXPECTED.assign(tier=["gold", "new"]), "tier: expected None, actual 'new'"),
        (EXPECTED.assign(spend=[1.5, None]), "actual None"),
        (EXPECTED.iloc[:0], "actual frame is empty"),
        (EXPECTED.drop(columns="spend"), "no column spend"),
        (pd.concat([EXPECTED, EXPECTED]), "more than once"),
    ],
)
def test_compare_says_what_differs(actual: pd.DataFrame, said: str) -> None:
    with pytest.raises(AssertionError) as raised:
        compare(EXPECTED, actual, ["month"], ["tier", "spend"])
    assert said in str(raised.value)


def test_compare_refuses_an_empty_expectation_and_no_columns() -> None:
    with pytest.raises(AssertionError, match="expected frame is empty"):
        compare(EXPECTED.iloc[:0], EXPECTED.iloc[:0], ["month"], ["tier"])
    with pytest.raises(AssertionError, match="at least one"):
        compare(EXPECTED, EXPECTED, ["month"], [])


def test_compare_lists_the_first_ten_rows_only() -> None:
    many = pd.DataFrame({"n": range(25), "value": 1.0})
    with pytest.raises(AssertionError, match="25 differing") as raised:
        compare(many, many.assign(value=2.0), ["n"], ["value"])
    assert "and 15 more" in str(raised.value)
    compare(many, many.assign(value=1.004), ["n"], ["value"], {"value": 0.005})
