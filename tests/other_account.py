"""What another account of the machine gets at, one that reads the marts: tried in a process of that account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
_LOOKS = """
import json, os, sys
import duckdb
os.setgroups([{group}]); os.setgid({nobody}); os.setuid({nobody})
opened, listed = [], []
for path in json.load(sys.stdin):
    try:
        (listed if os.path.isdir(path) else opened).append(path) if os.access(path, os.R_OK) else None
        os.listdir(path) if path in listed else open(path, "rb").read(1) if path in opened else None
    except OSError as error:
        raise SystemExit(f"{{path}}: {{error}}")
rows = [duckdb.connect(path, read_only=True).execute("select count(*) from _publish").fetchone()[0] for path in sys.argv[1:]]
print(json.dumps([opened, listed, rows]))
"""


@dataclass(frozen=True)
class Reached:
    """What the account could open, and what it could list, of everything below the folder."""

    files: set[str]
    folders: set[str]
    rows: list[int]
    """Of `_publish` in each database that it was asked to open."""


def reached_by_a_reader(folder: Path, group: int, *databases: Path) -> Reached:
    """Try all files and folders below `folder` as nobody, who is in one group; root alone can.

    Folders on the way to it are opened for everyone to pass, as a test's own are not.
    """
    for above in list(folder.parents)[:-2]:
        above.chmod(above.stat().st_mode | 0o011)
    everything = [str(folder), *(str(path) for path in folder.rglob("*") if not path.is_symlink())]
    done = subprocess.run(
        [sys.executable, "-c", _LOOKS.format(group=group, nobody=NOBODY), *map(str, databases)],
        input=json.dumps(everything),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    opened, listed, rows = json.loads(done.stdout)
    return Reached(set(opened), set(listed), rows)
