"""Set a lake's rows aside with the warehouse's file that names them, for `mainstay rebuild`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.warehouse.durable import fsync
from pipelines.warehouse.engine import ASIDE, LAKE_MARK, NO_ROWS
from pipelines.warehouse.rights import private_folder
from pipelines.warehouse.spark.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings


def set_aside(settings: Settings, name: str) -> Path | None:
    """See `Engine.set_aside`. An address keeps its rows where they are: an object store renames nothing.

    What lies in the lake is moved, and not the lake: that may be a mount point or a link, or its parent somebody else's.
    """
    lake = Lake.of(settings).folder
    if lake is None:
        return None
    aside = lake / f"{ASIDE}{name}"
    rows = [
        path
        for path in sorted(lake.iterdir())
        if path.name not in NO_ROWS and not path.name.startswith((".", ASIDE))
    ]
    if not (any(path.is_dir() for path in rows) or aside.exists()):
        return None
    private_folder(settings, aside)
    # A lake of its own, so that an erasure knows what it is, and `lake_dir` can name it.
    (aside / LAKE_MARK).touch()
    for path in rows:
        path.rename(_free(aside / path.name))
    fsync(aside)
    fsync(lake)
    return aside


def _free(path: Path) -> Path:
    """The path, or one that nothing has: after a kill, somebody may have loaded before it is taken up again."""
    while path.exists():
        path = path.with_name(f"{path.name}-again")
    return path
