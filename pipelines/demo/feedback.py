"""Simulated feedback: answers, complaints, suggestions and exit interviews that follow real behaviour.

A household's mood is a lasting attitude plus where its spending goes: one that is about to buy less answers
lower and complains more. All of it is made up from a fixed seed and marked `simulated`; none of it is a
finding about the shop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipelines.demo.feedback_topics import COMPLAINT_SHARES, EXITS, OTHER_SHARES, TOPIC_NAMES, TOPICS
from pipelines.demo.simulate import DAY, SIMULATED, Draws, fetch_columns
from pipelines.demo.source import FIRST_DATE, LAST_DATE, SKIPPED_HOUR
from pipelines.quoting import ident

if TYPE_CHECKING:
    import duckdb

    from pipelines.demo.simulate import Floats, Ints

WEEKS = 53
_YEAR_SECONDS = ((LAST_DATE - FIRST_DATE).days + 1) * DAY

# bounds of the mood between the scores 0 to 10 and 1 to 5: about 38 % promoters and 22 % detractors
_NPS_BOUNDS = np.array([0.09, 0.14, 0.17, 0.21, 0.25, 0.30, 0.365, 0.44, 0.555, 0.675])
_CSAT_BOUNDS = np.array([0.19, 0.285, 0.40, 0.57])


@dataclass
class _Rows:
    """Feedback as it grows, one list per column; times are seconds since the first date's local midnight."""

    household: list[int | None] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    score: list[int | None] = field(default_factory=list)
    driver: list[str | None] = field(default_factory=list)
    topic: list[str] = field(default_factory=list)
    channel: list[str] = field(default_factory=list)
    comment: list[str | None] = field(default_factory=list)

    def add(
        self,
        household: int | None,
        at: int,
        kind: str,
        score: int | None,
        driver: str | None,
        topic: str,
        channel: str,
        comment: str | None,
    ) -> None:
        """Keep a row if it was given within the year."""
        if at < _YEAR_SECONDS:
            for column, value in zip(
                (
                    self.household,
                    self.at,
                    self.kind,
                    self.score,
                    self.driver,
                    self.topic,
                    self.channel,
                    self.comment,
                ),
                (household, at, kind, score, driver, topic, channel, comment),
                strict=True,
            ):
                column.append(value)  # type: ignore[attr-defined]


def _momentum(spend: Ints) -> Floats:
    """Household × week: where spending goes, 0 (stops) to 1 (starts), 0.5 unchanged.

    Compares the average week from 3 weeks back to 8 weeks ahead with the one from 16 to 4 weeks back.
    """
    total = np.concatenate([np.zeros((len(spend), 1), dtype=np.int64), spend.cumsum(axis=1)], axis=1)
    result = np.full(spend.shape, 0.5)
    for week in range(4, WEEKS):
        recent_from, recent_to = week - 3, min(week + 9, WEEKS)
        base_from, base_to = max(week - 16, 0), week - 3
        recent = (total[:, recent_to] - total[:, recent_from]) / (recent_to - recent_from)
        base = (total[:, base_to] - total[:, base_from]) / (base_to - base_from)
        known = base > 0
        result[known, week] = recent[known] / (recent[known] + base[known])
    return result


