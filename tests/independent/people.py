"""Teams: whether staff stay, beside whether the customers of their stores do."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import pandas as pd

from .feedback import Said, at_quantile, rate
from .history import (
    Settings,
    first_day,
    is_complete,
    is_null,
    last_day,
    month_of,
)
from .lines import Ledger, end_of_day, local_day, moment

TEAMS = [
    "month", "team_id", "is_complete_month", "headcount_opening", "hired", "leavers", "headcount_closing",
    "turnover_rate_12m", "tenure_days_median", "enps", "enps_answers", "customers", "nps", "nps_answers",
    "retention_rate", "is_suppressed", "is_enps_suppressed",
]  # fmt: skip

ALL = "all"


@dataclass(frozen=True)
class Employee:
    """Employed from `hired_on` to `left_on`, both included."""

    team: str
    store: str | None
    hired_on: date
    left_on: date | None

    def is_there_after(self, day: date) -> bool:
        """Whether they are on the staff at the day's end: hired by then, and it was not their last day."""
        return self.hired_on <= day and (self.left_on is None or self.left_on > day)


def team_loyalty_monthly(
    employees: pd.DataFrame,
    employee_surveys: pd.DataFrame,
    said: list[Said],
    lines: Ledger,
    settings: Settings,
    as_of_date: date,
) -> pd.DataFrame:
    """Month x team, and `all`.

    Args:
        employees: employee_id, team_id, store_id, hired_on, left_on, and landed_on, the date of the list that says so;
            the newest list up to the as-of date holds.
        employee_surveys: team_id, surveyed_at, score.
        said: feedback, oldest first.
        lines: the customers' lines.
        settings: the smallest team.
        as_of_date: the run's date.
    """
    staff = newest(employees, as_of_date)
    if not staff:
        return pd.DataFrame(columns=TEAMS)
    scores = _scores(employee_surveys, settings, as_of_date)
    buyers = _buyers_by_store_and_month(lines)
    answers = defaultdict(list)
    for s in said:
        if s.kind == "nps" and s.is_answer and s.customer_id is not None:
            answers[s.month].append(s)
    members: dict[str, list[Employee]] = defaultdict(list)
    for employee in staff:
        members[employee.team].append(employee)
        members[ALL].append(employee)
    rows: list[dict] = []
    for team, _ in scores:
        members.setdefault(team, [])
    data_start = min((month_of(line.day) for sold in lines.values() for line in sold), default=0)
    for team, own in sorted(members.items()):
        asked_in = [month for name, month in scores if team in (name, ALL)]
        first = min([*(month_of(e.hired_on) for e in own), *asked_in])
        customers = _net_buyers(buyers, {e.store for e in own if e.store is not None})
        for month in range(max(first, data_start), month_of(as_of_date) + 1):
            asked = [
                s for (name, m), given in scores.items() if m == month and team in (name, ALL) for s in given
            ]
            there = customers.get(month, set())
            nps = [s.attitude for s in answers[month] if s.customer_id in there]
            rows.append(
                {
                    "month": first_day(month),
                    "team_id": team,
                    "is_complete_month": is_complete(month, as_of_date),
                    **_headcount(own, month, as_of_date, has_a_year=month - first >= 11),
                    "enps": rate(sum(s >= 9 for s in asked) - sum(s <= 6 for s in asked), len(asked)),
                    "enps_answers": len(asked),
                    "customers": len(there),
                    "nps": rate(nps.count("high") - nps.count("low"), len(nps)),
                    "nps_answers": len(nps),
                    "retention_rate": _retention(customers, month, as_of_date),
                }
            )
    # Where nobody ever is, or answers, there is no team.
    seen = {r["team_id"] for r in rows if r["headcount_opening"] or r["hired"] or r["enps_answers"]}
    rows = [row for row in rows if row["team_id"] in seen]
    _suppress(rows, settings)
    return pd.DataFrame(rows, columns=TEAMS).astype(object)


def newest(employees: pd.DataFrame, as_of_date: date) -> list[Employee]:
    """Each employee as the newest list says; who is hired after the as-of date is not there yet."""
    rows: dict[str, dict] = {}
    for row in sorted(employees.to_dict("records"), key=lambda row: row["landed_on"]):
        if row["landed_on"] <= as_of_date:
            rows[row["employee_id"]] = row
    return [
        Employee(
            team=row["team_id"],
            store=None if is_null(row["store_id"]) else row["store_id"],
            hired_on=row["hired_on"],
            left_on=None if is_null(row["left_on"]) or row["left_on"] > as_of_date else row["left_on"],
        )
        for row in rows.values()
        if row["hired_on"] <= as_of_date
    ]


