"""Random feedback, contacts and staff: any of it may come late, again, or for another customer, team or store."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from hypothesis import strategies as st

from tests.soak.purity.landing import Row

LATE = (0, 0, 0, 1, 14, 31, 100)
"""Days between a thing and the file it comes in."""

CUSTOMERS = [f"c{n}" for n in range(1, 6)]
DRIVERS = ["service_quality", "added_value", None]


def at(day: date, late: int, hour: int = 10) -> datetime:
    """The moment of a thing that comes so many days late in a date's file."""
    return datetime.combine(day - timedelta(days=late), time(hour))


def feedback(day: date) -> st.SearchStrategy[Row]:
    def row(
        number: int,
        customer: str | None,
        late: int,
        kind: str,
        score: int,
        topic: str | None,
        waits: list[int],
    ) -> Row:
        given = at(day, late)
        moments = dict(zip(("responded_at", "resolved_at", "outcome_told_at"), waits, strict=False))
        return {
            "feedback_id": f"f{number}",
            "customer_id": customer,
            "feedback_at": given,
            "kind": kind,
            "score": {"nps": score, "csat": score % 5 + 1}.get(kind),
            "driver": DRIVERS[number % 3],
            "topic": topic,
            "channel": "shop" if number % 2 else None,
            # Hours, or so many days that most as-of dates are over before.
            **{name: given + timedelta(hours=wait) for name, wait in moments.items()},
        }

    return st.builds(
        row,
        st.integers(1, 9),
        st.sampled_from([*CUSTOMERS, "c7", None]),
        st.sampled_from(LATE),
        st.sampled_from(["nps", "csat", "complaint", "complaint", "suggestion", "exit_interview"]),
        st.integers(0, 10),
        st.sampled_from(["price", "price", "moved_away", "weather", None]),
        st.lists(st.sampled_from([2, 168, 169, 24 * 40, 24 * 200]), max_size=3).map(sorted),
    )


def interactions(day: date) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda number, customer, late, direction, kind: {
            "interaction_id": f"i{number}",
            "customer_id": customer,
            "interaction_at": at(day, late),
            "direction": direction,
            "kind": kind,
        },
        st.integers(1, 5),
        st.sampled_from([*CUSTOMERS, "c8"]),
        st.sampled_from(LATE),
        st.sampled_from(["inbound", "outbound"]),
        st.sampled_from(["call", "campaign_mailing"]),
    )


def employees(day: date) -> st.SearchStrategy[Row]:
    # A team moves when one date's list names another store than the one before; who is hired may be yet to come.
    return st.builds(
        lambda number, team, store, hired, stays: {
            "employee_id": f"e{number}",
            "team_id": team,
            "store_id": store,
            "hired_on": day - timedelta(days=hired),
            "left_on": None if stays is None else day - timedelta(days=hired) + timedelta(days=stays),
        },
        st.integers(1, 6),
        st.sampled_from(["t1", "t1", "t2"]),
        st.sampled_from(["s1", "s2", None]),
        st.sampled_from([400, 40, 0, -20]),
        st.sampled_from([None, None, 0, 60]),
    )


def employee_surveys(day: date) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda number, team, late, score: {
            "survey_id": f"e{number}",
            "team_id": team,
            "surveyed_at": at(day, late),
            "score": score,
        },
        st.integers(1, 6),
        st.sampled_from(["t1", "t2", "t3"]),
        st.sampled_from(LATE),
        st.integers(0, 10),
    )
