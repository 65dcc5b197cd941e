"""Forget: erase a person everywhere, and finish what a kill left of it.

The order is such that a kill between any two steps loses nothing: tombstones, landing files, loaded rows; then what is derived,
made anew from rows that do not have the person any more; then what is left of the old: versions, and the free blocks of the file.
"""

from __future__ import annotations

import json
import logging
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.errors import MainstayError
from pipelines.forget.compact import compact
from pipelines.forget.erase import Erased, erase, look
from pipelines.forget.leftovers import erase_leftovers
from pipelines.forget.tombstones import DONE, ROWS, RUNNING, entomb, finish, read_tombstones, states
from pipelines.forget.traces import erase_old_versions, erase_traces
from pipelines.publish import current
from pipelines.publish.files import crash_point
from pipelines.steps.build import build
from pipelines.steps.export import export
from pipelines.steps.fit import fit
from pipelines.steps.publish import publish
from pipelines.steps.record import docs, recorded
from pipelines.steps.validate import validate
from pipelines.warehouse import ledger
from pipelines.warehouse.aside import require_none_begun
from pipelines.warehouse.connection import connect
from pipelines.warehouse.faults import database_errors
from pipelines.warehouse.lock import warehouse_lock

if TYPE_CHECKING:
    from pipelines.forget.tombstones import Tombstones
    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary

log = logging.getLogger(__name__)


def to_forget(settings: Settings, number: str, say: Say | None = None) -> Erased:
    """What `forget` would erase; nothing is changed.

    Raises:
        UnknownCustomerError: the number is nowhere.
    """
    with warehouse_lock(settings, "look", "look", on_wait=say), database_errors(settings):
        return look(settings, number, say or log.info)[1]


def forget(settings: Settings, run_id: str, number: str, say: Say | None = None) -> Summary:
    """Erase a person everywhere, with all numbers that are merged with theirs.

    Raises:
        UnknownCustomerError: the number is nowhere.
        WarehouseDamagedError: the warehouse is half set aside.
        MainstayError: the rows are erased, and the marts could not be made anew; the next run does it.
    """
    tell = say or log.info
    with warehouse_lock(settings, "forget", run_id, on_wait=say), database_errors(settings):
        require_none_begun(settings)
        numbers, _ = look(settings, number, tell)
        done: dict[str, Any] = {}
        tombstones = entomb(settings, run_id, numbers)
        crash_point("entombed")

        def work() -> Summary:
            erased = erase(settings, tombstones, tell, numbers)
            done["files_not_looked_into"] = [str(path) for path in erased.unread]
            return erased.as_dict()

        summary = recorded(settings, run_id, "forget", work, say)
        return {**summary, **_clear_up(settings, run_id, tombstones, tell), **done}


def finish_forgetting(settings: Settings, run_id: str, say: Say | None = None) -> Summary | None:
    """Finish erasures that were killed; None where there are none.

    Raises:
        ForgottenKeyError: there are tombstones, and their key is lost.
        WarehouseDamagedError: the warehouse is half set aside.
        MainstayError: something cannot be erased, or made anew.
    """
    tell = say or log.info
    with warehouse_lock(settings, "forget", run_id, on_wait=say), database_errors(settings):
        tombstones = read_tombstones(settings)
        if tombstones is None or not (left := states(settings) - {DONE}):
            return None
        require_none_begun(settings)
        tell("an erasure was interrupted and is finished now")
        summary: Summary = {}
        if RUNNING in left:
            summary = erase(settings, tombstones, tell).as_dict()
        return {**summary, **_clear_up(settings, run_id, tombstones, tell)}


def finish_before(settings: Settings, run_id: str, say: Say | None = None) -> None:
    """The same at the start of another run, which goes on where only the marts could not be made anew: it may mend them.

    Raises:
        MainstayError: rows could not be erased.
    """
    try:
        finish_forgetting(settings, run_id, say)
    except MainstayError as error:
        if states(settings) - {DONE} != {ROWS}:
            raise
        log.warning("an erasure is not finished, and is tried again at the next run: %s", error)


def _clear_up(settings: Settings, run_id: str, tombstones: Tombstones, say: Say) -> Summary:
    """Once the loaded rows are without the person: everything that was made of them."""
    say("logs, check results and messages")
    traces = erase_traces(settings)
    crash_point("traces_erased")
    as_of = _marts_date(settings)
    if as_of is not None:
        say(f"building the marts anew as of {as_of}")
        build(settings, run_id, as_of, say)
        fit(settings, run_id, as_of, say)
        validate(settings, run_id, "marts", as_of, as_of, say)
        crash_point("built_anew")
        if current(settings) is not None:
            publish(settings, run_id, as_of, say)
        docs(settings)
        crash_point("published_anew")
    elif current(settings) is not None:
        say("what is published is replaced by the next night of this warehouse, which ends the erasure")
        return {"traces": traces}
    left = erase_leftovers(settings, tombstones)
    versions = erase_old_versions(settings)
    crash_point("versions_erased")
    say("writing the warehouse anew, without free blocks")
    saved = compact(settings)
    # Not finished before: until PostgreSQL is without the person, each next run tries again.
    exported = _exported(settings, run_id, say)
    finish(settings, tombstones)
    return {
        **({"postgres": exported} if exported else {}),
        "built_as_of": as_of.isoformat() if as_of else None,
        "leftover_rows": left,
        "old_versions": versions,
        "traces": traces,
        "bytes_saved": saved,
    }


def _exported(settings: Settings, run_id: str, say: Say) -> str | None:
    """The night without the person that PostgreSQL has now; None where none is exported."""
    if settings.postgres_url is None or current(settings) is None:
        return None
    say("bringing PostgreSQL to the marts without the person")
    try:
        return str(export(settings, run_id, say)["version"])
    except MainstayError as error:
        raise type(error)(
            f"erased here, but PostgreSQL still has the marts with the person: {error}. The next run tries again, or "
            "`mainstay forget --resume` now"
        ) from error


def _marts_date(settings: Settings) -> date | None:
    """The date that BI sees, else the one for which the marts were last built; None where this warehouse has none."""
    with closing(connect(settings, rows=False)) as connection:
        connection.execute(ledger.DDL)
        row = connection.execute(
            "SELECT detail FROM ops.steps WHERE step = 'build' "
            "AND json_extract_string(detail, '$.as_of_date') IS NOT NULL "
            "ORDER BY coalesce(sequence, 0) DESC LIMIT 1"
        ).fetchone()
    if row is None:
        return None
    published = current(settings)
    return published.as_of_date if published else date.fromisoformat(json.loads(row[0])["as_of_date"])