def _scores(surveys: pd.DataFrame, settings: Settings, as_of_date: date) -> dict[tuple[str, int], list[int]]:
    """Scores by team and month."""
    scores: dict[tuple[str, int], list[int]] = defaultdict(list)
    end = end_of_day(as_of_date, settings.timezone)
    for row in surveys.to_dict("records"):
        at = moment(row["surveyed_at"])
        assert at is not None
        if at < end:
            month = month_of(local_day(at, settings.timezone))
            scores[row["team_id"], month].append(int(row["score"]))
    return scores


def _headcount(own: list[Employee], month: int, as_of_date: date, *, has_a_year: bool) -> dict[str, object]:
    """Opening + hired - leavers = closing; who leaves on the month's last day is no more in its closing."""
    opening, hired, leavers, closing = _movement(own, month, as_of_date)
    end = min(last_day(month), as_of_date)
    # A team younger than 12 months has no headcounts of 12 months.
    year = [_movement(own, m, as_of_date) for m in range(month - 11, month + 1)]
    average = Fraction(sum(first + last for first, _, _, last in year), 2 * 12)
    tenures = [(end - e.hired_on).days for e in own if e.is_there_after(end)]
    return {
        "headcount_opening": opening,
        "hired": hired,
        "leavers": leavers,
        "headcount_closing": closing,
        "turnover_rate_12m": float(sum(left for _, _, left, _ in year) / average)
        if average and has_a_year
        else None,
        "tenure_days_median": at_quantile(tenures, 0.5),
    }


def _movement(own: list[Employee], month: int, as_of_date: date) -> tuple[int, int, int, int]:
    first, end = first_day(month), min(last_day(month), as_of_date)
    opening = sum(e.is_there_after(first - timedelta(days=1)) for e in own)
    hired = sum(first <= e.hired_on <= end for e in own)
    leavers = sum(e.left_on is not None and first <= e.left_on <= end for e in own)
    closing = sum(e.is_there_after(end) for e in own)
    return opening, hired, leavers, closing


Buyers = dict[tuple[str, int], dict[str, Fraction]]


def _buyers_by_store_and_month(lines: Ledger) -> Buyers:
    """Net spend by customer in each store and month."""
    buyers: Buyers = defaultdict(lambda: defaultdict(Fraction))
    for who, own in lines.items():
        for line in own:
            if line.store_id is not None:
                buyers[line.store_id, month_of(line.day)][who] += line.net
    return buyers


def _net_buyers(buyers: Buyers, stores: set[str]) -> dict[int, set[str]]:
    """By month who bought for more than nothing in these stores together."""
    spent: dict[int, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for (store, month), by_customer in buyers.items():
        if store in stores:
            for who, net in by_customer.items():
                spent[month][who] += net
    return {month: {who for who, net in own.items() if net > 0} for month, own in spent.items()}


def _retention(customers: dict[int, set[str]], month: int, as_of_date: date) -> float | None:
    """Customers of the 3 months before who are there again in this month or the next two; complete only."""
    if not is_complete(month + 2, as_of_date):
        return None
    before, again = (
        set().union(*(customers.get(m, set()) for m in range(first, first + 3)))
        for first in (month - 3, month)
    )
    return rate(len(before & again), len(before))


def _suppress(rows: list[dict], settings: Settings) -> None:
    """Small teams show nothing of their people; nor does the next smallest where one alone could be had from `all`."""
    least = settings.min_team_size
    months: dict[date, list[dict]] = defaultdict(list)
    for row in rows:
        months[row["month"]].append(row)
    for own in months.values():
        staffed = [row for row in own if row["headcount_closing"] > 0]
        small = {row["team_id"] for row in staffed if row["headcount_closing"] < least}
        small = _hidden(staffed, small, "headcount_closing")
        # One that is empty has nothing to hide, and gives nothing away.
        small |= {row["team_id"] for row in own if row["headcount_closing"] == 0}
        asked = [row for row in own if row["enps_answers"] > 0]
        few = {row["team_id"] for row in asked if row["enps_answers"] < least or row["team_id"] in small}
        few = _hidden(asked, few, "enps_answers")
        for row in own:
            row["is_suppressed"] = row["team_id"] in small
            row["is_enps_suppressed"] = row["team_id"] in few
            if row["is_suppressed"]:
                row["tenure_days_median"] = row["turnover_rate_12m"] = None
            if row["team_id"] in small | few:
                row["enps"] = None


def _hidden(own: list[dict], hidden: set[str], size: str) -> set[str]:
    """The hidden ones; where that is one team alone, the next smallest too, or `all` where there is no other."""
    if len(hidden - {ALL}) != 1:
        return hidden
    others = sorted((row[size], row["team_id"]) for row in own if row["team_id"] not in hidden | {ALL})
    return hidden | {others[0][1] if others else ALL}
