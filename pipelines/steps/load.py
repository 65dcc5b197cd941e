"""Load: take the range's files into raw, quarantine and duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.steps.land import require_still_landed
from pipelines.steps.record import recorded
from pipelines.warehouse.lock import warehouse_lock

if TYPE_CHECKING:
    from datetime import date

    from pipelines.contracts import LandingFile
    from pipelines.settings import Settings
    from pipelines.steps.record import Say, Summary


def load(
    settings: Settings,
    run_id: str,
    first: date | None,
    last: date | None,
    say: Say | None = None,
    datasets: list[str] | None = None,
    *,
    reload: bool = False,
    remove_missing: bool = False,
) -> Summary:
    """Load the range's files into raw, quarantine and duplicates.

    Unchanged partitions are left as they are but with `reload`; partitions whose files are gone from the landing
    folder are left but with `remove_missing`, which takes their rows out.
    """
    from pipelines.forget import scrubber
    from pipelines.load import load_datasets

    def work() -> Summary:
        require_still_landed(settings, run_id, first, last)
        results = load_datasets(
            settings,
            run_id,
            first,
            last,
            datasets,
            say,
            reload=reload,
            remove_missing=remove_missing,
            scrub=scrubber(settings),
        )
        totals = {
            k: sum(getattr(r, k) for r in results)
            for k in (
                "files",
                "rows_in",
                "loaded",
                "quarantined",
                "rejected",
                "ignored",
                "erased",
                "duplicates",
                "reused",
                "unchanged",
            )
        }
        return {**totals, "datasets": [r.as_dict() for r in results]}

    return recorded(settings, run_id, "load", work, say)


def pending(
    settings: Settings,
    first: date | None,
    last: date | None,
    datasets: list[str] | None = None,
    say: Say | None = None,
) -> dict[str, list[LandingFile]]:
    """Per dataset, the landed files of partitions that are not loaded just as they are now."""
    from pipelines.load import pending_files

    with warehouse_lock(settings, "load", "look", on_wait=say):
        return pending_files(settings, first, last, datasets)
