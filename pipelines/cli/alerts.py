"""Alerts from the command line: of runs that it watches, of a night that is missing, and a message to try the addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipelines.cli.common import JsonFlag, clear_errors, err, load_settings, out, print_json
from pipelines.errors import MainstayError, ValidationFailedError

if TYPE_CHECKING:
    from pipelines.alerts import Delivery
    from pipelines.orchestrate.inprocess import DagRunResult
    from pipelines.settings import Settings


@contextmanager
def telling_of_failure(
    settings: Settings, dag_id: str, dates: str, step: str | None = None
) -> Iterator[None]:
    """Tell of what fails in the block, and let the error go on. An end by Ctrl-C or SIGTERM is no failure."""
    try:
        yield
    except Exception as error:
        if settings.told:
            from pipelines.alerts import Outcome, tell_of_outcome
            from pipelines.warehouse.faults import explained

            known = explained(settings, error) or error
            code = getattr(known, "exit_code", MainstayError.exit_code)
            outcome = Outcome(dag_id, "", dates, step, _sentence(known), code)
            _show_lost(tell_of_outcome(settings, outcome))
        raise


def tell_of_result(
    settings: Settings, dag_id: str, dates: str, result: DagRunResult, earlier: tuple[str, ...]
) -> None:
    """Tell what is to be told of a run that went to its end."""
    if not settings.told:
        return
    from pipelines.alerts import Outcome, tell_of_outcome

    error = result.error
    failed = next((task.name for task in result.tasks if task.state == "failed"), None)
    docs = result.detail("finish").get("data_docs") if isinstance(error, ValidationFailedError) else None
    outcome = Outcome(
        dag_id=dag_id,
        run_id=result.run_id,
        dates=dates,
        step=failed,
        error=_sentence(error) if error else None,
        exit_code=error.exit_code if error else 0,
        published=result.detail("publish") or None,
        look_at=docs or str(result.log),
    )
    _show_lost(tell_of_outcome(settings, outcome, *earlier))


def _sentence(error: BaseException) -> str:
    """What of an error may leave the machine: the terminal shows a defect's text whole."""
    from pipelines.showing import without_addresses, without_values

    return without_addresses(without_values(str(error))) or type(error).__name__


def _show_lost(deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        if not delivery.arrived:
            err.print(f"[yellow]{escape(delivery.in_words())}[/]", soft_wrap=True)


def check_freshness(settings: Settings, *, tell: bool, as_json: bool) -> None:
    """Say whether the night is published that should be by now.

    Raises:
        typer.Exit: 1 where it is not.
    """
    from pipelines.alerts import find_stale, tell_stale

    found = find_stale(settings)
    if as_json:
        print_json({"stale": found is not None, **(vars(found) if found else {})})
    else:
        out.print(found.in_words() if found else "the night is published", markup=False, soft_wrap=True)
    if found is None:
        return
    if tell:
        _show_lost(tell_stale(settings, found))
    raise typer.Exit(MainstayError.exit_code)


@clear_errors
def notify(
    test: Annotated[
        bool, typer.Option("--test", help="Send a message to every address, and say where it arrived.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show where alerts go and of what; with --test try it. Exits 1 if a message did not arrive."""
    from pipelines.alerts import tell_test
    from pipelines.alerts.addresses import require_addresses

    settings = load_settings()
    if not test:
        kinds = [address.kind for address in require_addresses(settings)]
        if as_json:
            print_json({"addresses": kinds, "events": sorted(settings.told)})
            return
        out.print(f"told are {', '.join(sorted(settings.told))}", markup=False, soft_wrap=True)
        for kind in kinds:
            out.print(kind, markup=False, soft_wrap=True)
        out.print("`mainstay notify --test` sends a message to each", markup=False, soft_wrap=True)
        return
    deliveries = tell_test(settings)
    if as_json:
        print_json([vars(delivery) for delivery in deliveries])
    else:
        for delivery in deliveries:
            mark = "[green]✓[/]" if delivery.arrived else "[red]✗[/]"
            out.print(f"{mark} {escape(delivery.in_words())}", soft_wrap=True)
    if not all(delivery.arrived for delivery in deliveries):
        raise typer.Exit(MainstayError.exit_code)
