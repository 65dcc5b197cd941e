"""What all commands share: the console, dates, JSON output, and errors as one clear sentence."""

from __future__ import annotations

import functools
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

from pipelines.cli.console import console, harmless_json
from pipelines.errors import LandingError, MainstayError, SettingsError
from pipelines.settings import Settings, fault_of_day, load_settings
from pipelines.showing import visible
from pipelines.warehouse.faults import explained
from pipelines.warehouse.signals import ending_in_order

out = console()
err = console(stderr=True)

Function = TypeVar("Function", bound=Callable[..., Any])

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
EXIT_CODES = (
    "Exit codes: 0 done · 1 other failure · 2 wrong settings, policy, contract or arguments · "
    "3 landing files missing or refused · 4 load failed · 5 build failed · "
    "6 validation failed · 7 publishing failed · 8 the warehouse is locked · 9 the warehouse is damaged · "
    "10 the disk is full or cannot be read or written · "
    "11 memory ran out, or a process was killed · 12 published, but not exported · 130 interrupted · 143 ended by SIGTERM."
)


def clear_errors(function: Function) -> Function:
    """Print an error that a person can act on as its sentence and exit with its code; Ctrl-C and SIGTERM too."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with ending_in_order() as asked:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                # First, as the error may be what a library made of the signal.
                if asked or isinstance(error, KeyboardInterrupt):
                    raise typer.Exit(_say_ended(asked[0] if asked else signal.SIGINT)) from error
                known = _known(error)
                if known is None:
                    raise
                err.print(f"[bold red]error:[/] {escape(str(known))}", soft_wrap=True)
                raise typer.Exit(known.exit_code) from error

    return wrapper  # type: ignore[return-value]


def _say_ended(number: signal.Signals) -> int:
    how = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    err.print(f"{how}; run the same command again, it takes up where this one stopped")
    return 128 + number


def _known(error: BaseException) -> MainstayError | None:
    """The error as one with a sentence, or None where it is a defect, whose traceback is wanted."""
    with suppress(SettingsError):
        if known := explained(load_settings(), error):
            return known
    return error if isinstance(error, MainstayError) else None


def parse_date(text: str | None) -> date | None:
    """A YYYY-MM-DD argument."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
        if day.isoformat() != text:  # a week's date, or one without dashes
            raise ValueError(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date; write YYYY-MM-DD") from error
    if fault := fault_of_day(day):
        raise typer.BadParameter(fault)
    return day


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(harmless_json(json.dumps(value, default=str, ensure_ascii=False, indent=2)) + "\n")


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A spinner that shows what is going on; where nobody watches a line at the start and one for each wait."""
    if err.is_terminal and not quiet:
        with err.status(label) as status:
            yield lambda text: status.update(f"{label}: {escape(visible(text))}")
        return
    if not quiet:
        err.print(f"{label} …")

    def say(text: str) -> None:
        if text.startswith("waiting for"):
            err.print(f"{label}: {text}", markup=False, soft_wrap=True)

    yield say


def last_landed_date(settings: Settings) -> date:
    """The last landing date that is over and has a transactions file.

    Raises:
        LandingError: there is none.
    """
    from pipelines.contracts import source_contracts
    from pipelines.contracts.location import place_of
    from pipelines.land import landed_dates

    contract = source_contracts(settings)["transactions"]
    today = datetime.now(settings.zone).date()
    landed = landed_dates(settings, contract)
    dates = [day for day in landed if day < today]
    if landed and not dates:
        raise LandingError(
            f"transactions are landed from {landed[0]} on, and by this machine's clock today is {today}: no landed "
            "date is over yet. Mend the clock, or name the date"
        )
    if not dates:
        raise LandingError(
            f"no transactions file is landed: expected {settings.landing / place_of(contract.location)}. "
            "Land your exports, or run `mainstay demo` for the demo's"
        )
    return dates[-1]


def reuse_in_words(dataset: str, rows: int) -> str:
    """What a person is told of keys that came again for something else."""
    return (
        f"{rows:,} rows of {dataset} have the key of an earlier row of another customer or business date; the later row "
        "holds. Corrections are so, and so are numbers that start again (docs/bring-your-own-data.md, Keys)"
    )
