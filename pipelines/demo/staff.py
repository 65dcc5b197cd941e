"""Simulated staff: who works in which team, what they answer when asked, and whose customers the best households are.

A team has a spirit of its own: where it is low, more people leave and fewer recommend working here. The last team is
so small that its figures are never shown. All of it is made up and marked `simulated`; the numbers of employees
begin with that word, as a customer's account manager stands on a row that is otherwise real.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipelines.demo.simulate import SIMULATED, Draws, fetch_columns
from pipelines.demo.source import FIRST_DATE, LAST_DATE

if TYPE_CHECKING:
    import duckdb

TEAMS = 12
STORES_PER_TEAM = 3
SMALLEST, LARGEST = 6, 15
TINY = 3
"""People of the last team."""

WAVES = (date(2017, 3, 6), date(2017, 9, 11))
"""First day of each survey of staff; it takes five days."""

ANSWER_RATE = 0.85
MANAGERS = 8
MANAGED_HOUSEHOLDS = 120
"""Of the households that spend most in the year."""

_YEAR_DAYS = (LAST_DATE - FIRST_DATE).days
_SCORE_BOUNDS = np.array([0.08, 0.12, 0.16, 0.20, 0.25, 0.30, 0.36, 0.45, 0.56, 0.70])


@dataclass(frozen=True)
class Employee:
    """One of the staff; `spirit` is the team's, 0 to 1."""

    employee_id: str
    team_id: str
    store_id: str
    hired_on: date
    left_on: date | None
    spirit: float

    def works_on(self, day: date) -> bool:
        """Whether this is a day of employment."""
        return self.hired_on <= day and (self.left_on is None or day <= self.left_on)


def _stores(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The stores that sell most, first the largest."""
    found = fetch_columns(
        connection,
        "select store_id from lines group by store_id "
        f"order by sum(net_cents) desc, store_id limit {TEAMS * STORES_PER_TEAM}",
    )
    return [str(store) for store in found["store_id"]]


def staff(connection: duckdb.DuckDBPyConnection) -> list[Employee]:
    """Everyone who works in the year; who leaves is mostly followed by somebody new."""
    draws, stores = Draws("staff"), _stores(connection)
    found: list[Employee] = []

    def hire(team: int, store: str, hired_on: date, left_on: date | None, spirit: float) -> None:
        number = f"{SIMULATED}-{len(found) + 1:03d}"
        found.append(Employee(number, f"team-{team + 1:02d}", store, hired_on, left_on, spirit))

    for team in range(TEAMS):
        spirit = draws.one()
        size = TINY if team == TEAMS - 1 else SMALLEST + int(draws.one() * (LARGEST - SMALLEST + 1))
        for person in range(size):
            # a team serves one of the large stores, one of the middling and one of the small
            store = stores[team + TEAMS * (person % STORES_PER_TEAM)]
            hired_on = FIRST_DATE - timedelta(days=30 + int(draws.one() * draws.one() * 4000))
            leaves, day, follows, gap = (draws.one() for _ in range(4))
            if leaves >= 0.4 - 0.3 * spirit:
                hire(team, store, hired_on, None, spirit)
                continue
            left_on = FIRST_DATE + timedelta(days=int(day * _YEAR_DAYS))
            hire(team, store, hired_on, left_on, spirit)
            begins = left_on + timedelta(days=7 + int(gap * 35))
            if follows < 0.8 and begins <= LAST_DATE:
                hire(team, store, begins, None, spirit)
    return found


def create_employees(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `demo_employees`: everyone in the first export or when hired, and once more on the last day."""
    rows = []
    for one in staff(connection):
        known = {
            "employee_id": one.employee_id,
            "team_id": one.team_id,
            "store_id": one.store_id,
            "hired_on": one.hired_on,
        }
        rows.append({"landing_date": max(one.hired_on, FIRST_DATE), **known, "left_on": None})
        if one.left_on is not None:
            rows.append({"landing_date": one.left_on, **known, "left_on": one.left_on})
    _keep(connection, "employees", pa.Table.from_pylist(rows), "employee_id, left_on nulls first")


def create_employee_surveys(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `demo_employee_surveys`: an answer's number says the wave and its place in time, not who gave it."""
    draws, people = Draws("staff-surveys"), staff(connection)
    rows = []
    for wave, begins in enumerate(WAVES, start=1):
        given = []
        for one in people:
            answers, day, second, luck = (draws.one() for _ in range(4))
            if answers < ANSWER_RATE and one.works_on(begins):
                at = datetime.combine(begins, datetime.min.time())
                at += timedelta(days=int(day * 5), hours=9, seconds=int(second * 28_800))
                score = int(np.searchsorted(_SCORE_BOUNDS, 0.4 * one.spirit + 0.6 * luck, side="right"))
                given.append((at, one.team_id, score))
        rows += [
            {
                "landing_date": at.date(),
                "survey_id": f"staff-{wave}-{number:03d}",
                "team_id": team_id,
                "surveyed_at": at,
                "score": score,
            }
            for number, (at, team_id, score) in enumerate(sorted(given), start=1)
        ]
    _keep(connection, "employee_surveys", pa.Table.from_pylist(rows), "survey_id")


def create_account_managers(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `account_managers`: the households that spend most, each with one of the longest-serving staff who stay."""
    stay = [one for one in staff(connection) if one.left_on is None]
    managers = sorted(stay, key=lambda one: (one.hired_on, one.employee_id))[:MANAGERS]
    best = fetch_columns(
        connection,
        "select household_id from lines group by household_id "
        f"order by sum(net_cents) desc, household_id limit {MANAGED_HOUSEHOLDS}",
    )
    table = pa.table(
        {
            "household_id": pa.array(best["household_id"]),
            "employee_id": [
                managers[place % MANAGERS].employee_id for place in range(len(best["household_id"]))
            ],
        }
    )
    connection.register("simulated_managers", table)
    connection.execute("create table account_managers as from simulated_managers")
    connection.unregister("simulated_managers")


def _keep(connection: duckdb.DuckDBPyConnection, dataset: str, table: pa.Table, order: str) -> None:
    connection.register("simulated_staff", table)
    connection.execute(
        f"create table demo_{dataset} as select *, '{SIMULATED}' as source_system "
        f"from simulated_staff order by landing_date, {order}"
    )
    connection.unregister("simulated_staff")
