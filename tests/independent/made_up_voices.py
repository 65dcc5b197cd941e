"""Made-up feedback, contacts and staff around made-up purchases, with days exactly at and beyond each bound."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any

Row = dict[str, Any]

TOPICS = [
    "service_problem",
    "price",
    "inconvenience",
    "moved_away",
    "competitor",
    "habit_change",
    "weather",
    None,
]
DRIVERS = [
    "service_quality",
    "service_experience",
    "relationship_interaction",
    "shared_ideas",
    "added_value",
    None,
]
KINDS = [
    "nps",
    "nps",
    "nps",
    "csat",
    "csat",
    "complaint",
    "complaint",
    "suggestion",
    "praise",
    "exit_interview",
]
OFFSETS = [-91, -90, -89, -31, -30, -29, -1, 0, 0, 1, 2, 5, 9, 29, 30, 31, 60, 90, 91, 180, 181, 240]
"""Days from a purchase."""
WAITS = [
    timedelta(hours=168),
    timedelta(hours=168, seconds=1),
    timedelta(hours=2),
    timedelta(days=3),
    timedelta(days=400),
]
STORES = ["s1", "s2", "s3", "s4", None]
MERGED = {"c03": "c04", "c13": "c14", "c22": "c23", "c23": "c24"}
"""Of the customers with these numbers, one turns out to be two or three."""


def with_shops(draw: random.Random, lines: list[Row]) -> list[Row]:
    """The lines with a store and a discount; some customers buy hardly anything else than offers, and of late less."""
    fond: dict[str | None, float] = defaultdict(lambda: draw.choice([0.1, 0.2, 0.5, 0.9]))
    return [
        line
        | {
            "store_id": draw.choice(STORES[:2] if (line["customer_id"] or "") < "c30" else STORES),
            "discount_amount": draw.choice(["0.5", "1.25"])
            if draw.random() < fond[line["customer_id"]]
            else draw.choice([None, "0"]),
        }
        for line in lines
    ]


def surveys_of_all(draw: random.Random, lines: list[Row]) -> list[Row]:
    """Two or three surveys on the whole wallet of some customers; we fall, rise, are ranked no more, or named no more."""
    rows: list[Row] = []
    for who, days in _days(lines).items():
        for wave in range(draw.choice([0, 0, 2, 3])):
            moment = datetime.combine(draw.choice(days) + timedelta(days=draw.choice(OFFSETS)), time(9))
            brands = draw.sample(["ours", "B", "C", "D"], draw.choice([2, 3, 4]))
            rows += [
                {
                    "survey_id": f"all-{who}-{wave}",
                    "category": "all",
                    "brand": brand,
                    "customer_id": who,
                    "surveyed_at": moment,
                    "is_own_brand": brand == "ours",
                    "preference_rank": str(rank),
                    "declared_wallet": None,
                }
                for rank, brand in enumerate(brands, start=1)
            ]
    return rows


def feedback(draw: random.Random, lines: list[Row], ends: list[date]) -> list[Row]:
    """Feedback around purchases and around the ends of the as-of dates, nobody's and strangers' too."""
    given: list[tuple[str | None, datetime, Row]] = []
    for who, days in _days(lines).items():
        for _ in range(draw.choice([0, 2, 5, 12])):
            day = draw.choice(days) + timedelta(days=draw.choice(OFFSETS))
            kind = draw.choice(KINDS)
            about = _about(draw, kind)
            given.append((who, _clock(draw, day), about))
            if kind == "complaint":
                for again in draw.choice([[], [], [90], [91], [3, 93]]):
                    given.append((who, _clock(draw, day + timedelta(days=again)), dict(about)))
    for end in ends:
        for back in (365, 366, 181, 180, 91, 90, 89, 1, 0):
            for who in (None, "stranger", *draw.sample(sorted(_days(lines)), 6)):
                given.append(
                    (who, _clock(draw, end - timedelta(days=back)), _about(draw, draw.choice(KINDS)))
                )
    # Two who turn out to be one complain of the same thing.
    for who, other in MERGED.items():
        about = {"kind": "complaint", "score": None, "driver": None, "topic": "price", "channel": "shop"}
        day = ends[0] - timedelta(days=120)
        given += [(who, _clock(draw, day), about), (other, _clock(draw, day + timedelta(days=40)), about)]
    rows = []
    for number, (who, at, about) in enumerate(given):
        row = {"feedback_id": f"f{number}", "customer_id": who, "feedback_at": at, **about}
        rows.append(row | _handled(draw, at, ends))
    return [row for row in rows if row["feedback_at"].date() <= ends[0]]


def _about(draw: random.Random, kind: str) -> Row:
    bounds = {"nps": (0, 10), "csat": (1, 5)}.get(kind)
    return {
        "kind": kind,
        "score": draw.randint(*bounds) if bounds else None,
        "driver": draw.choice(DRIVERS),
        "topic": draw.choice(TOPICS),
        "channel": draw.choice(["shop", "email", None]),
    }


def _clock(draw: random.Random, day: date) -> datetime:
    """A local moment of the day, also its first and last."""
    return datetime.combine(day, draw.choice([time(0), time(9, 30), time(14, 7, 5), time(23, 59, 59)]))


def _handled(draw: random.Random, at: datetime, ends: list[date]) -> Row:
    """Response, resolution and outcome, some of them exactly at the end of an as-of date or after it."""
    row: Row = dict.fromkeys(("responded_at", "resolved_at", "outcome_told_at"))
    for name in row:
        if draw.random() < 0.3:
            break
        midnight = datetime.combine(draw.choice(ends) + timedelta(days=1), time(0))
        at = max(at, draw.choice([at + draw.choice(WAITS)] * 8 + [midnight, midnight - timedelta(seconds=1)]))
        row[name] = at
    return row


def interactions(draw: random.Random, lines: list[Row]) -> list[Row]:
    """Contacts around purchases and in silences."""
    rows: list[Row] = []
    for who, days in _days(lines).items():
        for _ in range(draw.choice([0, 3, 9])):
            day = draw.choice(days) + timedelta(days=draw.choice([*OFFSETS, 61, 62, 92, 100, 122, 123, 300]))
            rows.append(
                {
                    "interaction_id": f"i{len(rows)}",
                    "customer_id": who,
                    "interaction_at": _clock(draw, day),
                    "direction": draw.choice(["outbound", "outbound", "inbound"]),
                    "channel": None,
                    "kind": draw.choice(["call", "message", "visit", "campaign_mailing"]),
                }
            )
    return rows


def staff(draw: random.Random, start: date, moved_on: date) -> dict[date, list[Row]]:
    """Lists of employees by the date of the list: in the later one, a team has moved and some have left or come."""
    homes = {"t1": "s1", "t2": "s2", "t3": "s2", "t4": "s3", "t5": None}
    first: list[Row] = []
    for team, size in zip(homes, (9, 6, 4, 7, 3), strict=True):
        for _ in range(size):
            hired = start + timedelta(days=draw.randrange(-200, 400))
            stays = draw.choice([None, None, 0, 40, 300, 700])
            first.append(
                {
                    "employee_id": f"e{len(first)}",
                    "team_id": team,
                    "store_id": homes[team],
                    "hired_on": hired,
                    "left_on": None if stays is None else _month_end(hired + timedelta(days=stays), draw),
                }
            )
    later = [row | {"store_id": "s4"} for row in first if row["team_id"] == "t2"]
    later += [row | {"team_id": "t3"} for row in first if row["team_id"] == "t1"][:2]
    later += [row | {"left_on": moved_on} for row in first if row["team_id"] == "t4" and not row["left_on"]][
        :2
    ]
    later.append(first[0] | {"employee_id": "late", "hired_on": moved_on, "left_on": None})
    return {start: first, moved_on: later}


def _month_end(day: date, draw: random.Random) -> date:
    """The day, or the last or first one of a month near it."""
    first = day.replace(day=1) + timedelta(days=32)
    first = first.replace(day=1)
    return draw.choice([day, first, first - timedelta(days=1)])


def staff_surveys(draw: random.Random, start: date, days: int) -> list[Row]:
    """Waves of answers, by team few or many; one team has no employees."""
    rows: list[Row] = []
    for wave in range(60, days, 75):
        for team in ("t1", "t2", "t3", "t4", "t5", "t9"):
            for _ in range(draw.choice([0, 1, 4, 5, 6, 9])):
                rows.append(
                    {
                        "survey_id": f"es{len(rows)}",
                        "team_id": team,
                        "surveyed_at": _clock(draw, start + timedelta(days=wave + draw.randrange(9))),
                        "score": draw.randint(0, 10),
                    }
                )
    return rows


def _days(lines: list[Row]) -> dict[str, list[date]]:
    """Days with a line by customer, nobody left out."""
    days: dict[str, list[date]] = defaultdict(list)
    for line in lines:
        if line["customer_id"] is not None:
            days[line["customer_id"]].append(line["transaction_at"].date())
    return dict(days)
