"""One history with one of everything that could leave a trace in marts built night by night."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from tests.soak.purity.histories import EMPTIED, History, Policy
from tests.soak.purity.landing import Files, Partition, Row

JANUARY, FEBRUARY, LEAP_DAY, MARCH, APRIL, MAY = (
    date(2024, *day) for day in ((1, 20), (2, 10), (2, 29), (3, 31), (4, 20), (5, 6))
)


def _at(day: date) -> datetime:
    return datetime.combine(day, time(10))


def _sale(number: int, day: date, customer: int, cents: int, product: int | None = 1) -> Row:
    return {
        "transaction_id": f"t{number}",
        "line_number": 1,
        "customer_id": f"c{customer}",
        "product_id": f"p{product}" if product else None,
        "transaction_at": _at(day),
        "quantity": "2",
        "net_amount": f"{cents / 100:.2f}",
        "discount_amount": "0.50" if number % 3 == 0 else None,
        "store_id": f"s{number % 2 + 1}",
    }


def _slipping(customer: int) -> tuple[Row, ...]:
    """A sale a month from October 2022 to November 2023: of two products, then at a discount and of one, then hardly any."""
    amounts = [10_000] * 8 + [2_000] * 4 + [200] * 2
    return tuple(
        _sale(
            600 + n,
            date(2022 + (9 + n) // 12, (9 + n) % 12 + 1, 10),
            customer,
            cents,
            n % 2 + 1 if n < 8 else 1,
        )
        | {"discount_amount": "0.50" if n >= 8 else None}
        for n, cents in enumerate(amounts)
    )


def _usual(day: date, first: int) -> tuple[Row, ...]:
    """A usual date: seven customers on it and on the days before, so that there are gaps and second purchases."""
    return tuple(
        _sale(first + n, day - timedelta(days=n % 4), n % 7 + 1, 5_003 * (n + 1) % 97_000, n % 4)
        for n in range(10)
    )


def _customer(number: int, into: int | None = None, band: str = "low") -> Row:
    return {
        "customer_id": f"c{number}",
        "age_band": band,
        "income_band": "high" if number % 2 else None,
        "merged_into_customer_id": f"c{into}" if into else None,
        "is_marketing_consent": None if number == 6 else "true",
        "preferred_channel": "phone",
    }


def _crowd(first: int, day: date, product: int) -> tuple[Row, ...]:
    """Twelve who buy the same, as offers go by what at least ten had."""
    return tuple(_sale(first + n, day, 30 + n, 1_000 + n, product) for n in range(12))


def _redemption(number: int, day: date, customer: int, points: int) -> Row:
    return {
        "redemption_id": f"r{number}",
        "customer_id": f"c{customer}",
        "redeemed_at": _at(day),
        "points": points,
    }


def _product(number: int, category: str, cost: str | None = None) -> Row:
    return {"product_id": f"p{number}", "category": category, "unit_cost": cost}


def _survey(
    number: int, day: date, ranks: tuple[str, str], wallet: str | None, category: str = "dairy"
) -> tuple[Row, ...]:
    return tuple(
        {
            "survey_id": f"s{number}",
            "category": category,
            "brand": brand,
            "customer_id": f"c{number}",
            "surveyed_at": _at(day),
            "is_own_brand": brand == "ours",
            "preference_rank": rank,
            "declared_wallet": wallet,
        }
        for brand, rank in zip(("ours", "theirs"), ranks, strict=True)
    )


def _answer(number: int, day: date, customer: int | None, score: int) -> Row:
    return {
        "feedback_id": f"f{number}",
        "customer_id": f"c{customer}" if customer else None,
        "feedback_at": _at(day),
        "kind": "nps",
        "score": score,
        "driver": "added_value",
    }


def _complaint(number: int, day: date, customer: int, resolved_on: date | None = None) -> Row:
    return {
        "feedback_id": f"f{number}",
        "customer_id": f"c{customer}",
        "feedback_at": _at(day),
        "kind": "complaint",
        "topic": "price",
        "responded_at": _at(resolved_on) if resolved_on else None,
        "resolved_at": _at(resolved_on) if resolved_on else None,
        "outcome_told_at": None,
    }


def _farewell(number: int, day: date, customer: int) -> Row:
    return _complaint(number, day, customer) | {"kind": "exit_interview", "topic": "moved_away"}


def _employee(number: int, team: str, store: str, left_on: date | None = None) -> Row:
    hired_on = date(2023, 6, 1)
    return {
        "employee_id": f"e{number}",
        "team_id": team,
        "store_id": store,
        "hired_on": hired_on,
        "left_on": left_on,
    }


def _staff_answer(number: int, day: date, score: int) -> Row:
    return {"survey_id": f"a{number}", "team_id": "t1", "surveyed_at": _at(day), "score": score}


def _call(number: int, day: date, customer: int) -> Row:
    return {
        "interaction_id": f"i{number}",
        "customer_id": f"c{customer}",
        "interaction_at": _at(day),
        "direction": "outbound",
        "kind": "call",
    }


def one_history() -> History:
    """The history; each comment says what is nasty about the version before it, or about the final one."""
    october = date(2023, 10, 5)
    versions: dict[tuple[str, date], tuple[Files | None, Files | None]] = {}
    """Final version, and what was landed before it where that is not the same."""

    def put(dataset: str, day: date, final: Files | None, before: Files | None) -> None:
        versions[dataset, day] = final, before

    usual = _usual(JANUARY, 100)
    # A corrected export has fewer rows, and takes the only row of a business date long ago away.
    put("transactions", JANUARY, {"a": usual[:7]}, {"a": (*usual, _sale(1, october, 3, 42_000))})
    # A key moves to another business date, customer and amount; the second file is gone.
    moved = {"a": (*_usual(FEBRUARY, 200), _sale(2, FEBRUARY - timedelta(days=40), 2, 88_888))}
    put("transactions", FEBRUARY, moved, {"a": _usual(FEBRUARY, 200), "b": (_sale(2, FEBRUARY, 5, 1_000),)})
    # A date is emptied, another deleted; a later one repeats some of their keys.
    put("transactions", LEAP_DAY, EMPTIED, {"a": _usual(LEAP_DAY, 300)})
    put("transactions", MARCH, None, {"a": _usual(MARCH, 400)})
    # A late row for a date long ago, a return greater than the sale, keys of earlier dates again.
    late = (_sale(3, october, 8, 61_250), _sale(4, MAY, 1, -200_000), _sale(300, MAY, 4, 31_415, product=9))
    # And a customer who slipped away for every reason that there is.
    last = {"b": (*_usual(MAY, 500), *late, *_slipping(11)), "a": _usual(MAY, 105)}
    put("transactions", MAY, last, {"b": _usual(MAY, 500)})

    # What a crowd had before the evaluation of the offers begins, and what of it they had again.
    crowd = {
        "a": (*_crowd(700, APRIL, 1), *_crowd(720, APRIL, 2), *_crowd(740, APRIL - timedelta(days=9), 1))
    }
    put("transactions", APRIL, crowd, {"a": _crowd(700, APRIL, 2)})
    put("transactions", MAY + timedelta(days=1), {"a": _crowd(760, MAY, 1)}, None)

    # c2 becomes c1 and is themselves again; c4 becomes c3 and stays so; c6 becomes c5, who becomes c3.
    people = tuple(_customer(n, band="high" if n > 3 else "low") for n in range(1, 8))
    put("customers", JANUARY, {"a": people}, {"a": people[:5]})
    put("customers", FEBRUARY, {"a": (_customer(2, into=1), _customer(4, into=3))}, None)
    chain = {"a": (_customer(2, band="high"), _customer(6, into=5), _customer(5, into=3))}
    put("customers", MARCH, chain, {"a": (_customer(3, into=1),)})
    put("customers", MAY, None, {"a": (_customer(4), _customer(1, into=7))})

    # p2 changes its category while no line of it changes; p3 and its cost come and go.
    put("products", JANUARY, {"a": (_product(1, "dairy", "3.5"), _product(2, "wine"))}, None)
    put(
        "products", LEAP_DAY, {"a": (_product(2, "toys"),)}, {"a": (_product(2, "wine"), _product(1, "wine"))}
    )
    put("products", MAY, None, {"a": (_product(3, "toys", "1.25"), _product(2, "dairy"))})

    first, second = _survey(1, JANUARY, ("1", "2"), "700.00"), _survey(3, JANUARY, ("2", "1"), None)
    put("wallet_surveys", JANUARY, {"a": first + second}, {"a": first})
    # The eleventh preferred us in spring, and theirs when the year was over.
    for day, ranks in ((LEAP_DAY, ("1", "2")), (FEBRUARY, ("2", "1"))):
        asked_on = date(2023, 12, 20) if day == FEBRUARY else date(2023, 4, 7)
        rows = (row | {"survey_id": f"all-{day}"} for row in _survey(11, asked_on, ranks, None, "all"))
        put("wallet_surveys", day, {"a": tuple(rows)}, None)
    again = _survey(3, MAY, ("1", "1"), "55.00")
    put("wallet_surveys", MAY, {"a": again}, {"a": again + _survey(6, MAY, ("1", "2"), None)})

    # c4 and c3, who are one in the end, complain of the same; the response comes with a later file, or after the as-of date.
    asked = (_answer(1, JANUARY, 1, 9), _answer(2, date(2023, 4, 7), None, 3), _complaint(4, JANUARY, 4))
    left = (_answer(6, JANUARY, 5, 2), _complaint(7, date(2023, 11, 12), 11), _farewell(8, JANUARY, 11))
    put("feedback", JANUARY, {"a": asked, "b": left}, {"a": asked})
    put("feedback", FEBRUARY, {"a": (_complaint(5, FEBRUARY, 3),)}, {"a": (_complaint(5, FEBRUARY, 6),)})
    put(
        "feedback",
        MARCH,
        {"a": (_answer(1, MARCH, 2, 2), _complaint(4, JANUARY, 4, resolved_on=MARCH))},
        {"a": (_answer(1, JANUARY, 4, 10),)},
    )
    put("feedback", MAY, {"a": (_complaint(5, FEBRUARY, 3, resolved_on=date(2024, 6, 9)),)}, None)
    put("interactions", FEBRUARY, {"a": (_call(1, FEBRUARY, 1), _call(2, october, 8))}, None)
    # And a long call that is due is made a day before.
    put(
        "interactions",
        MAY,
        {"a": (_call(4, MAY, 11), _call(5, MAY, 7))},
        {"a": (_call(2, MAY, 2), _call(3, MAY, 9))},
    )

    # The first team moves to the other store, and one of its people leaves on a day that a later list takes back.
    put("employees", JANUARY, {"a": tuple(_employee(n, f"t{n % 2 + 1}", "s1") for n in range(6))}, None)
    moved_team = tuple(_employee(n, "t1", "s2") for n in (0, 2, 4))
    put("employees", MARCH, {"a": moved_team}, {"a": (_employee(2, "t1", "s1", left_on=FEBRUARY),)})
    put("employees", MAY, {"a": (_employee(5, "t2", "s1", left_on=date(2024, 5, 2)),)}, None)
    put("employee_surveys", FEBRUARY, {"a": tuple(_staff_answer(n, FEBRUARY, 7 + n) for n in range(4))}, None)
    put("employee_surveys", MAY, {"a": (_staff_answer(1, MAY, 2),)}, {"a": (_staff_answer(0, MAY, 10),)})

    # More points than there are; a redemption of another day, customer and amount; one that is taken back.
    redeemed = (_redemption(1, FEBRUARY, 1, 300), _redemption(2, FEBRUARY, 4, 9_000))
    put("points_redemptions", FEBRUARY, {"a": redeemed}, {"a": (_redemption(1, JANUARY, 2, 10),)})
    put("points_redemptions", MAY, EMPTIED, {"a": (_redemption(2, MAY, 3, 50), _redemption(3, MAY, 1, 5))})

    landed = {Partition(*place): version for place, version in sorted(versions.items())}
    return History(
        final={partition: final for partition, (final, _) in landed.items()},
        earlier={partition: before for partition, (final, before) in landed.items() if final != before},
        as_of=date(2024, 5, 20),
        policy=Policy(
            margin_rates=(("dairy", 0.4), ("unknown", 0.1)), default_margin_rate=0.25, points_per_unit=1
        ),
        other_policy=Policy(
            margin_rates=(("toys", 0.7),), default_margin_rate=0.6, gold_bound=400, points_per_unit=0.5
        ),
        settings=(
            ("tier_window_months", 2),
            ("revenue_retention_window_months", 2),
            ("new_customer_months", 1),
            ("benchmark_min_peers", 2),
            ("default_lapsed_days", 40),
            ("min_group_answers", 1),
            ("min_team_size", 2),
            ("soft_landing", True),
            ("grace_months", 1),
            ("points_expiry_months", 2),
        ),
    )
