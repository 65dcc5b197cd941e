"""The voice of the customer: what was said, the monthly summary, the causes of complaints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from math import sqrt

import pandas as pd

from .history import Settings, first_day, is_complete, is_null, last_day, month_of, quantile
from .intervals import net_promoter
from .lines import end_of_day, local_day, moment

SUMMARY = [
    "month", "dimension", "value", "is_complete_month", "feedback_count", "nps_answers", "promoters", "passives",
    "detractors", "nps", "nps_ci_low", "nps_ci_high", "csat_answers", "csat_satisfied", "csat_rate", "complaints",
    "suggestions", "praises", "exit_interviews", "responded", "response_hours_median", "response_hours_p90", "resolved",
    "open_complaints", "resolution_hours_median", "resolution_hours_p90", "outcomes_told", "loop_closed_rate",
    "repeat_complaints", "repeat_complaint_rate", "unhappy_customers", "estimated_silent_unhappy", "estimated_reached",
]  # fmt: skip
CAUSES = [
    "month", "topic", "complaints_12m", "share", "cumulative_share", "recent", "expected_recent", "z", "is_rising",
]  # fmt: skip

RISING_Z, RISING_LEAST = 2.326, 10


@dataclass(frozen=True)
class Said:
    """One feedback as it is known on the as-of date; moments are UTC, `day` is the business date."""

    feedback_id: str
    customer_id: str | None
    at: datetime
    day: date
    kind: str
    score: int | None
    driver: str | None
    topic: str | None
    channel: str | None
    responded_at: datetime | None
    resolved_at: datetime | None
    outcome_told_at: datetime | None

    @property
    def is_answer(self) -> bool:
        """Feedback of kind `nps` or `csat` with a score."""
        return self.kind in ("nps", "csat") and self.score is not None

    @property
    def attitude(self) -> str | None:
        """High: NPS 9-10 or CSAT 4-5; low: NPS 0-6 or CSAT 1-2; else middle."""
        if not self.is_answer or self.score is None:
            return None
        least_high, most_low = (9, 6) if self.kind == "nps" else (4, 2)
        return "high" if self.score >= least_high else "low" if self.score <= most_low else "middle"

    @property
    def score_100(self) -> int:
        """NPS x 10, CSAT (score - 1) x 25."""
        assert self.score is not None, "no answer"
        return self.score * 10 if self.kind == "nps" else (self.score - 1) * 25

    @property
    def month(self) -> int:
        return month_of(self.day)


def heard(feedback: pd.DataFrame, settings: Settings, as_of_date: date) -> list[Said]:
    """The feedback up to the as-of date by (`feedback_at`, `feedback_id`); later responses are none yet."""
    end = end_of_day(as_of_date, settings.timezone)
    said = []
    for row in feedback.to_dict("records"):
        at = moment(row["feedback_at"])
        assert at is not None
        if at >= end:
            continue
        moments = {name: moment(row[name]) for name in ("responded_at", "resolved_at", "outcome_told_at")}
        texts = {
            name: None if is_null(row[name]) else row[name]
            for name in ("feedback_id", "customer_id", "kind", "driver", "topic", "channel")
        }
        said.append(
            Said(
                **texts,
                at=at,
                day=local_day(at, settings.timezone),
                score=None if is_null(row["score"]) else int(row["score"]),
                **{name: m if m is not None and m < end else None for name, m in moments.items()},
            )
        )
    return sorted(said, key=lambda s: (s.at, s.feedback_id))


def repeats(said: list[Said], settings: Settings) -> set[str]:
    """Complaints with an earlier one of the same known customer and topic at most 90 days (business dates) before."""
    found, before = set(), defaultdict(list)
    for s in said:
        if s.kind != "complaint" or s.customer_id is None or s.topic is None:
            continue
        days = before[s.customer_id, s.topic]
        if any((s.day - day).days <= settings.repeat_complaint_days for day in days):
            found.add(s.feedback_id)
        days.append(s.day)
    return found


def tiers_by_month(tiers: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Tier by customer and month, `lapsed` too."""
    return {(row["customer_id"], month_of(row["month"])): row["tier"] for row in tiers.to_dict("records")}


def feedback_summary_monthly(
    said: list[Said], tiers: pd.DataFrame, settings: Settings, as_of_date: date
) -> pd.DataFrame:
    """Month x dimension x value, in every month from the pair's first feedback to the as-of month."""
    held, repeated = tiers_by_month(tiers), repeats(said, settings)
    pairs: dict[tuple[str, str], dict[int, list[Said]]] = defaultdict(lambda: defaultdict(list))
    for s in said:
        tier = "anonymous" if s.customer_id is None else held.get((s.customer_id, s.month), "none")
        values = {
            "all": "all",
            "tier": tier,
            "driver": s.driver or "unknown",
            "topic": s.topic or "unknown",
            "channel": s.channel or "unknown",
        }
        for pair in values.items():
            pairs[pair][s.month].append(s)
    rows = []
    for (dimension, value), months in sorted(pairs.items()):
        for month in range(min(months), month_of(as_of_date) + 1):
            key = (first_day(month), dimension, value, is_complete(month, as_of_date))
            rows.append((*key, *_figures(months.get(month, []), repeated, settings)))
    return pd.DataFrame(rows, columns=SUMMARY)


