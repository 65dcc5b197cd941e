"""Where a database in memory writes what does not fit: its default is a folder of the working directory that all may read.

Each connection has a folder of its own, which DuckDB makes when it needs it and removes at the end. One that a killed process
left goes with the next connection on that machine.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from typing import TYPE_CHECKING

from pipelines.warehouse.processes import start_of
from pipelines.warehouse.rights import private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings


def spill_folder(settings: Settings) -> Path:
    """A folder for one connection, in one that is private; it is not made yet."""
    here = private_folder(settings, settings.var / "spill" / socket.gethostname())
    for left in _left(here):
        shutil.rmtree(left, ignore_errors=True)  # another connection was faster
    return here / f"{os.getpid()} {start_of(os.getpid())} {secrets.token_hex(4)}"


def spilled_by_killed(settings: Settings) -> list[Path]:
    """Folders that nobody writes in any more, and those of other machines, of which nobody can tell."""
    folders = [path for path in (settings.var / "spill").glob("*") if path.is_dir()]
    here = socket.gethostname()
    return [path for folder in folders for path in ([folder] if folder.name != here else _left(folder))]


def _left(folder: Path) -> list[Path]:
    """Those whose process has ended."""
    found = []
    for path in folder.iterdir():
        pid, _, rest = path.name.partition(" ")
        if not pid.isdecimal() or start_of(int(pid)) != rest.partition(" ")[0]:
            found.append(path)
    return found
