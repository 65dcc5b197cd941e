"""The policies of care and points: may be left out or empty, and are refused by line and way out when they are wrong."""

from __future__ import annotations

import csv
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shortening import examples

from pipelines.contracts.policies import Policies, read_policies
from pipelines.contracts.policy_rows import policy_rows
from pipelines.contracts.programmes import CareRule
from pipelines.contracts.seeds import OPTIONAL, SEEDS, policy_file, seed_types
from pipelines.errors import SettingsError
from pipelines.settings import PROJECT_DIR, Settings

RIGHT = {
    "care_policy": [
        "all,message,1,message",
        "gold,call,45,phone",
        "new,long_call,90,phone",
        "lapsed,review,0,shop",
    ],
    "points_rates": ["2024-01-01,all,1", "2024-01-01,food,0.5", "2024-07-01,food,0"],
    "points_multipliers": [
        "2024-01-01,gold,1.5",
        "2024-01-01,new,2",
        "2024-07-01,gold,999",
        "2024-07-01,lapsed,0",
    ],
    "points_expectations": ["2024-01-01,0.01,0.9", "2024-07-01,0,1"],
}
"""Rows that are right, by file; every tier that there is may stand in them."""


def write(folder: Path, name: str, *rows: str) -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join([",".join(SEEDS[name]), *rows, ""]), encoding="utf-8")
    return path


def read(folder: Path, **given: Any) -> Policies:
    return read_policies(Settings(home=folder.parent, **given))


def test_programmes_left_out_are_the_shipped_ones_with_the_611_rhythm_and_without_points(
    folder: Path,
) -> None:
    assert set(RIGHT) <= OPTIONAL
    rhythm = {(rule.contact_kind, rule.day) for rule in read(folder).care_rules if rule.tier == "all"}
    assert rhythm == {
        *(("message", day) for day in (1, 16, 31, 46, 61, 76)), ("call", 45), ("long_call", 90), ("review", 0), ("birthday", 0),
    }  # fmt: skip
    for name in ("points_rates", "points_multipliers", "points_expectations"):
        path = policy_file(Settings(home=folder.parent), name)
        assert path == PROJECT_DIR / "dbt_project" / "seeds" / f"{name}.csv"
        assert policy_rows(path, 2) == []


def test_programmes_of_the_deployments_own_go_before_the_shipped_ones(folder: Path) -> None:
    for name, rows in RIGHT.items():
        write(folder, name, *rows)
    assert read(folder).care_rules[1] == CareRule("gold", "call", 45, "phone")


@pytest.mark.parametrize("name", RIGHT)
def test_a_programme_may_be_of_no_rows(folder: Path, name: str) -> None:
    write(folder, name)
    assert (name == "care_policy") == (read(folder).care_rules == ())


