"""Folder names are data: what a path needs before dbt, Airflow or Great Expectations may read it.

Each of them takes part of a path for its own language, and they cannot be told to leave it alone: Airflow and Great
Expectations replace `$NAME`, a database's address ends at `#` or `?`, and a configuration takes `%` and `{{ … }}` for more
than text. So they are given `plain(path)`. DuckDB takes any path that `pipelines.quoting` has quoted, but for one sign: see
`require_no_question_mark`.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

from pipelines.errors import SettingsError, StorageError

_PLAIN = re.compile(r"[\w ./@+=,()-]*")
"""Letters of any script, digits, blanks and what no one takes for a language."""


def plain(path: Path, *, without: str = "") -> Path:
    """The path, or where a name in it could be read as more than a name, the same place by a link with a plain name.

    The link is in the machine's temporary folder, in one of this user's alone. It is made anew when it has been cleared away.

    Args:
        path: Any path.
        without: A sign that the name must not have either.

    Raises:
        StorageError: the folder for links belongs to somebody else, or others may write there.
    """

    def is_plain(name: str) -> bool:
        return _PLAIN.fullmatch(name) is not None and not (without and without in name)

    if is_plain(str(path)):
        return path
    folder, names = path, []
    # What is deepest and has a plain name stays readable in messages: …/warehouse/mainstay.duckdb
    while is_plain(folder.name):
        names.append(folder.name)
        folder = folder.parent
    link = _links() / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    if not (link.is_symlink() and link.readlink() == folder):
        fresh = link.with_name(f"{link.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder)
        fresh.replace(link)
    return link.joinpath(*reversed(names))


def require_no_question_mark(database: Path) -> None:
    """Make sure that DuckDB can keep a database's log beside it.

    Raises:
        SettingsError: a folder has a `?` in its name: DuckDB looks for the log under another name then.
    """
    if "?" in str(database.resolve()):
        raise SettingsError(
            f"{database}: DuckDB cannot write to a file below a folder with ? in its name; rename that folder, or set "
            "MAINSTAY_VAR_DIR to another one"
        )


def _links() -> Path:
    folder = Path(tempfile.gettempdir()) / f"mainstay-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise StorageError(
            f"{folder} is not a folder of this user alone; remove it, or set TMPDIR to a folder of your own"
        )
    return folder
