"""Cases worked by hand that the independent calculation of the loyalty marts must get right."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pandas as pd
import pytest

from .calculation import Settings, calculate
from .intervals import net_promoter, newcombe, wilson
from .loyalty_marts import (
    EMPLOYEE_COLUMNS,
    EMPLOYEE_SURVEY_COLUMNS,
    FEEDBACK_COLUMNS,
    INTERACTION_COLUMNS,
    Voices,
    calculate_loyalty,
)
from .samples import NO_SURVEYS, POLICY, bought_on, lines, survey

DAY_0 = date(2024, 1, 1)
"""Day 0 of the histories by hand; a single customer's gaps leave lapses to the default of 180 days."""
TOPICS = {"late": "service_problem", "price": "price", "moved_away": "moved_away"}


def noon(day: int) -> datetime:
    return datetime.combine(DAY_0 + timedelta(days=day), time(12))


def said(number: int, day: int, kind: str, who: str | None = "a", **more: Any) -> dict[str, Any]:
    return dict.fromkeys(FEEDBACK_COLUMNS) | {
        "feedback_id": f"f{number}",
        "customer_id": who,
        "feedback_at": noon(day),
        "kind": kind,
        **more,
    }


def called(day: int, kind: str = "call", direction: str = "outbound") -> dict[str, Any]:
    return {
        "interaction_id": f"i{day}",
        "customer_id": "a",
        "interaction_at": noon(day),
        "direction": direction,
        "kind": kind,
    }


def frame(rows: list[Any], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns, dtype=object)


def marts(
    transactions: pd.DataFrame,
    as_of: int | date,
    feedback: list[dict[str, Any]] | None = None,
    interactions: list[dict[str, Any]] | None = None,
    employees: list[tuple[Any, ...]] | None = None,
    employee_surveys: list[tuple[Any, ...]] | None = None,
    surveys: pd.DataFrame = NO_SURVEYS,
    customers: pd.DataFrame | None = None,
    **settings: Any,
) -> dict[str, list[dict[str, Any]]]:
    """The loyalty marts' rows as of a day."""
    day = as_of if isinstance(as_of, date) else DAY_0 + timedelta(days=as_of)
    given = Settings(**settings)
    masters = pd.DataFrame({"customer_id": ["a"]}) if customers is None else customers
    voices = Voices(
        frame(feedback or [], FEEDBACK_COLUMNS),
        frame(interactions or [], INTERACTION_COLUMNS),
        frame(employees or [], EMPLOYEE_COLUMNS),
        frame(employee_surveys or [], EMPLOYEE_SURVEY_COLUMNS),
        TOPICS,
    )
    base = calculate(transactions, surveys, masters, POLICY, given, day)
    found = calculate_loyalty(transactions, surveys, masters, voices, base, given, day)
    return {
        name: mart.astype(object).where(mart.notna(), None).to_dict("records") for name, mart in found.items()
    }


def summary_of(
    rows: list[dict[str, Any]], month: date, dimension: str = "all", value: str = "all"
) -> dict[str, Any]:
    key = (month, dimension, value)
    return next(row for row in rows if (row["month"], row["dimension"], row["value"]) == key)


# --- intervals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)])
def test_wilson_gives_the_printed_figures(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_none_of_twenty_begins_at_zero() -> None:
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)


def test_newcombe_gives_the_printed_figures() -> None:
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_interval_of_two_promoters_is_cut_at_one() -> None:
    # p1 = 2.75 / 5, p0 = 0.75 / 5: 0.4 - 1.959964 x sqrt((0.7 - 0.16) / 5), and above 1 on the other side.
    assert net_promoter(2, 0, 2) == pytest.approx((0.4 - 1.959964 * 0.108**0.5, 1))


# --- feedback ------------------------------------------------------------------------------------------------


