"""Who is on tomorrow's list, what it says of them, and who is not on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from care_world import AS_OF, TOMORROW, CareWorld

from pipelines.care import COLUMNS, LANGUAGES, export_list
from pipelines.care.texts import Texts
from pipelines.errors import BuildError, ErasureUnfinishedError, SettingsError


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> CareWorld:
    return CareWorld(tmp_path_factory.mktemp("care") / "shop")


@pytest.fixture
def world(shop: CareWorld) -> Iterator[CareWorld]:
    yield shop
    shop.clear()


def days_ago(days: int) -> date:
    return TOMORROW - timedelta(days=days)


def listed(world: CareWorld, day: date | None = None, language: str = "en") -> list[dict[str, Any]]:
    return world.read(day, language).rows


def why(world: CareWorld, language: str = "en", **contact: Any) -> str:
    """The sentences for a customer c with one contact."""
    world.customer("c")
    world.contact("c", AS_OF, **contact)
    (row,) = listed(world, language=language)
    return str(row["why"])


# --- who is on it -------------------------------------------------------------------------------------------------


def test_what_is_due_by_the_date_and_not_missed_by_then_is_listed(world: CareWorld) -> None:
    world.customer("c")
    for days in (-1, 0, 5, 6, 15, 16):
        world.contact("c", days_ago(days), status="whatever the marts' day says")
    world.contact("c", AS_OF, status="done")
    world.contact("c", AS_OF, status="done_late")
    assert {row["due_date"]: row["status"] for row in listed(world)} == {
        days_ago(0): "due", days_ago(5): "due", days_ago(6): "overdue", days_ago(15): "overdue",
    }  # fmt: skip


def test_nobody_without_consent_is_listed_whatever_the_schedule_says(world: CareWorld) -> None:
    world.customer("no", consent=False)
    world.customer("not asked", consent=None)
    for customer in ("no", "not asked", "unknown"):
        world.contact(customer, AS_OF)
        world.contact(customer, AS_OF, "restricted.care_birthdays", contact_kind="birthday")
    assert listed(world) == []


def test_who_has_withdrawn_consent_since_the_marts_were_built_is_not_listed(world: CareWorld) -> None:
    said = {"asks": (True, False), "empties": (True, None), "stays": (False, True)}
    for customer, consents in said.items():
        world.customer(customer)
        world.contact(customer, AS_OF)
        for day, consent in zip((AS_OF, TOMORROW), consents, strict=True):
            world.insert(
                "raw.customers", customer_id=customer, is_marketing_consent=consent, partition_date=day
            )
    assert [row["customer_id"] for row in listed(world)] == ["stays"]


def test_the_first_contacts_of_a_cycle_that_begins_tomorrow_are_listed_unless_they_were_made_early(
    world: CareWorld,
) -> None:
    first = TOMORROW - timedelta(days=90)  # the first day of the cycle that ends today
    for customer in ("waits", "met", "called"):
        world.customer(customer)
        world.contact(customer, first, status="missed")
    made = {"interaction_at": f"{AS_OF} 12:00:00", "business_date": AS_OF, "direction": "outbound"}
    world.insert("staging.stg_interactions", interaction_id="1", customer_id="met", kind="email", **made)
    world.insert("staging.stg_interactions", interaction_id="2", customer_id="called", kind="call", **made)
    assert [(row["customer_id"], row["due_date"]) for row in listed(world)] == [
        ("called", TOMORROW), ("waits", TOMORROW),
    ]  # fmt: skip
    assert listed(world, AS_OF) == []


def test_the_most_urgent_and_then_the_longest_due_come_first(world: CareWorld) -> None:
    for customer, priority, days in (("a", 5, 9), ("b", 1, 2), ("c", 1, 8), ("d", 1, 8)):
        world.customer(customer)
        world.contact(customer, days_ago(days), priority=priority)
    world.insert("marts.customer_value", customer_id="d", expected_profit_12m=5)
    assert [row["customer_id"] for row in listed(world)] == ["d", "c", "b", "a"]


@pytest.mark.parametrize("day", [AS_OF - timedelta(days=1), AS_OF + timedelta(days=15)])
def test_a_date_that_the_marts_know_nothing_of_is_refused(world: CareWorld, day: date) -> None:
    with pytest.raises(SettingsError, match=f"from {AS_OF} to 2024-06-14, not {day}"):
        listed(world, day)


def test_marts_that_are_not_of_a_good_night_give_no_list(tmp_path: Path) -> None:
    world = CareWorld(tmp_path / "shop")
    world.execute("delete from ops.steps where step = 'validate_marts'")
    with pytest.raises(BuildError, match=r"not passed their expectations .* `mainstay validate marts`"):
        listed(world)
    world.execute("update ops.steps set status = 'failed' where step = 'build'")
    with pytest.raises(BuildError, match="did not end well"):
        listed(world)


def test_marts_of_an_earlier_mainstay_give_no_list(tmp_path: Path) -> None:
    world = CareWorld(tmp_path / "shop")
    world.execute("drop table restricted.care_birthdays")
    with pytest.raises(BuildError, match=r"without restricted\.care_birthdays; run `mainstay nightly`"):
        listed(world)


# --- what it says of them -------------------------------------------------------------------------------------------


def test_a_row_has_the_facts_of_its_customer(world: CareWorld) -> None:
    world.customer("c", full_name="王芳", email="w@example.com")
    world.contact("c", AS_OF, tier="gold", contact_kind="call", channel="phone", priority=3)
    for day, net in ((date(2023, 5, 31), 1000), (date(2023, 6, 1), 30), (AS_OF, -10)):
        world.insert(
            "intermediate.int_customer_days",
            customer_id="c", business_date=day, net_amount=net, profit_amount=net / 2,
        )  # fmt: skip
    world.insert(
        "marts.customer_value", customer_id="c", expected_profit_12m="12.50", expected_lifetime_profit="99"
    )
    for number, (kind, direction) in enumerate((("visit", "inbound"), ("campaign_mailing", "outbound"))):
        day = date(2024, 5, 1 + number)
        world.insert(
            "staging.stg_interactions", interaction_id=str(number), customer_id="c", kind=kind, direction=direction,
            interaction_at=f"{day} 12:00:00", business_date=day,
        )  # fmt: skip
    (row,) = listed(world)
    assert tuple(row) == COLUMNS
    assert row | {"why": ""} == {
        "priority": 3, "customer_id": "c", "name": "王芳", "tier": "Gold", "contact_kind": "Call", "due_date": AS_OF,
        "status": "due", "why": "", "channel": "telephone", "phone": "+8613800000000", "email": None, "reachable": "yes",
        "birthday": None, "consent": "given", "last_contact_date": date(2024, 5, 1), "last_contact_kind": "visit",
        "last_contact_direction": "by the customer", "revenue_12m": 20, "profit_12m": 10, "expected_profit_12m": 12.5,
        "expected_lifetime_profit": 99,
    }  # fmt: skip
    (chinese,) = listed(world, language="zh")
    assert (chinese["tier"], chinese["contact_kind"], chinese["status"]) == ("黄金", "电话", "待联系")


@pytest.mark.parametrize(
    ("channel", "is_reachable", "phone", "email", "shown", "words"),
    [
        ("message", True, "+861", "a@b.cn", ("+861", None), "yes"),
        ("email", True, "+861", "a@b.cn", (None, "a@b.cn"), "yes"),
        ("app", True, "+861", "a@b.cn", ("+861", "a@b.cn"), "yes, by the channel itself"),
        ("phone", False, None, "a@b.cn", (None, "a@b.cn"), "no: the telephone number is missing; the e-mail is known"),
        ("email", False, "+861", None, ("+861", None), "no: the e-mail is missing; the telephone number is known"),
        ("mail", False, None, None, (None, None), "no: neither telephone number nor e-mail is known"),
        ("phone", False, None, None, (None, None), "no: neither telephone number nor e-mail is known"),
    ],
)  # fmt: skip
def test_a_customer_has_what_the_channel_needs_and_who_is_out_of_reach_is_called_so(
    world: CareWorld,
    channel: str,
    is_reachable: bool,
    phone: str,
    email: str,
    shown: tuple[str, str],
    words: str,
) -> None:
    world.customer("c", phone=phone, email=email)
    world.contact("c", AS_OF, channel=channel, is_reachable=is_reachable)
    found = world.read()
    (row,) = found.rows
    assert ((row["phone"], row["email"]), row["reachable"]) == (shown, words)
    assert found.unreachable == (not is_reachable)


def test_a_birthday_stands_in_its_own_contact_alone_and_without_the_year(world: CareWorld) -> None:
    world.customer("c", birth_date=date(1980, 2, 29))
    world.contact("c", AS_OF)
    world.contact("c", AS_OF, "restricted.care_birthdays", contact_kind="birthday")
    assert [row["birthday"] for row in listed(world)] == ["February 29", None]
    assert [row["birthday"] for row in listed(world, language="zh")] == ["2月29日", None]


# --- why ------------------------------------------------------------------------------------------------------------


def test_without_a_talking_point_the_occasion_is_the_reason(world: CareWorld) -> None:
    assert why(world) == "The rhythm of care: Message due on 2024-05-31."


def test_the_occasion_comes_before_the_talking_points(world: CareWorld) -> None:
    world.insert("marts.customer_retention", customer_id="c", recency_days=1, median_gap_days=1)
    assert why(world, contact_kind="review", talking_points="at_risk") == (
        "Registered on 2020-06-01; the yearly review falls on 2024-05-31. "
        "The last purchase was 1 day before 2024-05-31; the usual gap is 1 day."
    )


@pytest.mark.parametrize(
    ("topics", "sentence"),
    [
        (["late_delivery"], "The complaint of 2024-05-01 about “late delivery” is still open."),
        ([None], "The complaint of 2024-05-01 is still open."),
        (["a", "b"], "There are 2 open complaints, the latest of 2024-05-02 about “b”."),
        (["a", None], "There are 2 open complaints, the latest of 2024-05-02."),
    ],
)
def test_an_open_complaint_is_named_by_date_and_topic(
    world: CareWorld, topics: list[str | None], sentence: str
) -> None:
    for number, topic in enumerate(topics):
        day = date(2024, 5, 1 + number)
        world.insert(
            "marts.fct_feedback", feedback_id=str(number), customer_id="c", kind="complaint", topic=topic,
            business_date=day, feedback_at=f"{day} 12:00:00",
        )  # fmt: skip
    for number, (day, resolved) in enumerate(
        ((date(2024, 3, 2), None), (AS_OF, AS_OF))
    ):  # 90 days ago; resolved
        world.insert(
            "marts.fct_feedback", feedback_id=f"not {number}", customer_id="c", kind="complaint", topic="other",
            business_date=day, feedback_at=f"{day} 12:00:00", resolved_at=resolved,
        )  # fmt: skip
    assert why(world, talking_points="open_complaint") == sentence


@pytest.mark.parametrize(
    ("lots", "sentence"),
    [
        ({date(2024, 6, 30): 1200}, "1,200 points expire on 2024-06-30."),
        (
            {date(2024, 5, 31): 200, date(2024, 6, 30): 1000, date(2024, 7, 31): 5},
            "1,200 points expire by 2024-06-30, the first on 2024-05-31.",
        ),
    ],
)
def test_points_that_expire_by_next_months_end_are_counted(
    world: CareWorld, lots: dict[date, int], sentence: str
) -> None:
    for day, points in lots.items():
        world.insert("intermediate.int_points_lots_left", customer_id="c", expires_on=day, points_left=points)
    assert why(world, talking_points="points_expiring") == sentence


def test_a_stay_away_is_held_against_the_customers_own_habit_or_the_bound(world: CareWorld) -> None:
    world.insert("marts.customer_retention", customer_id="c", recency_days=45, median_gap_days=12.5)
    assert "45 days before 2024-05-31; the usual gap is 12.5 days" in why(world, talking_points="at_risk")
    world.execute("update marts.customer_retention set median_gap_days = null, at_risk_after_days = 30")
    (row,) = listed(world)
    assert row["why"].endswith("45 days before 2024-05-31; from 30 days on a customer counts as at risk.")


def test_headroom_is_that_of_the_category_even_with_a_comma_in_its_name(world: CareWorld) -> None:
    for category, headroom in (("Tea, green", "85.125"), ("Tea", "900")):
        world.insert(
            "marts.share_of_wallet_monthly",
            customer_id="c", category=category, month=date(2024, 5, 1), headroom=headroom,
        )  # fmt: skip
    world.insert(
        "marts.customer_tiers_monthly",
        customer_id="c",
        month=date(2024, 5, 1),
        tier_rank=2,
        avg_monthly_spend="480",
    )
    assert why(world, talking_points="wallet_headroom:Tea, green,tier_near_up") == (
        "In “Tea, green”, about CNY 85.12 a month is spent elsewhere. "
        "CNY 20.00 more a month on average would reach the tier Gold (from CNY 500.00)."
    )


@pytest.mark.parametrize(
    ("spend", "sentence"),
    [
        ("310", "Average monthly spend is only CNY 10.00 above the bound of the tier Silver (CNY 300.00)."),
        ("290", "Average monthly spend is CNY 10.00 below the bound of the tier Silver (CNY 300.00)."),
    ],
)
def test_a_tier_that_could_be_lost_is_named_with_the_distance(
    world: CareWorld, spend: str, sentence: str
) -> None:
    world.insert(
        "marts.customer_tiers_monthly",
        customer_id="c",
        month=date(2024, 5, 1),
        tier_rank=2,
        avg_monthly_spend=spend,
    )
    assert why(world, talking_points="tier_near_down") == sentence


def test_the_same_in_chinese(world: CareWorld) -> None:
    world.insert("marts.customer_retention", customer_id="c", recency_days=45, median_gap_days=12.5)
    world.insert(
        "intermediate.int_points_lots_left", customer_id="c", expires_on=date(2024, 6, 30), points_left=1200
    )
    assert why(world, "zh", talking_points="points_expiring,at_risk") == (
        "1,200 积分将于 2024-06-30 到期。截至 2024-05-31，距上次购买已有 45 天，平时间隔约为 12.5 天。"
    )


def test_both_catalogues_have_the_same_keys_and_names() -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        return sorted(part.partition("}")[0].split(".")[0].split(":")[0] for part in value.split("{")[1:])

    english, chinese = (Texts(language).words for language in LANGUAGES)
    assert {c: shape(english[c]) for c in english if c != "cell"} == {
        c: shape(chinese[c]) for c in chinese if c != "cell"
    }
    assert english["column"].keys() == set(COLUMNS)


def test_while_somebody_is_being_erased_there_is_no_list(tmp_path: Path) -> None:
    world = CareWorld(tmp_path / "shop")
    world.execute("insert into ops.tombstones values ('hash', current_date, 'r', 'running')")
    with pytest.raises(ErasureUnfinishedError, match="`mainstay forget --resume` first"):
        listed(world)
    with pytest.raises(ErasureUnfinishedError):
        export_list(world.settings, tmp_path / "care.csv")
    assert not (tmp_path / "care.csv").exists()
    assert world.execute("select count(*) from ops.exports") == [(0,)]
    world.execute("update ops.tombstones set state = 'rows'")  # the marts say what they are of
    assert listed(world) == []
