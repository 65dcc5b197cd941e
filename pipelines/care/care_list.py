"""The contacts due by a date, with what the marts know of each customer: read from the warehouse, where alone names are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pipelines.care.columns import row_of
from pipelines.care.facts import FACTS, NEEDED
from pipelines.care.texts import Texts
from pipelines.errors import BuildError, SettingsError
from pipelines.warehouse.connection import fetch_rows
from pipelines.warehouse.erasing import require_none_erasing
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.looking import looking
from pipelines.warehouse.standing import are_marts_validated, built_as_of, last_step

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from pipelines.settings import Settings

AHEAD_DAYS = 14
"""Days after the marts' date for which there can be a list: birthdays are in the marts from so many days before."""


@dataclass(frozen=True)
class CareList:
    """Who is to be contacted by a date."""

    list_date: date
    as_of_date: date
    run_id: str
    """The run that built the marts."""
    language: str
    rows: list[dict[str, Any]]
    """By `COLUMNS`, the most urgent first."""
    unreachable: int
    """Rows whose channel needs a telephone number, e-mail or address that is not known."""

    def by_priority(self) -> dict[int, int]:
        """How many rows there are of each priority."""
        return dict(sorted(Counter(row["priority"] for row in self.rows).items()))


def read_list(
    settings: Settings,
    day: date | None = None,
    language: str = "en",
    on_wait: Callable[[str], None] | None = None,
) -> CareList:
    """The contacts that are due by a date and neither done nor missed by then.

    Args:
        settings: The deployment.
        day: The date; default the day after that of the marts.
        language: Of labels and sentences, one of `LANGUAGES`.
        on_wait: Hears whom we wait for.

    Raises:
        BuildError: there are no marts, or they are not those of a night that ended well.
        ErasureUnfinishedError: somebody on it may be being erased.
        SettingsError: the marts know nothing of the date.
        LockedError: a step has the warehouse for longer than `lock_timeout_seconds`.
    """
    if not settings.warehouse.exists():
        raise BuildError("the marts were never built; run `mainstay nightly` first")
    with warehouse_lock(settings, "care", "look", on_wait=on_wait):
        as_of = built_as_of(settings)
        if not are_marts_validated(settings):
            raise BuildError(
                "the marts have not passed their expectations since the last build; "
                "run `mainstay validate marts` first"
            )
        list_date = _within_reach(settings, as_of, day)
        built = last_step(settings, "build")
        with looking(settings, "care") as connection:
            require_none_erasing(connection)
            _require_models(connection)
            facts = fetch_rows(connection, FACTS, _parameters(settings, as_of, list_date))
    texts = Texts(language)
    rows = [row_of(fact, texts, as_of, settings.currency, settings.amount_scale) for fact in facts]
    return CareList(
        list_date,
        as_of,
        built.run_id if built else "",
        language,
        rows,
        sum(not fact["is_reachable"] for fact in facts),
    )


def _within_reach(settings: Settings, as_of: date, day: date | None) -> date:
    last = as_of + timedelta(days=min(AHEAD_DAYS, settings.care_cycle_days))
    list_date = day or as_of + timedelta(days=1)
    if not as_of <= list_date <= last:
        raise SettingsError(
            f"the marts are as of {as_of} and know who is to be contacted from {as_of} to {last}, not {list_date}; "
            f"name a date between, or run `mainstay nightly` for {list_date - timedelta(days=1)} first"
        )
    return list_date


def _require_models(connection: duckdb.DuckDBPyConnection) -> None:
    there = {
        f"{schema}.{name}"
        for schema, name in connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
        ).fetchall()
    }
    if missing := sorted(NEEDED - there):
        raise BuildError(
            f"the marts were built without {', '.join(missing)}; run `mainstay nightly` to build them anew"
        )


def _parameters(settings: Settings, as_of: date, list_date: date) -> dict[str, Any]:
    return {
        "as_of": as_of,
        "list_date": list_date,
        "cycle_days": settings.care_cycle_days,
        "on_time_days": settings.care_on_time_days,
        "late_days": settings.care_late_days,
    }
