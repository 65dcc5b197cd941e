"""Is everything in place for a night? Environment, versions, contracts, policies, locks, disk, warehouse."""

from __future__ import annotations

import typer
from rich.markup import escape

from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, print_json, progress


@clear_errors
def doctor(as_json: JsonFlag = False) -> None:
    """Check environment, versions, contracts, policies, locks, disk and warehouse. Exits 1 if something is wrong."""
    from pipelines.cli.examine import examine

    settings = load_settings()
    with progress("doctor", quiet=as_json) as say:
        findings = examine(settings, say)
    if as_json:
        print_json([vars(f) for f in findings])
    else:
        colours = {"ok": "green", "warning": "yellow", "error": "bold red"}
        for finding in findings:
            out.print(
                f"[{colours[finding.state]}]{finding.state:8}[/] {finding.what:10} {escape(finding.text)}",
                soft_wrap=True,
            )
    if any(f.state == "error" for f in findings):
        raise typer.Exit(1)
