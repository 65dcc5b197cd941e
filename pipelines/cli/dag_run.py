"""Runs a DAG in-process while a person watches: a line for each finished step, and what the present one does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.cli.alerts import tell_of_result, telling_of_failure
from pipelines.cli.common import err, progress

if TYPE_CHECKING:
    from pipelines.orchestrate.inprocess import DagRunResult, Progress
    from pipelines.settings import Settings


def watched(
    dag_id: str,
    what: str,
    settings: Settings,
    *,
    quiet: bool,
    business_date: date | None = None,
    conf: dict[str, Any] | None = None,
    prepare: Callable[[], None] | None = None,
    earlier: tuple[str, ...] = (),
) -> DagRunResult:
    """Run the DAG, see `run_dag`, and tell of it; `quiet` shows nothing but whom we wait for.

    `earlier` are the ids of runs that went before as a part of the same night.

    Raises:
        MainstayError: the first failed task's error.
    """
    from pipelines.orchestrate.inprocess import run_dag

    with progress(what, quiet=quiet) as say:

        def heard(event: Progress) -> None:
            if event.kind == "started":
                say(event.task)
            elif event.kind == "said":
                text = event.message or ""
                say(text if text.startswith("waiting for") else f"{event.task}: {text}")
            elif not quiet:
                mark = "[green]✓[/]" if event.kind == "succeeded" else "[red]✗[/]"
                err.print(f"  {mark} {event.task} {event.seconds:.1f} s")

        with telling_of_failure(settings, dag_id, what.partition(" of ")[2]):
            result = run_dag(
                dag_id,
                what,
                settings,
                business_date=business_date,
                conf=conf,
                on_progress=heard,
                prepare=prepare,
            )
    tell_of_result(settings, dag_id, what.partition(" of ")[2], result, earlier)
    result.raise_for_error()
    return result
