"""What all commands share: the console, dates, JSON output, and errors as one clear sentence.

Every call of `mainstay`, be it for a help text or a word to complete, imports all modules of the commands. So none of them
imports at its top what is heavy (DuckDB, pydantic, pyarrow, …): a command imports what does its work when it is called.
"""

from __future__ import annotations

import functools
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.markup import escape

from pipelines.cli.console import console, harmless_json
from pipelines.errors import MainstayError, SettingsError
from pipelines.showing import visible

if TYPE_CHECKING:
    from pipelines.settings import Settings

out = console()
err = console(stderr=True)

Function = TypeVar("Function", bound=Callable[..., Any])

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
EXIT_CODES = (
    "Exit codes: 0 done · 1 other failure · 2 wrong settings, policy, contract or arguments · "
    "3 landing files missing or refused · 4 load failed · 5 build failed · "
    "6 validation failed · 7 publishing failed · 8 the warehouse is locked · 9 the warehouse is damaged · "
    "10 the disk is full or cannot be read or written · "
    "11 memory ran out, or a process was killed · 12 published, but not exported · "
    "13 Spark or its lake cannot be reached · 130 interrupted · 143 ended by SIGTERM."
)


def load_settings() -> Settings:
    """The deployment's settings.

    Raises:
        SettingsError: one is wrong.
    """
    from pipelines.settings import load_settings as load

    return load()


def clear_errors(function: Function) -> Function:
    """Print an error that a person can act on as its sentence and exit with its code; Ctrl-C and SIGTERM too."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        from pipelines.warehouse.signals import ending_in_order

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
    from pipelines.warehouse.faults import explained

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
    from pipelines.settings import fault_of_day

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
