"""The dashboards: a Superset of this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.common import clear_errors, load_settings, out


@clear_errors
def bi(
    host: Annotated[str, typer.Option(help="Address that Superset listens on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(help="Port; default 8088, or a free one where that is taken.", min=1, max=65535),
    ] = None,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Give the user admin a new password, and print it once.")
    ] = False,
) -> None:
    """Start Superset with the dashboards of the served marts, in an environment of its own; Ctrl-C ends it."""
    from pipelines.bi.start import start
    from pipelines.warehouse.rights import private_files

    settings = load_settings()
    with private_files(settings):
        start(
            settings,
            host,
            port,
            new_password=new_password,
            say=lambda text: out.print(text, markup=False, soft_wrap=True),
        )