def test_the_days_of_a_longer_cycle_may_be_named(folder: Path) -> None:
    write(folder, "care_policy", "all,message,120,message")
    assert read(folder, care_cycle_days=120).care_rules[0].day == 120
    with pytest.raises(
        SettingsError, match=r"care_policy\.csv:2: day 120 is no day of the cycle; they run 1 to 90"
    ):
        read(folder)


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("care_policy", "silver,message,1,message", "'silver' is no tier of tier_policy.csv; use all, gold, lapsed, new"),
        ("care_policy", "none,message,1,message", "'none' is no tier of tier_policy.csv; use all"),
        ("care_policy", ",message,1,message", "'' is no tier of tier_policy.csv; use all"),
        (
            "care_policy",
            "all,visit,1,shop",
            "'visit' is no kind of contact; use message, call, long_call, review, birthday",
        ),
        ("care_policy", "all,review,3,phone", "a review is due on its anniversary: write day 0, not 3"),
        ("care_policy", "all,birthday,1,message", "a birthday is due on its anniversary: write day 0, not 1"),
        (
            "care_policy",
            "all,message,0,message",
            r"day 0 is no day of the cycle; they run 1 to 90 \(MAINSTAY_CARE_CYCLE_DAYS\)",
        ),
        ("care_policy", "all,long_call,91,phone", "day 91 is no day of the cycle; they run 1 to 90"),
        ("care_policy", "all,message,-1,message", "day '-1' is no whole number in plain digits"),
        ("care_policy", "all,message,1.5,message", "day '1.5' is no whole number in plain digits"),
        ("care_policy", "all,message,1,", "the channel is empty; name one, such as message or phone"),
        ("care_policy", "all,call,45,message", "a call goes by phone, not message; write phone"),
        ("care_policy", "all,long_call,45,email", "a long_call goes by phone, not email; write phone"),
        ("care_policy", "gold,call,45,phone", "call on day 45 stands twice for tier gold; keep one"),
        ("care_policy", "lapsed,review,0,app", "review on day 0 stands twice for tier lapsed; keep one"),
        ("care_policy", "all,message,1", "the line has not 4 fields; mend it"),
        ("points_rates", "2024-02-30,all,1", "valid_from .*no day of the calendar; dates are YYYY-MM-DD"),
        ("points_rates", "2025-01-01,,1", "the category is empty; name one"),
        ("points_rates", "2025-01-01,food,-0.1", "points_per_currency_unit -0.1 is not between 0 and 999"),
        ("points_rates", "2025-01-01,food,999.1", "points_per_currency_unit 999.1 is not between 0 and 999"),
        ("points_rates", "2025-01-01,food,1000", "points_per_currency_unit 1000 is too large; at most 3 digits"),
        ("points_rates", "2025-01-01,food,0.3333335", "points_per_currency_unit 0.3333335 has more decimals .* 6 decimals"),
        ("points_rates", "2025-01-01,food,one", "points_per_currency_unit 'one' is no number in plain digits"),
        ("points_rates", "2024-07-01,food,3", "2024-07-01 stands twice for food; keep one"),
        ("points_multipliers", "2025-01-01,all,1", "'all' is no tier of tier_policy.csv; use gold, lapsed, new, ordinary"),
        ("points_multipliers", "2025-01-01,,1", "the tier is empty; name one"),
        ("points_multipliers", "2025-01-01,gold,-1", "multiplier -1 is not between 0 and 999"),
        ("points_multipliers", "2024-07-01,gold,3", "2024-07-01 stands twice for gold; keep one"),
        ("points_expectations", "2025-01-01,-0.01,0.9", "points_value -0.01 is not between 0 and 999"),
        (
            "points_expectations",
            "2025-01-01,0.01,1.1",
            r"expected redemption rate 1.1 is no share between 0 and 1 \(nine tenths are 0.9\)",
        ),
        ("points_expectations", "2025-01-01,0.01,-0.1", "expected redemption rate -0.1 is no share between 0 and 1"),
        ("points_expectations", "2025-01-01,0.01,90", "expected redemption rate 90 is no share between 0 and 1"),
        ("points_expectations", "2024-07-01,0.02,0.9", "2024-07-01 stands twice; keep one"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_refused_by_its_line_and_the_way_out(
    folder: Path, name: str, row: str, message: str
) -> None:
    write(folder, name, *RIGHT[name], row)
    with pytest.raises(SettingsError, match=rf"{name}\.csv:{len(RIGHT[name]) + 2}: {message}"):
        read(folder)


@pytest.mark.parametrize("name", RIGHT)
def test_columns_are_those_of_the_policy(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").write_text("tier,days\n", encoding="utf-8")
    with pytest.raises(
        SettingsError, match=rf"{name}\.csv:1: the columns are .* they must be {', '.join(SEEDS[name])}"
    ):
        read(folder)


# What people type, and what only looks like a figure.
signs = st.text(st.sampled_from("0123456789.-+_eE １２٣²W\t,\"'#;x"), max_size=9)
figures = signs | st.decimals(0, 10**3, places=7).map(str) | st.decimals(0, 999, places=6).map("{:f}".format)
days = signs | st.dates().map(str) | st.dates().map("{:%Y%m%d}".format)
words = st.text(min_size=1, max_size=8) | st.sampled_from(
    ["null", "NULL", "'a", '"a"', 'a"b', "#a", "茶 叶", "a\\b", "all"]
)
strange = st.one_of(
    st.tuples(st.sampled_from(["category", "channel", "tier", "contact_kind"]), words),
    st.tuples(st.just("valid_from"), days),
    st.tuples(st.just("day"), signs | st.sampled_from(["1", "01", "+1", "１", "90"])),
    st.tuples(
        st.sampled_from(
            ["points_per_currency_unit", "multiplier", "points_value", "expected_redemption_rate"]
        ),
        figures,
    ),
)


@pytest.mark.search
@settings(
    max_examples=examples(30, 300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(strange)
def test_what_passes_the_check_is_loaded_as_it_was_read(folder: Path, strange: tuple[str, str]) -> None:
    """Into the types of dbt's seeds, by the statement that dbt-duckdb loads seeds with."""
    column, value = strange
    for name, (first, *rest) in RIGHT.items():
        row = dict(zip(SEEDS[name], first.split(","), strict=True))
        row |= {column: value} if column in row else {}
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([list(row), list(row.values()), *(line.split(",") for line in rest)])
    refused = ""
    try:
        read(folder)
    except SettingsError as error:
        refused = str(error)
    if refused:
        assert re.search(r"(care_policy|points_\w+)\.csv", refused)
        return
    for name in RIGHT:
        with closing(duckdb.connect()) as connection:
            columns = ", ".join(f"{column} {type_}" for column, type_ in seed_types(name, 2).items())
            connection.execute(f"create table seed ({columns})")
            connection.execute(
                f"copy seed from '{folder / name}.csv' (format csv, header true, delimiter ',')"
            )
            loaded = connection.execute("select * from seed order by rowid").fetchall()
        assert loaded == [tuple(row.values()) for _, row in policy_rows(folder / f"{name}.csv", 2)]
