"""Why a customer left: five rules in order, each gives a reason and the ids of its evidence, or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from .feedback import Said, hours, repeats
from .history import Settings
from .lines import Line, between, by_category, end_of_day, net_of
from .wallet import Answer

Found = tuple[str, list[str]] | None

SERVICE_DRIVERS = ("service_quality", "service_experience", "relationship_interaction")


@dataclass(frozen=True)
class Known:
    """What is known of a customer's lapse."""

    last_purchase: date
    lapse: date
    back: date | None
    previous_back: date | None
    lines: list[Line]
    said: list[Said]
    surveys: list[Answer]
    topics: Mapping[str, str]
    settings: Settings
    as_of_date: date
    data_start: date

    def no_earlier(self, day: date) -> date:
        """All windows begin no earlier than the previous return."""
        return day if self.previous_back is None else max(day, self.previous_back)

    def reason_of(self, said: Said) -> str | None:
        """What the topic is mapped to; an unmapped topic says nothing."""
        return None if said.topic is None else self.topics.get(said.topic)


def said_so(known: Known) -> Found:
    """The latest exit interview from 30 days before the last purchase to the day before the return."""
    first = known.no_earlier(known.last_purchase - timedelta(days=known.settings.defection_said_days))
    last = known.as_of_date if known.back is None else known.back - timedelta(days=1)
    interviews = [s for s in known.said if s.kind == "exit_interview" and first <= s.day <= last]
    if not interviews:
        return None
    reason = known.reason_of(interviews[-1])
    return None if reason is None else (reason, [interviews[-1].feedback_id])


def complained(known: Known) -> Found:
    """The latest low answer, or complaint that stayed unresolved too long or was repeated, up to the lapse date."""
    settings = known.settings
    first = known.no_earlier(known.last_purchase - timedelta(days=settings.defection_complaint_days))
    end = end_of_day(known.as_of_date, settings.timezone)
    repeated = repeats(known.said, settings)
    serious = [
        s
        for s in known.said
        if first <= s.day <= known.lapse
        and (
            s.attitude == "low"
            or (
                s.kind == "complaint"
                and (
                    hours(s.at, s.resolved_at or end) > Fraction(str(settings.defection_unresolved_hours))
                    or s.feedback_id in repeated
                )
            )
        )
    ]
    if not serious:
        return None
    latest = serious[-1]
    reason = known.reason_of(latest) or ("service_problem" if latest.driver in SERVICE_DRIVERS else None)
    return None if reason is None else (reason, [latest.feedback_id])


def competitor(known: Known) -> Found:
    """Of the two latest surveys on the whole wallet, the later within 180 days before the lapse, our share fell."""
    surveys = [s for s in known.surveys if s["day"] <= known.lapse]  # type: ignore[operator]
    if len(surveys) < 2:
        return None
    (_, before), (day, now) = [(s["day"], s["share_or_none_left"]) for s in surveys[-2:]]
    first = known.no_earlier(known.lapse - timedelta(days=known.settings.defection_survey_days))
    # Where we are named without a rank, our share is not known.
    if day < first or before is None or now is None or now >= before:  # type: ignore[operator]
        return None
    earlier, later = surveys[-2:]
    return "competitor", [str(earlier["survey_id"]), str(later["survey_id"])]


def price(known: Known) -> Found:
    """At least half bought at a discount, and of late at most half as much a day as before."""
    late_from = known.no_earlier(known.last_purchase - timedelta(days=59))
    early_from = known.no_earlier(known.last_purchase - timedelta(days=179))
    window = between(known.lines, early_from, known.last_purchase)
    if net_of(window) <= 0 or early_from == late_from:
        return None
    discounted = net_of([line for line in window if line.is_discounted])
    late_days, early_days = (known.last_purchase - late_from).days + 1, (late_from - early_from).days
    late = net_of(between(window, late_from, known.last_purchase)) / late_days
    early = net_of(between(window, early_from, late_from - timedelta(days=1))) / early_days
    is_price = (
        discounted >= Fraction(str(known.settings.defection_discount_share)) * net_of(window)
        and late <= Fraction(str(known.settings.defection_price_spend_ratio)) * early
    )
    return ("price", []) if is_price else None


def habit_change(known: Known) -> Found:
    """Of late at most half the spend of the 180 days before, and a third of the categories gone."""
    late_from = known.no_earlier(known.last_purchase - timedelta(days=179))
    early_from = known.no_earlier(known.last_purchase - timedelta(days=359))
    early = between(known.lines, early_from, late_from - timedelta(days=1))
    late = between(known.lines, late_from, known.last_purchase)
    is_within_data = known.last_purchase - timedelta(days=359) >= known.data_start
    if not is_within_data or net_of(early) <= 0:
        return None
    before, after = (sum(net > 0 for net in by_category(part).values()) for part in (early, late))
    is_changed = (
        net_of(late) <= Fraction(str(known.settings.defection_habit_spend_ratio)) * net_of(early)
        and before > 0
        and Fraction(before - after, before) >= Fraction(str(known.settings.defection_habit_category_drop))
    )
    return ("habit_change", []) if is_changed else None


RULES: tuple[tuple[str, Callable[[Known], Found]], ...] = (
    ("said", said_so),
    ("inferred", complained),
    ("inferred", competitor),
    ("inferred", price),
    ("inferred", habit_change),
)
"""In their order, with the basis of what each says."""