def _figures(said: list[Said], repeated: set[str], settings: Settings) -> tuple[object, ...]:
    """The figures of one month and group, in the order of the columns."""
    nps = [s.attitude for s in said if s.kind == "nps" and s.is_answer]
    csat = [s.attitude for s in said if s.kind == "csat" and s.is_answer]
    promoters, detractors = nps.count("high"), nps.count("low")
    count = {
        kind: sum(s.kind == kind for s in said)
        for kind in ("complaint", "suggestion", "praise", "exit_interview")
    }
    complaints = [s for s in said if s.kind == "complaint"]
    waiting = [s for s in said if s.kind in ("complaint", "suggestion")]
    response = [hours(s.at, s.responded_at) for s in waiting if s.responded_at is not None]
    resolution = [hours(s.at, s.resolved_at) for s in complaints if s.resolved_at is not None]
    told = sum(s.outcome_told_at is not None for s in complaints)
    again = sum(s.feedback_id in repeated for s in complaints)
    can_repeat = sum(s.customer_id is not None and s.topic is not None for s in complaints)
    unhappy = {s.customer_id for s in said if s.kind == "complaint" or s.attitude == "low"} - {None}
    return (
        len(said),
        len(nps),
        promoters,
        nps.count("middle"),
        detractors,
        rate(promoters - detractors, len(nps)),
        *net_promoter(promoters, detractors, len(nps)),
        len(csat),
        csat.count("high"),
        rate(csat.count("high"), len(csat)),
        count["complaint"],
        count["suggestion"],
        count["praise"],
        count["exit_interview"],
        len(response),
        at_quantile(response, 0.5),
        at_quantile(response, 0.9),
        len(resolution),
        len(complaints) - len(resolution),
        at_quantile(resolution, 0.5),
        at_quantile(resolution, 0.9),
        told,
        rate(told, len(complaints)),
        again,
        rate(again, can_repeat),
        len(unhappy),
        len(complaints) * settings.silent_per_complaint,
        len(unhappy) * settings.reached_per_unhappy,
    )


def hours(start: datetime, end: datetime | None) -> Fraction:
    """Hours are seconds / 3600."""
    assert end is not None
    gone = end - start
    return Fraction(gone.days * 86_400 + gone.seconds) / 3600 + Fraction(gone.microseconds, 3_600_000_000)


def rate(part: int, whole: int, least: int = 1) -> float | None:
    """A rate over nothing is null, and one over fewer than `least` where groups are compared."""
    return part / whole if whole >= max(least, 1) else None


def at_quantile(values: Iterable[Fraction | int], q: float) -> float | None:
    values = list(values)
    return float(quantile(values, q)) if values else None


def complaint_causes_monthly(said: list[Said], as_of_date: date) -> pd.DataFrame:
    """Month x topic with a complaint in the 12 months ending with it, most first.

    Complete months whose window begins no earlier than the month of the first feedback.
    """
    rows: list[tuple[object, ...]] = []
    complaints = [s for s in said if s.kind == "complaint"]
    start = min((s.month for s in said), default=month_of(as_of_date))
    for month in range(start + 11, month_of(as_of_date) + 1):
        if not is_complete(month, as_of_date):
            continue
        window = [s for s in complaints if month - 12 < s.month <= month]
        days = (last_day(month) - first_day(month - 11)).days + 1
        recent_days = (last_day(month) - first_day(month - 2)).days + 1
        part = Fraction(recent_days, days)
        topics: dict[str, list[Said]] = defaultdict(list)
        for s in window:
            topics[s.topic or "unknown"].append(s)
        so_far = 0
        for topic, own in sorted(topics.items(), key=lambda item: (-len(item[1]), item[0])):
            so_far += len(own)
            recent = sum(s.month > month - 3 for s in own)
            expected = len(own) * part
            z = float(recent - expected) / sqrt(expected * (1 - part))
            rows.append(
                (
                    first_day(month),
                    topic,
                    len(own),
                    len(own) / len(window),
                    so_far / len(window),
                    recent,
                    float(expected),
                    z,
                    z >= RISING_Z and recent >= RISING_LEAST,
                )
            )
    return pd.DataFrame(rows, columns=CAUSES)