def test_a_month_of_feedback_by_hand() -> None:
    feedback = [
        said(1, 0, "nps", score=10),
        said(2, 1, "nps", who=None, score=6),
        said(3, 2, "csat", who="stranger", score=2),
        said(4, 3, "complaint", topic="late", responded_at=noon(4), resolved_at=noon(40)),
        said(5, 4, "suggestion", responded_at=noon(6)),
    ]
    rows = marts(bought_on("a", 0), 35, feedback)["feedback_summary_monthly"]
    row = summary_of(rows, DAY_0)
    assert (row["nps"], row["csat_rate"], row["responded"], row["response_hours_median"]) == (0, 0, 2, 36)
    assert (row["resolved"], row["open_complaints"]) == (0, 1), "resolved after the as-of date is not yet"
    assert (row["unhappy_customers"], row["estimated_silent_unhappy"], row["estimated_reached"]) == (
        2,
        10,
        50,
    )
    tiers = {
        row["value"]: row["feedback_count"]
        for row in rows
        if row["dimension"] == "tier" and row["month"] == DAY_0
    }
    assert tiers == {"new": 3, "anonymous": 1, "none": 1}
    empty = summary_of(rows, date(2024, 2, 1), "topic", "late")
    assert (empty["feedback_count"], empty["nps"], empty["nps_ci_low"], empty["repeat_complaint_rate"]) == (
        0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(("days", "repeats"), [(90, 1), (91, 0)])
def test_a_complaint_at_most_90_days_after_is_a_repeat(days: int, repeats: int) -> None:
    feedback = [said(1, 3, "complaint", topic="late"), said(2, 3 + days, "complaint", topic="late")]
    rows = marts(bought_on("a", 0), 120, feedback)["feedback_summary_monthly"]
    assert summary_of(rows, date(2024, 4, 1))["repeat_complaints"] == repeats


def test_a_cause_rises_when_its_last_three_months_are_far_above_their_share() -> None:
    feedback = [said(n, 300 + n, "complaint", topic="late") for n in range(20)] + [said(99, 10, "praise")]
    feedback.append(said(98, 200, "complaint"))
    rows = marts(bought_on("a", 0), date(2024, 12, 31), feedback)["complaint_causes_monthly"]
    late, unknown = rows
    assert (late["topic"], late["complaints_12m"], late["recent"], late["is_rising"]) == (
        "late",
        20,
        20,
        True,
    )
    part = 92 / 366
    assert late["z"] == pytest.approx((20 - 20 * part) / (20 * part * (1 - part)) ** 0.5)
    assert (unknown["topic"], unknown["cumulative_share"], unknown["is_rising"]) == ("unknown", 1, False)


# --- loyalty -------------------------------------------------------------------------------------------------


def test_attitude_and_behaviour_make_loyalty() -> None:
    often, seldom = bought_on("a", 0, 10, 20), pd.concat([bought_on("b", 0), bought_on("c", 5)])
    feedback = [
        said(1, 1, "nps", score=9),
        said(2, 2, "csat", score=3),
        said(3, 2, "csat", who="b", score=4),
        said(4, -400, "nps", who="c", score=10),
    ]
    # Nobody declares a wallet, and a benchmark of 30 euros for those who spend 10 leaves them a third.
    found = marts(pd.concat([often, seldom]), 40, feedback, benchmark_quantile=1.0)
    rows = {row["customer_id"]: row for row in found["loyalty_matrix"]}
    assert {who: row["loyalty"] for who, row in rows.items()} == {
        "a": "spurious",
        "b": "true",
        "c": "unknown_attitude",
    }
    assert (rows["a"]["attitude"], rows["b"]["behaviour"]) == ("low", "high"), (
        "middle is low; at the median is high"
    )
    summary = {
        (r["attitude_kind"], r["loyalty"]): r["customer_share"] for r in found["loyalty_matrix_summary"]
    }
    assert summary == {
        ("all", "spurious"): 1 / 3,
        ("all", "true"): 1 / 3,
        ("all", "unknown_attitude"): 1 / 3,
        ("unknown", "unknown_attitude"): 1 / 3,
        ("csat", "spurious"): 1 / 3,
        ("csat", "true"): 1 / 3,
    }


def test_a_rater_counts_once_the_90_days_after_are_over_and_stays_with_a_purchase_in_them() -> None:
    feedback = [
        said(1, 5, "nps", score=9, driver="added_value"),
        said(2, 10, "nps", who="b", score=3, driver="added_value"),
        said(3, 11, "nps", who="b", score=10, driver="added_value"),
    ]
    transactions = pd.concat([bought_on("a", 5, 95), bought_on("b", 10)])
    row = marts(transactions, 100, feedback, min_group_answers=1)["loyalty_drivers_monthly"][0]
    assert (row["high_raters"], row["high_retained"], row["high_median_change"]) == (1, 1, 1)
    assert (row["low_raters"], row["low_retained"], row["retention_difference"]) == (1, 0, 1), (
        "the later is too young"
    )
    assert row["low_median_change"] == 0
    assert row["mean_score"] == pytest.approx((90 + 30 + 100) / 3)


# --- defections ----------------------------------------------------------------------------------------------


def one_lapse(as_of: int = 400, *, back: int | None = None, **more: Any) -> dict[str, Any]:
    """The first lapse of a customer who bought on day 0, in a shop where nobody else comes again."""
    days = (0,) if back is None else (0, back)
    others = [bought_on(f"other {n}", 0) for n in range(20)] if back else []
    found = marts(pd.concat([bought_on("a", *days), *others]), as_of, **more)["defections"]
    return next(row for row in found if row["customer_id"] == "a")


def test_a_lapse_without_a_word_is_unknown() -> None:
    row = one_lapse()
    assert row["lapse_date"] == DAY_0 + timedelta(days=181)
    assert (row["reason"], row["reason_basis"], row["evidence_ids"]) == ("unknown", "none", None)
    assert (row["recoverability"], row["recoverability_reason"]) == ("possible", "unknown_reason")
    assert (row["is_open"], row["is_defection"], row["yearly_value_lost"], row["tier_before"]) == (
        True,
        True,
        10,
        "new",
    )


def test_what_is_said_goes_before_what_is_inferred() -> None:
    feedback = [said(1, 10, "complaint", topic="price"), said(2, 200, "exit_interview", topic="moved_away")]
    row = one_lapse(feedback=feedback)
    assert (row["reason"], row["other_reasons"], row["reason_basis"], row["evidence_ids"]) == (
        "moved_away", "price", "said", "f2",
    )  # fmt: skip
    assert (row["recoverability"], row["recoverability_reason"]) == ("unlikely", "moved_away")


@pytest.mark.parametrize(("resolved_after_hours", "reason"), [(168, "unknown"), (169, "service_problem")])
def test_a_complaint_counts_that_stayed_unresolved_for_more_than_a_week(
    resolved_after_hours: int, reason: str
) -> None:
    resolved = noon(10) + timedelta(hours=resolved_after_hours)
    feedback = [said(1, 10, "complaint", driver="service_quality", resolved_at=resolved)]
    assert one_lapse(feedback=feedback)["reason"] == reason


def test_an_answer_of_an_unmapped_topic_and_another_driver_says_nothing() -> None:
    assert (
        one_lapse(feedback=[said(1, 10, "nps", score=2, topic="weather", driver="added_value")])["reason"]
        == "unknown"
    )


@pytest.mark.parametrize(("day", "reason"), [(1, "competitor"), (0, "unknown")])
def test_a_share_that_fell_tells_of_a_competitor(day: int, reason: str) -> None:
    when = [str(DAY_0 + timedelta(days=n)) for n in (-30, day)]
    # The first of two brands, then the second: from 0.67 to 0.33. Within 180 days before the lapse on day 181.
    surveys = pd.concat(
        [
            survey("s1", "a", when[0], [1, 2], category="all"),
            survey("s2", "a", when[1], [2, 1], category="all"),
        ]
    )
    row = one_lapse(surveys=surveys)
    assert (row["reason"], row["evidence_ids"]) == (reason, "s1,s2" if reason == "competitor" else None)


def discounted(*rows: tuple[int, str, str]) -> pd.DataFrame:
    """Lines of (day, amount, discount)."""
    found = lines(*[("a", str(DAY_0 + timedelta(days=day)), amount) for day, amount, _ in rows])
    return found.assign(discount_amount=[discount for *_, discount in rows])


@pytest.mark.parametrize(("late", "reason"), [("60", "price"), ("60.01", "unknown")])
def test_half_on_discount_and_then_at_most_half_a_day_tells_of_the_price(late: str, reason: str) -> None:
    # 240 in 120 days, then at most 1 a day in 60.
    transactions = discounted((0, "240", "5"), (179, late, "0"))
    assert marts(transactions, 500, default_lapsed_days=185)["defections"][0]["reason"] == reason


@pytest.mark.parametrize(
    ("late", "start", "reason"), [("50", 0, "habit_change"), ("51", 0, "unknown"), ("50", 1, "unknown")]
)
def test_half_the_spend_and_a_third_of_the_categories_gone_is_a_change_of_habit(
    late: str, start: int, reason: str
) -> None:
    days = {start: "tea", 100: "wine", 150: "toys", 200: "tea", 359: "wine"}
    amounts = {start: "40", 100: "30", 150: "30", 200: "1", 359: str(int(late) - 1)}
    transactions = pd.concat(
        [lines(("a", str(DAY_0 + timedelta(days=n)), amounts[n]), category=name) for n, name in days.items()]
    )
    row = marts(transactions, 900, default_lapsed_days=200)["defections"][-1]
    assert row["reason"] == reason


def test_a_winner_back_is_counted_from_the_lapse_with_contacts_before_the_return() -> None:
    contacts = [
        called(180),
        called(181),
        called(190, "campaign_mailing"),
        called(195, direction="inbound"),
        called(200),
    ]
    row = one_lapse(as_of=300, back=200, interactions=contacts)
    assert (row["contacts"], row["won_back_days"], row["won_back_revenue_180d"]) == (1, 19, 10)
    assert (row["is_open"], row["is_defection"], row["is_won_back_complete"]) == (False, True, False)


# --- relationship and teams ----------------------------------------------------------------------------------


def test_the_stages_by_hand() -> None:
    transactions = discounted((0, "10", "0"), (31, "10", "0"), (60, "10", "2"), (91, "20", "0"))
    masters = pd.DataFrame({"customer_id": ["a"], "account_manager_employee_id": ["e1"]})
    rows = marts(transactions, date(2024, 5, 31), customers=masters)["relationship_stages_monthly"]
    # In March a third is bought at a discount, in April a fifth.
    assert [row["stage"] for row in rows] == ["loose", "loose", "close", "partner", "loose"]
    assert [row["previous_stage"] for row in rows] == [None, "loose", "loose", "close", "partner"]
    without = marts(transactions, date(2024, 4, 30))["relationship_stages_monthly"]
    assert without[-1]["stage"] == "committed"


def test_a_team_moves_and_a_small_one_hides_the_next_smallest() -> None:
    def employee(
        number: int, team: str, hired: date = date(2023, 1, 1), left: date | None = None
    ) -> tuple[Any, ...]:
        return f"e{number}", team, "s1" if team == "big" else "s2", hired, left, DAY_0

    staff = [employee(n, "big") for n in range(8)] + [employee(10 + n, "mid") for n in range(6)]
    staff += [employee(20, "small"), employee(21, "small", DAY_0, DAY_0 + timedelta(days=30))]
    transactions = bought_on("a", 0, 40, 100).assign(store_id=["s1", "s2", "s2"])
    rows = marts(transactions, date(2024, 7, 15), employees=staff)["team_loyalty_monthly"]
    january = {row["team_id"]: row for row in rows if row["month"] == DAY_0}
    small = january["small"]
    assert [small[c] for c in ("headcount_opening", "hired", "leavers", "headcount_closing")] == [1, 1, 1, 1]
    assert {team: row["is_suppressed"] for team, row in january.items()} == {
        "all": False, "big": False, "mid": True, "small": True,
    }  # fmt: skip
    assert january["big"]["tenure_days_median"] == 395
    assert {team: row["customers"] for team, row in january.items()} == {
        "all": 1,
        "big": 1,
        "mid": 0,
        "small": 0,
    }
    retained = {(row["month"].month, row["team_id"]): row["retention_rate"] for row in rows}
    assert [retained[4, team] for team in ("all", "big", "mid")] == [1, 0, 1]
    assert retained[2, "all"] == 1, "of January alone, where the data begin"
    assert retained[5, "all"] is None, "July is not over"
