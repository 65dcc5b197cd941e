"""Whatever is derived and may quote a value: messages, results, logs, pages, and versions of the marts that were.

By decision 17 no value of a person stands in any of these. They are cleared nevertheless: a contract may have called a
column personal only yesterday, and an earlier Mainstay said more. Nothing here needs to know whom it is about, each part
may be called any number of times, and what a kill left undone the next call does.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.forget.airflow import blank_airflow
from pipelines.forget.sqlite_texts import REMOVED
from pipelines.forget.superset import blank_superset
from pipelines.load.plan import left_by_killed
from pipelines.publish import files
from pipelines.publish.catalog import parquet_folder, versions_folder
from pipelines.publish.recovery import keep_only, recover, sentences
from pipelines.report.write import PAGES
from pipelines.warehouse.aside import old_rows
from pipelines.warehouse.connection import connect, transaction
from pipelines.warehouse.engine import ASIDE
from pipelines.warehouse.ledger import DDL
from pipelines.warehouse.spill import spilled_by_killed

if TYPE_CHECKING:
    import duckdb

    from pipelines.settings import Settings

_WORDS = ("error", "warnings", "drift", "top_reasons", "unmatched_files")
"""What of a step's summary is told in words, of whatever a file or a person wrote."""
_COUNTS = "^[0-9]+( of [0-9]+ rows)?$"
_LEDGER = {
    "runs": {"message": f"'{REMOVED}'", "reason": f"'{REMOVED}'"},
    "files": {"message": f"'{REMOVED}'"},
    "drift": {"column_name": f"'{REMOVED}'"},
    "models": {"message": "NULL"},
    "checks": {
        "detail": "NULL",
        "observed": f"CASE WHEN regexp_matches(observed, '{_COUNTS}') THEN observed ELSE '{REMOVED}' END",
    },
}
"""Texts of the ledger, and what stands in their place. Counts, names and outcomes stay."""


def erase_traces(settings: Settings) -> dict[str, int]:
    """Remove or blank everything derived that may quote a value of a row; says how much, by place.

    The caller holds the warehouse's lock, so that no step writes meanwhile, and has no connection open. The ledger's old
    texts are overwritten, but lie in the file's free blocks until the warehouse is written anew.

    Raises:
        LockedError: Airflow or Superset has not let go of its database for `lock_timeout_seconds`.
    """
    warehouse = settings.warehouse
    old = [*warehouse.parent.glob(f"{warehouse.name}.{ASIDE}*"), warehouse.with_name(f"{warehouse.name}.tmp")]
    return {
        "ledger": _blank_ledger(settings),
        "airflow": blank_airflow(settings),
        "superset": blank_superset(settings),
        "logs": _empty_logs(settings.var / "logs"),
        "check_results": _remove(settings.var / "gx"),
        "data_docs": _remove(settings.docs),
        "dbt": _remove(settings.var / "dbt" / "target"),
        "reports": _remove(*(settings.serving / name for name in PAGES.values())),
        "old_warehouses": _remove(*old, *old_rows(settings)),
        "spilled": _remove(*spilled_by_killed(settings)),
        "dry_runs": sum(_remove(folder) for folder in left_by_killed(settings)),
    }


def erase_old_versions(settings: Settings) -> int:
    """Remove every published version but the live one, half-built ones too; says how many were whole.

    Where nothing that is served can be read, no version is the live one, and all go.

    Raises:
        PublishError: the folder cannot be written, or somebody has the served file open for writing.
        LockedError: another process publishes.
    """
    if not settings.serving.is_dir():
        return 0
    with sentences(settings), files.exclusive(settings.serving, settings.lock_timeout_seconds):
        for folder in (versions_folder(settings), parquet_folder(settings)):
            folder.mkdir(exist_ok=True)
        live = recover(settings)
        return keep_only(settings, {live.version} if live is not None else set())


def _remove(*paths: Path) -> int:
    """Remove folders and files; gives how many files they were."""
    count = 0
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            count += sum(p.is_symlink() or not p.is_dir() for p in path.rglob("*"))
            shutil.rmtree(path)
        elif path.is_symlink() or path.exists():
            count += 1
            path.unlink()
    return count


def _empty_logs(folder: Path) -> int:
    """Cut every log to nothing, where it is: a night or a scheduler that runs goes on writing into the same file.

    It keeps the time of its last entry, so that it is taken away as early as if it had been left alone.
    """
    count = 0
    for above, _, names in os.walk(folder):
        for path in (Path(above, name) for name in names):
            found = path.lstat()
            if path.is_symlink() or not found.st_size:
                continue
            os.truncate(path, 0)
            os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
            count += 1
    return count


def _blank_ledger(settings: Settings) -> int:
    if not settings.warehouse.exists():
        return 0
    with closing(connect(settings)) as connection, transaction(connection):
        connection.execute(DDL)
        count = _blank_summaries(connection)
        for table, texts in _LEDGER.items():
            for column, text in texts.items():
                done = connection.execute(
                    f"UPDATE ops.{table} SET {column} = {text} "
                    f"WHERE {column} IS NOT NULL AND {column} IS DISTINCT FROM {text}"
                ).fetchone()
                count += done[0] if done else 0
        return count


def _blank_summaries(connection: duckdb.DuckDBPyConnection) -> int:
    """Steps' summaries, of which the next steps read what is no words."""
    count = 0
    rows = connection.execute("SELECT rowid, detail FROM ops.steps WHERE detail IS NOT NULL").fetchall()
    for row, detail in rows:
        text = json.dumps(_wordless(json.loads(detail)), ensure_ascii=False)
        if json.loads(text) != json.loads(detail):
            connection.execute("UPDATE ops.steps SET detail = ? WHERE rowid = ?", [text, row])
            count += 1
    return count


def _wordless(value: Any) -> Any:
    if isinstance(value, list):
        return [_wordless(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _wordless(one) if key not in _WORDS else [] if isinstance(one, list) else one and REMOVED
        for key, one in value.items()
    }
