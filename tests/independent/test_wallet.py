"""Hand-worked cases of share of wallet, the published table of the Wallet Allocation Rule among them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import pandas as pd
import pytest

from .calculation import (
    Settings,
    customer_tiers_monthly,
    share_of_wallet_monthly,
    share_of_wallet_summary_monthly,
)
from .history import months_before, quantile
from .samples import CUSTOMERS, NO_SURVEYS, POLICY, lines, survey
from .wallet import mean_ranks, war_share

JANUARY = date(2024, 1, 31)
JUST_ALL = Settings(benchmark_min_peers=1)


def wallets(
    frame: pd.DataFrame,
    surveys: pd.DataFrame = NO_SURVEYS,
    customers: pd.DataFrame = CUSTOMERS,
    settings: Settings = JUST_ALL,
    as_of: date = JANUARY,
) -> pd.DataFrame:
    tiers = customer_tiers_monthly(frame, POLICY, settings, as_of)
    return share_of_wallet_monthly(frame, surveys, customers, tiers, settings, as_of)


def only(frame: pd.DataFrame, category: str = "tea", month: date = date(2024, 1, 1), who: str = "a") -> dict:
    rows = frame[(frame["category"] == category) & (frame["month"] == month) & (frame["customer_id"] == who)]
    assert len(rows) == 1
    return rows.to_dict("records")[0]


@pytest.mark.parametrize(
    ("ranks", "shares"),
    [
        ([1], [1]),
        ([1, 2], [0.6667, 0.3333]),
        ([1, 2, 3], [0.5, 0.3333, 0.1667]),
        ([1, 2, 3, 4], [0.4, 0.3, 0.2, 0.1]),
        ([1.5, 1.5, 3], [0.4167, 0.4167, 0.1667]),
        ([1, 1, 7], [0.4167, 0.4167, 0.1667]),  # the ranks are made anew, so that ties take the mean rank
    ],
)
def test_the_wallet_allocation_rule_gives_the_published_shares(
    ranks: Sequence[float], shares: list[float]
) -> None:
    found = [war_share(rank, len(ranks)) for rank in mean_ranks(ranks)]
    assert [float(share) for share in found] == pytest.approx(shares, abs=5e-5)
    assert sum(found) == 1


@pytest.mark.parametrize(
    "ranks", [[n + 1 for n in range(brands)] for brands in range(1, 9)] + [[2, 2, 2, 1, 9]]
)
def test_the_shares_of_a_respondents_brands_sum_to_one(ranks: list[int]) -> None:
    assert sum(war_share(rank, len(ranks)) for rank in mean_ranks(ranks)) == 1


def test_quantiles_interpolate_linearly_and_are_exact() -> None:
    assert quantile([4, 1, 3, 2], 0.5) == Fraction(5, 2)
    assert quantile(range(1, 12), 0.9) == 10
    assert quantile([10, 20], 0.9) == 19
    assert quantile([7], 0.9) == 7


def test_months_before_keeps_to_the_months_length() -> None:
    assert months_before(date(2024, 3, 31), 1) == date(2024, 2, 29)
    assert months_before(date(2024, 1, 31), 12) == date(2023, 1, 31)
    assert months_before(date(2025, 2, 28), 12) == date(2024, 2, 28)


BOUGHT = lines(("a", "2024-01-10", "60"))


def test_the_declared_wallet_goes_before_the_rule_and_the_rule_before_the_benchmark() -> None:
    ranked = survey("s1", "a", "2024-01-05", [1, 2, 3])
    assert only(wallets(BOUGHT))["method"] == "benchmark"
    by_rule = only(wallets(BOUGHT, ranked))
    assert [by_rule[n] for n in ("method", "wallet", "share_of_wallet", "headroom")] == ["war", 120, 0.5, 60]
    both = only(wallets(BOUGHT, pd.concat([survey("s0", "a", "2024-01-04", declared=80), ranked])))
    assert [both[n] for n in ("method", "wallet", "share_of_wallet", "war_wallet")] == [
        "declared",
        80,
        0.75,
        120,
    ]


def test_a_declared_wallet_below_own_spend_is_capped_and_a_zero_wallet_has_no_share() -> None:
    row = only(wallets(BOUGHT, survey("s1", "a", "2024-01-05", declared=50)))
    assert [row[n] for n in ("declared_wallet", "wallet", "is_capped", "share_of_wallet")] == [
        50,
        60,
        True,
        1,
    ]
    row = only(wallets(BOUGHT, survey("s1", "a", "2024-01-05", declared=0, category="ink")), "ink")
    assert (row["own_spend"], row["wallet"], row["is_capped"]) == (0, 0, False)
    assert pd.isna(row["share_of_wallet"])
    assert pd.isna(row["wallet_quadrant"])


def test_the_rule_gives_no_wallet_without_own_spend_and_needs_our_brand_among_the_ranked() -> None:
    row = only(wallets(BOUGHT, survey("s1", "a", "2024-01-05", [1, 2], category="ink")), "ink")
    assert (row["method"], row["wallet"]) == ("war", 0)
    assert pd.isna(row["share_of_wallet"])
    # Our brand is unranked in the later survey: the earlier one answers.
    both = pd.concat([survey("s1", "a", "2024-01-05", [1]), survey("s2", "a", "2024-01-06", [None, 1])])
    row = only(wallets(BOUGHT, both))
    assert (row["method"], row["wallet"], row["war_brands"]) == ("war", 60, 1)


def test_of_one_day_the_later_survey_counts_and_of_one_moment_s10_after_s9() -> None:
    two = [survey("S9", "a", "2024-01-06", declared=100), survey("S10", "a", "2024-01-06", declared=110)]
    assert only(wallets(BOUGHT, pd.concat(two)))["wallet"] == 110
    morning, evening = pd.Timestamp("2024-01-06 09:00"), pd.Timestamp("2024-01-06 17:00")
    timed = pd.concat([two[0].assign(surveyed_at=evening), two[1].assign(surveyed_at=morning)])
    assert only(wallets(BOUGHT, timed))["wallet"] == 100


def test_the_latest_survey_counts_and_of_one_day_the_greatest_id() -> None:
    days = [("s9", "2024-01-05", 90), ("s1", "2024-01-06", 100), ("s2", "2024-01-06", 110)]
    surveys = pd.concat([survey(name, "a", day, declared=wallet) for name, day, wallet in days])
    assert only(wallets(BOUGHT, surveys))["wallet"] == 110


@pytest.mark.parametrize(
    ("day", "method"),
    [
        ("2023-01-30", "benchmark"),
        ("2023-01-31", "declared"),
        ("2024-01-31", "declared"),
        ("2024-02-01", "benchmark"),
    ],
)
def test_a_survey_is_valid_for_twelve_months(day: str, method: str) -> None:
    assert only(wallets(BOUGHT, survey("s1", "a", day, declared=100)))["method"] == method


def test_a_survey_of_all_serves_the_total_only() -> None:
    frame = wallets(BOUGHT, survey("s1", "a", "2024-01-05", declared=600, category="all"))
    assert (only(frame, "all")["method"], only(frame, "all")["share_of_wallet"]) == ("declared", 0.1)
    assert only(frame)["method"] == "benchmark"


def test_own_spend_is_a_months_average_since_the_first_purchase_and_not_below_zero() -> None:
    tea = lines(("a", "2024-01-10", "60"), ("a", "2024-03-10", "30"))
    ink = lines(("a", "2024-02-10", "10"), ("a", "2024-03-10", "-70"), category="ink")
    frame = wallets(pd.concat([tea, ink], ignore_index=True), as_of=date(2024, 3, 31))
    spends = {name: only(frame, name, date(2024, 3, 1))["own_spend"] for name in ("all", "tea", "ink")}
    assert spends == {"all": 10, "tea": 30, "ink": 0}
    assert set(frame.loc[frame["month"] == date(2024, 1, 1), "category"]) == {"all", "tea"}


@pytest.mark.parametrize(("peers", "expected"), [(29, 100), (30, 10)])
def test_a_group_under_thirty_falls_back_to_the_coarser_one(peers: int, expected: float) -> None:
    north = [f"n{number:02d}" for number in range(peers)]
    south = [f"s{number:02d}" for number in range(100)]
    frame = lines(
        *[(who, "2024-01-10", "10") for who in north], *[(who, "2024-01-10", "100") for who in south]
    )
    customers = pd.DataFrame({"customer_id": north + south, "region": ["north"] * peers + ["south"] * 100})
    rows = wallets(frame, customers=customers, settings=Settings(peer_attribute_levels=(("region",),)))
    row = only(rows, who="n00")
    assert (row["wallet"], row["benchmark_peers"]) == (expected, peers if peers == 30 else peers + 100)
    assert row["share_of_wallet"] == 10 / expected


def test_customers_without_the_attribute_are_peers_of_each_other() -> None:
    customers = pd.DataFrame({"customer_id": ["a", "b", "c"], "region": ["north", None, None]})
    frame = lines(("a", "2024-01-10", "100"), ("b", "2024-01-10", "10"), ("c", "2024-01-10", "10"))
    settings = Settings(peer_attribute_levels=(("region",),), benchmark_min_peers=2)
    rows = wallets(frame, customers=customers, settings=settings)
    assert only(rows, who="b")["wallet"] == 10
    assert only(rows, who="a")["benchmark_peers"] == 3


def test_a_wallet_at_the_median_is_big_and_a_share_of_one_half_is_high() -> None:
    assert only(wallets(BOUGHT, survey("s1", "a", "2024-01-05", declared=120)))["wallet_quadrant"] == "defend"
    assert only(wallets(BOUGHT, survey("s1", "a", "2024-01-05", declared=121)))["wallet_quadrant"] == "grow"


def test_quadrants_part_at_the_median_wallet_and_half_a_share_and_the_summary_adds_up() -> None:
    frame = lines(
        *[(who, "2024-01-10", amount) for who, amount in zip("abcd", ("90", "10", "50", "1"), strict=True)]
    )
    declared = {"a": 100, "b": 100, "c": 50, "d": 50}
    surveys = pd.concat(
        [survey(f"s{who}", who, "2024-01-05", declared=wallet) for who, wallet in declared.items()]
    )
    rows = wallets(frame, surveys)
    quadrants = {who: only(rows, who=who)["wallet_quadrant"] for who in "abcd"}
    assert quadrants == {"a": "defend", "b": "grow", "c": "maintain", "d": "deprioritise"}
    tiers = customer_tiers_monthly(frame, POLICY, JUST_ALL, JANUARY)
    summary = share_of_wallet_summary_monthly(rows, tiers).set_index("category")
    columns = ["tier", "customer_count", "own_spend", "wallet", "headroom", "declared_customers"]
    assert summary.loc["tea", columns].tolist() == ["new", 4, 151, 300, 149, 4]
    assert summary.loc["tea", "share_of_wallet"] == pytest.approx(151 / 300)
