"""What all commands share: the console, dates, JSON output, and errors as one clear sentence."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from pipelines.errors import MainstayError
from pipelines.settings import Settings

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

Function = TypeVar("Function", bound=Callable[..., Any])

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
EXIT_CODES = (
    "Exit codes: 0 done · 1 other failure · 2 wrong settings, policy, contract or arguments · "
    "3 landing files missing or refused · 4 load failed · 5 build failed · "
    "6 validation failed · 7 publishing failed · 8 the warehouse is locked."
)


def clear_errors(function: Function) -> Function:
    """Print a `MainstayError` as its sentence and exit with its code."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except MainstayError as error:
            err.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            err.print("interrupted; run the same command again, it takes up where this one stopped")
            raise typer.Exit(130) from error

    return wrapper  # type: ignore[return-value]


def parse_date(text: str | None) -> date | None:
    """A YYYY-MM-DD argument."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date; write YYYY-MM-DD") from error


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False, indent=2) + "\n")


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A spinner that shows what is going on; where nobody watches a line at the start and one for each wait."""
    if err.is_terminal and not quiet:
        with err.status(label) as status:
            yield lambda text: status.update(f"{label}: {escape(text)}")
        return
    if not quiet:
        err.print(f"{label} …")

    def say(text: str) -> None:
        if text.startswith("waiting for"):
            err.print(f"{label}: {text}", markup=False, soft_wrap=True)

    yield say


def last_landed_date(settings: Settings) -> date:
    """The last complete business date that has a transactions file.

    Raises:
        LandingError: there is none.
    """
    from pipelines.contracts import source_contracts
    from pipelines.errors import LandingError
    from pipelines.land import landed_dates

    contract = source_contracts(settings)["transactions"]
    yesterday = datetime.now(settings.zone).date() - timedelta(days=1)
    dates = [day for day in landed_dates(settings, contract) if day <= yesterday]
    if not dates:
        raise LandingError(
            f"no transactions file is landed: expected {settings.landing / contract.location}. "
            "Land your exports, or run `mainstay demo` for the demo's"
        )
    return dates[-1]
