"""Hand-worked and published cases of the retention calculation."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pandas as pd
import pytest

from .calculation import (
    Settings,
    customer_retention,
    retention_cohorts_monthly,
    retention_flows_monthly,
    revenue_retention_monthly,
)
from .history import Customer, buyers
from .retention import Thresholds, gap_curve, turns
from .samples import bought_on, lines
from .survival import kaplan_meier

START = date(2024, 1, 1)


def test_kaplan_meier_gives_the_published_curve_of_freireichs_leukaemia_trial() -> None:
    # 6-MP arm, remission in weeks (Freireich et al., Blood 1963): survival, Greenwood's error and the log-log
    # interval to the four places that statistics packages print.
    curve = kaplan_meier([6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
    rows = curve.frame.set_index("day")
    published = {
        6: (21, 3, 0.8571, 0.0764, 0.6197, 0.9516), 7: (17, 1, 0.8067, 0.0869, 0.5631, 0.9228),
        10: (15, 1, 0.7529, 0.0963, 0.5032, 0.8894), 13: (12, 1, 0.6902, 0.1068, 0.4316, 0.8491),
        16: (11, 1, 0.6275, 0.1141, 0.3675, 0.8049), 22: (7, 1, 0.5378, 0.1282, 0.2678, 0.7468),
        23: (6, 1, 0.4482, 0.1346, 0.1881, 0.6801),
    }  # fmt: skip
    columns = ["at_risk_count", "event_count", "survival", "standard_error", "ci_low", "ci_high"]
    for week, figures in published.items():
        assert rows.loc[week, columns].tolist() == pytest.approx(figures, abs=6e-5), week
    assert rows.loc[6, "censored_count"] == 1
    assert rows.loc[35, "survival"] == rows.loc[23, "survival"]
    assert (curve.day_at(0.7), curve.day_at(0.2)) == (13, None)


def test_a_bound_is_reached_in_spite_of_rounding_and_the_last_event_leaves_no_interval() -> None:
    curve = kaplan_meier([1, 2, 3, 4, 5], [0])
    assert curve.day_at(0.2) == 4  # 4/5 x 3/4 x 2/3 x 1/2
    assert curve.frame.iloc[0][["at_risk_count", "survival", "ci_low", "ci_high"]].tolist() == [6, 1, 1, 1]
    assert curve.frame.iloc[-1]["survival"] == 0
    assert curve.frame.iloc[-1][["standard_error", "ci_low", "ci_high"]].isna().all()


def test_a_customer_with_five_gaps_is_judged_by_them_and_others_by_the_curve() -> None:
    # a: gaps 10 10 10 10 10 20, so the 0.9 quantile lies half way between the last two; open 30.
    # b: one gap of 40, open 50: below five gaps, so the day on which the curve falls to 0.2.
    frame = pd.concat([bought_on("a", 0, 10, 20, 30, 40, 50, 70), bought_on("b", 10, 50)], ignore_index=True)
    as_of = START + timedelta(days=100)
    curve = gap_curve(buyers(frame, as_of), as_of).frame
    # 9 durations: 10 x 5, 20, 30+, 40, 50+.
    assert curve["day"].tolist() == [10, 20, 30, 40, 50]
    assert curve["at_risk_count"].tolist() == [9, 4, 3, 2, 1]
    assert curve["survival"].tolist() == pytest.approx([4 / 9, 3 / 9, 3 / 9, 1 / 6, 1 / 6])
    rows = customer_retention(frame, Settings(), as_of).set_index("customer_id")
    columns = ["recency_days", "purchase_days", "median_gap_days", "at_risk_after_days", "lapsed_after_days"]
    assert rows.loc["a", columns].tolist() == [30, 7, 10, 15, 180]
    assert rows.loc["b", columns].tolist() == [50, 2, 40, 40, 180]
    assert rows["status"].tolist() == ["at_risk", "at_risk"]


@pytest.mark.parametrize(
    ("days", "status"), [(0, "new"), (90, "new"), (91, "at_risk"), (180, "at_risk"), (181, "lapsed")]
)
def test_a_bound_must_be_passed_and_defaults_hold_where_the_curve_never_falls(days: int, status: str) -> None:
    row = customer_retention(bought_on("a", 0), Settings(), START + timedelta(days=days)).iloc[0]
    assert (row["at_risk_after_days"], row["lapsed_after_days"], row["status"]) == (90, 180, status)
    assert pd.isna(row["median_gap_days"])


@pytest.mark.parametrize(("days", "status"), [(89, "reactivated"), (90, "active")])
def test_a_customer_counts_as_reactivated_for_89_days(days: int, status: str) -> None:
    # Forty gaps of 90 days (at risk after 90, lapsed after 180), then one of 1000.
    frame = bought_on("a", *range(0, 3601, 90), 4600)
    row = customer_retention(frame, Settings(), START + timedelta(days=4600 + days)).iloc[0]
    assert (row["at_risk_after_days"], row["lapsed_after_days"], row["status"]) == (90, 180, status)


def test_flows_close_and_a_customer_can_come_back_and_lapse_again() -> None:
    # One gap of 60 and three open ones: survival stays above 0.2, so all lapse after the default 20 days.
    frame = pd.concat([bought_on("a", 0, 60), bought_on("b", 0), bought_on("c", 40)], ignore_index=True)
    rows = retention_flows_monthly(frame, Settings(default_lapsed_days=20), date(2024, 3, 30))
    # a lapses on 22 January, is back on 1 March and lapses on the 22nd; b on 22 January; c on 2 March.
    assert rows[["opening", "new", "reactivated", "lapsed", "closing"]].values.tolist() == [
        [0, 2, 0, 2, 0],
        [0, 1, 0, 0, 1],
        [1, 0, 1, 2, 0],
    ]
    assert rows["is_complete_month"].tolist() == [True, True, False]
    assert rows["retention_rate"].isna().tolist() == [True, True, False]
    assert rows["retention_rate"].iloc[2] == -1


@pytest.mark.parametrize(("gap", "has_lapsed"), [(20, False), (21, True)])
def test_a_purchase_on_the_lapse_date_comes_too_late(gap: int, has_lapsed: bool) -> None:
    customer = Customer("a", [START, START + timedelta(days=gap)])
    limit = Thresholds(at_risk=Fraction(10), lapsed=Fraction(41, 2))
    lapses, returns = turns(customer, limit, START + timedelta(days=30))
    assert lapses == returns == ([START + timedelta(days=21)] if has_lapsed else [])


def test_cohort_cells_reach_the_as_of_month_with_zeros_and_returns() -> None:
    frame = lines(
        ("a", "2024-01-05", "30"), ("b", "2024-01-31", "10"), ("b", "2024-02-03", "-5"),
        ("a", "2024-03-01", "15"),
    )  # fmt: skip
    rows = retention_cohorts_monthly(frame, date(2024, 4, 15))
    columns = ["months_since_first", "cohort_size", "retained_customers", "retention_rate", "revenue"]
    assert rows[columns].values.tolist() == [
        [0, 2, 2, 1, 40],
        [1, 2, 0, 0, -5],
        [2, 2, 1, 0.5, 15],
        [3, 2, 0, 0, 0],
    ]
    assert rows["cumulative_revenue_per_customer"].tolist() == [20, 17.5, 25, 25]
    assert rows["is_complete_month"].tolist() == [True, True, True, False]


def test_revenue_retention_counts_those_who_spent_before_and_no_negative_spend() -> None:
    frame = lines(
        ("a", "2024-01-05", "40"), ("a", "2024-02-05", "60"), ("a", "2024-04-30", "150"),
        ("b", "2024-02-05", "100"), ("b", "2024-03-05", "-20"),
        ("c", "2024-03-05", "50"),
    )  # fmt: skip
    rows = revenue_retention_monthly(frame, Settings(revenue_retention_window_months=2), date(2024, 4, 30))
    assert rows.values.tolist() == [[date(2024, 4, 1), True, 2, 0.5, 0.75]]
    assert revenue_retention_monthly(frame, Settings(), date(2024, 4, 30)).empty
