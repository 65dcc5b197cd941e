"""What commands share that do a step by hand: the date they are for, their run in the ledger, and their summary in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pipelines.cli.common import err, out, print_json
from pipelines.errors import LandingError, MainstayError

if TYPE_CHECKING:
    from pipelines.settings import Settings


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


def as_run(
    settings: Settings, kind: str, as_of: date, work: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """A run of its own in the ledger around a step that is called by hand."""
    import duckdb

    from pipelines import steps as run
    from pipelines.warehouse import ledger
    from pipelines.warehouse.faults import message_of

    run_id = ledger.new_run_id(kind, as_of)
    run.start(settings, run_id, kind, as_of, say=lambda text: err.print(text, markup=False, soft_wrap=True))
    try:
        summary = work(run_id)
    except BaseException as error:
        with suppress(MainstayError, duckdb.Error, OSError):  # the work's own error must stand
            run.close(settings, run_id, "failed", message_of(error))
        raise
    run.close(settings, run_id, "success")
    return {"run_id": run_id, **summary}


def show_summary(summary: Mapping[str, Any], *, as_json: bool) -> None:
    """A summary for a person, a line for each figure in it that is one; or all of it as JSON."""
    if as_json:
        print_json(summary)
        return
    for name, text in _lines(summary):
        out.print(f"{name}: {text}", markup=False, soft_wrap=True)


def _lines(summary: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in summary.items():
        # A name below another one is data more often than not, say a dataset's or a model's: it stays as it is.
        name = f"{above}, {key}" if above else key.replace("_", " ")
        if isinstance(value, Mapping):
            yield from _lines(value, name)
        elif isinstance(value, list | tuple | set):
            if value:
                yield (
                    name,
                    ("; " if isinstance(next(iter(value)), Mapping) else ", ").join(map(in_words, value)),
                )
        elif value is not None:
            yield name, in_words(value)


def in_words(value: Any) -> str:
    """A value as a person writes it: no brackets, no quotes, figures grouped."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {in_words(part)}" for key, part in value.items())
    if isinstance(value, list | tuple | set):
        return ", ".join(map(in_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def reuse_in_words(dataset: str, rows: int) -> str:
    """What a person is told of keys that came again for something else."""
    return (
        f"{rows:,} rows of {dataset} have the key of an earlier row of another customer or business date; the later row "
        "holds. Corrections are so, and so are numbers that start again (docs/bring-your-own-data.md, Keys)"
    )
