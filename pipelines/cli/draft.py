"""A contract to start from, drafted from a sample file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.cli.common import clear_errors, load_settings, out
from pipelines.errors import SettingsError


@clear_errors
def draft(
    file: Annotated[
        Path, typer.Argument(help="A file as your source exports it: CSV, JSON Lines or Parquet.")
    ],
    dataset: Annotated[
        str, typer.Option("--dataset", help="Dataset that the file is of, or a name for one of your own.")
    ] = "transactions",
    output: Annotated[
        Path | None,
        typer.Option("--out", help="Write the contract to this file; by default it is printed."),
    ] = None,
) -> None:
    """Draft a contract from a sample file, and say what was found, what was assumed and what to check."""
    from pipelines.draft import draft_contract

    drafted = draft_contract(file, dataset, load_settings().amount_scale)
    if output is None:
        typer.echo(drafted.text, nl=False)
        return
    if output.exists():
        raise SettingsError(f"{output} is there already; name another file, or delete it first")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(drafted.text, encoding="utf-8")
    for title, sentences in (
        ("found", drafted.found),
        ("assumed", drafted.assumed),
        ("to check", drafted.check),
    ):
        for sentence in sentences:
            out.print(f"{title:9} {escape(sentence)}", soft_wrap=True)
    out.print(
        f"wrote {escape(str(output))}. Land the file as its `path` says, then `mainstay doctor` says what would be loaded.",
        soft_wrap=True,
    )