def _answers(rows: _Rows, baskets: dict[str, Ints], mood: Floats) -> None:
    """NPS and CSAT answers after a purchase."""
    draws = Draws("answers")
    count = len(mood)
    which = draws.uniform(count)
    felt = mood + 0.25 * (draws.uniform(count) - 0.5)
    topics = draws.pick(OTHER_SHARES, count)
    wait, minute, says = draws.uniform(count), draws.uniform(count), draws.uniform(count)
    for i in np.flatnonzero(which < 0.0225):
        household, at = int(baskets["household_id"][i]), int(baskets["second"][i])
        topic = TOPIC_NAMES[topics[i]]
        driver, content, discontent = TOPICS[topic]
        if which[i] < 0.012:
            score = int(np.searchsorted(_NPS_BOUNDS, felt[i], side="right"))
            at = (at // DAY + 1 + int(wait[i] * 4)) * DAY + 9 * 3600 + int(minute[i] * 11 * 3600)
            comment = (content if score >= 8 else discontent) if says[i] < 0.3 else None
            rows.add(household, at, "nps", score, driver, topic, "email", comment)
        else:
            score = 1 + int(np.searchsorted(_CSAT_BOUNDS, felt[i], side="right"))
            comment = (content if score >= 4 else discontent) if says[i] < 0.2 else None
            rows.add(household, at + 1800 + int(wait[i] * 9000), "csat", score, driver, topic, "app", comment)


def _voices(rows: _Rows, baskets: dict[str, Ints], mood: Floats) -> None:
    """Complaints, some of them repeated, suggestions and praise."""
    draws = Draws("voices")
    count = len(mood)
    unhappy = np.maximum(0.5 - mood, 0)
    complains = draws.uniform(count) < 0.0025 + 0.02 * unhappy
    other = draws.uniform(count)
    topics, other_topics = draws.pick(COMPLAINT_SHARES, count), draws.pick(OTHER_SHARES, count)
    channels = draws.pick((0.35, 0.25, 0.2, 0.2), count)
    wait, again, later, anonymous = (draws.uniform(count) for _ in range(4))
    names = ("shop", "phone", "email", "app")
    for i in np.flatnonzero(complains | (other < 0.003)):
        household, at = (
            int(baskets["household_id"][i]),
            int(baskets["second"][i]) + 900 + int(wait[i] * wait[i] * 172_800),
        )
        channel = names[channels[i]]
        if complains[i]:
            topic = TOPIC_NAMES[topics[i]]
            driver, _, sentence = TOPICS[topic]
            rows.add(household, at, "complaint", None, driver, topic, channel, sentence)
            if again[i] < 0.09:
                rows.add(
                    household,
                    at + (5 + int(later[i] * 70)) * DAY,
                    "complaint",
                    None,
                    driver,
                    topic,
                    channel,
                    sentence,
                )
            continue
        topic = TOPIC_NAMES[other_topics[i]]
        driver, content, discontent = TOPICS[topic]
        kind, sentence = ("suggestion", discontent) if other[i] < 0.0018 else ("praise", content)
        rows.add(None if anonymous[i] < 0.05 else household, at, kind, None, driver, topic, channel, sentence)


def _exits(rows: _Rows, last: dict[str, Ints]) -> None:
    """Interviews with some households that stopped buying at least two months before the year's end."""
    draws = Draws("exits")
    count = len(last["household_id"])
    asked, wait, minute = draws.uniform(count), draws.uniform(count), draws.uniform(count)
    reasons = draws.pick([share for share, _, _ in EXITS.values()], count)
    gone = last["second"] < _YEAR_SECONDS - 60 * DAY
    for i in np.flatnonzero(gone & (asked < 0.3)):
        topic = tuple(EXITS)[reasons[i]]
        _, driver, sentence = EXITS[topic]
        at = (
            (int(last["second"][i]) // DAY + 20 + int(wait[i] * 35)) * DAY
            + 9 * 3600
            + int(minute[i] * 9 * 3600)
        )
        rows.add(int(last["household_id"][i]), at, "exit_interview", None, driver, topic, "phone", sentence)


def _handled(rows: _Rows) -> dict[str, list[int | None]]:
    """First response, resolution and outcome told of complaints, in seconds as `at`, in this order."""
    draws = Draws("handling")
    count = len(rows.at)
    u = [draws.uniform(count) for _ in range(6)]
    responded: list[int | None] = [None] * count
    resolved: list[int | None] = [None] * count
    told: list[int | None] = [None] * count
    for i, kind in enumerate(rows.kind):
        if kind != "complaint" or u[0][i] >= 0.94:
            continue
        first = rows.at[i] + 900 + int(70 * 3600 * u[1][i] * u[1][i] * u[1][i])
        responded[i] = first
        if u[2][i] < 0.92:
            end = first + 3600 + int(220 * 3600 * u[3][i] * u[3][i])
            resolved[i] = end
            if u[4][i] < 0.86:
                told[i] = end + 600 + int(60 * 3600 * u[5][i] * u[5][i])
    return {"responded": responded, "resolved": resolved, "told": told}


def _clock(column: str) -> str:
    moment = f"timestamp '{FIRST_DATE}' + to_seconds({ident(column)})"
    skipped = f"date_trunc('hour', {moment}) = timestamp '{SKIPPED_HOUR}'"
    return f"case when {skipped} then {moment} + interval 1 hour else {moment} end"


# A night's export holds what was known at that day's end: a complaint comes again when it is answered,
# resolved, told.
_NIGHTS = f"""
create table demo_feedback as
with given as (
    select
        'fb-' || lpad(cast(row_number() over (order by "at", "position") as varchar), 6, '0') as feedback_id,
        cast(household as varchar) as customer_id,
        {_clock("at")} as feedback_at,
        kind, score, driver, topic, channel, comment as comment_text,
        {_clock("responded")} as responded_at,
        {_clock("resolved")} as resolved_at,
        {_clock("told")} as outcome_told_at,
    from simulated_feedback
),

nights as (
    select distinct feedback_id, cast(moment as date) as landing_date
    from (
        select feedback_id, unnest([feedback_at, responded_at, resolved_at, outcome_told_at]) as moment
        from given
    )
    where moment is not null and moment < timestamp '{LAST_DATE}' + interval 1 day
)

select
    landing_date,
    given.* replace (
        case when cast(responded_at as date) <= landing_date then responded_at end as responded_at,
        case when cast(resolved_at as date) <= landing_date then resolved_at end as resolved_at,
        case when cast(outcome_told_at as date) <= landing_date then outcome_told_at end as outcome_told_at
    ),
    '{SIMULATED}' as source_system,
from given
inner join nights using (feedback_id)
order by landing_date, feedback_at, feedback_id
"""


def create_feedback(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `demo_feedback` from `lines`: one row per feedback and night with news of it."""
    weekly = fetch_columns(
        connection,
        f"select household_id, (business_date - date '{FIRST_DATE}') // 7 as week, "
        "cast(sum(net_cents) as bigint) as cents from lines group by all",
    )
    households = np.unique(weekly["household_id"])
    spend = np.zeros((len(households), WEEKS), dtype=np.int64)
    spend[np.searchsorted(households, weekly["household_id"]), weekly["week"]] = weekly["cents"]
    baskets = fetch_columns(
        connection,
        f"select household_id, cast(epoch(local_at - timestamp '{FIRST_DATE}') as bigint) as second "
        "from (select distinct household_id, local_at, basket_id from lines) order by second, basket_id",
    )
    last = fetch_columns(
        connection,
        f"select household_id, cast(epoch(max(local_at) - timestamp '{FIRST_DATE}') as bigint) as second "
        "from lines group by household_id order by household_id",
    )
    attitude = Draws("attitude").bell(len(households))
    position = np.searchsorted(households, baskets["household_id"])
    week = baskets["second"] // (7 * DAY)
    mood = attitude[position] + (_momentum(spend)[position, week] - 0.5)
    rows = _Rows()
    _answers(rows, baskets, mood)
    _voices(rows, baskets, mood)
    _exits(rows, last)
    table = pa.table(
        {
            "position": pa.array(range(len(rows.at)), pa.int64()),
            **{name: pa.array(getattr(rows, name), pa.int64()) for name in ("household", "at", "score")},
            **{
                name: pa.array(getattr(rows, name), pa.string())
                for name in ("kind", "driver", "topic", "channel", "comment")
            },
            **{name: pa.array(values, pa.int64()) for name, values in _handled(rows).items()},
        }
    )
    connection.register("simulated_feedback", table)
    connection.execute(_NIGHTS)
    connection.unregister("simulated_feedback")
