"""The published night's charts as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, print_json, progress


@clear_errors
def report(
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to; default: beside the published marts.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the published night's charts as HTML pages, in English and Chinese."""
    from pipelines.report import write_report

    with progress("report", quiet=as_json):
        written = write_report(load_settings(), folder)
    if as_json:
        print_json(
            {
                "version": written.version,
                "paths": written.paths,
                "size_bytes": written.size_bytes,
            }
        )
        return
    for path in written.paths.values():
        out.print(str(path), markup=False, soft_wrap=True)
