"""Land: find the landing files of a range and make sure that each is what its contract says."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.contracts import source_contracts
from pipelines.contracts.location import place_of
from pipelines.errors import LandingError
from pipelines.land import check_files, discover, unmatched_files
from pipelines.showing import visible
from pipelines.steps.record import recorded
from pipelines.warehouse.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary

_SHOWN = 20
"""Files without a contract that the ledger keeps by name."""


def land(
    settings: Settings,
    run_id: str,
    first: date,
    last: date,
    say: Say | None = None,
    datasets: Iterable[str] | None = None,
    *,
    allow_missing: bool = False,
) -> Summary:
    """Find the range's landing files and make sure that each is what its contract says.

    Args:
        settings: The deployment.
        run_id: The run.
        first: First landing date.
        last: Last landing date, included.
        say: Hears whom a waiting step waits for.
        datasets: Only these; default all.
        allow_missing: An obligatory dataset may have no file, as its rows are to be taken out.

    Raises:
        LandingError: an obligatory dataset has no file at all in the range.
        FileRefusedError: files of a dataset are not what their contract says.
    """

    def work() -> Summary:
        counts: dict[str, int] = {}
        with closing(connect(settings, rows=False)) as connection:
            for name, contract in source_contracts(settings).items():
                if datasets is not None and name not in datasets:
                    continue
                files = discover(settings, contract, first, last)
                counts[name] = len(files)
                if not files and contract.is_obligatory and not allow_missing:
                    day = f"{first}" if first == last else f"{first} to {last}"
                    raise LandingError(
                        f"no {name} file for {day}: expected {settings.landing / place_of(contract.location, first)}. "
                        "Land the export and run again; for a day without sales land a file with just its header"
                    )
                check_files(connection, run_id, contract, files)
        unmatched = unmatched_files(settings)
        return {
            "files": sum(counts.values()),
            "files_by_dataset": counts,
            "unmatched": len(unmatched),
            # A name need not be text, as the ledger's are.
            "unmatched_files": [visible(str(path)) for path in unmatched[:_SHOWN]],
        }

    return recorded(settings, run_id, "land", work, say)


def require_still_landed(settings: Settings, run_id: str, first: date | None, last: date | None) -> None:
    """What this run's `land` has seen must be there still: a night without a day's sales would look like a good one."""
    with closing(connect(settings, rows=False)) as connection:
        row = connection.execute(
            "SELECT detail FROM ops.steps WHERE run_id = ? AND step = 'land' AND status = 'success'", [run_id]
        ).fetchone()
    seen = json.loads(row[0])["files_by_dataset"] if row else {}
    for name, contract in source_contracts(settings).items():
        left = len(discover(settings, contract, first, last)) if name in seen else 0
        if left < seen.get(name, 0):
            raise LandingError(
                f"{seen[name] - left} of {seen[name]} {name} files that were landed are gone from {settings.landing} "
                "since this run began; put them back and run again"
            )
