"""What is published and what was: the served file's `_publish` table and the kept versions' manifests."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.contracts.info_table import INFO_TABLE
from pipelines.errors import PublishError
from pipelines.publish import files
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from pipelines.settings import Settings

logger = logging.getLogger(__name__)

DATABASE = "marts.duckdb"
MANIFEST = "manifest.json"
VERSION_ID = re.compile(r"^\d{8}T\d{6}_\d{6}Z-[A-Za-z0-9_-]+$")
_STAMP = "%Y%m%dT%H%M%S_%fZ"


@dataclass(frozen=True)
class PublishedTable:
    """One published mart: its rows, its contract's version, and a fingerprint of its rows in any order."""

    row_count: int
    contract_version: str
    fingerprint: str


@dataclass(frozen=True)
class Published:
    """One whole night as BI sees it. `run_id` is the run that built it, not one that changed nothing."""

    version: str
    run_id: str
    as_of_date: date
    published_at: datetime
    content: str
    """Hash of everything a reader can tell apart: as-of date, contracts and rows."""
    tables: dict[str, PublishedTable]
    path: Path
    """The file that BI opens."""
    unchanged: bool = False
    """True when this call swapped nothing, because the same content was served already."""


@dataclass(frozen=True)
class Version:
    """A version kept for rollback."""

    version: str
    run_id: str
    as_of_date: date
    published_at: datetime
    row_counts: dict[str, int]
    size_bytes: int
    sha256: str
    is_current: bool


@dataclass(frozen=True)
class Manifest:
    """The `manifest.json` of a version: what it holds, and the check sums that say it still does."""

    version: str
    run_id: str
    as_of_date: str
    published_at: str
    content: str
    duckdb_version: str
    size_bytes: int
    sha256: str
    tables: dict[str, dict[str, Any]]
    parquet_sha256: dict[str, str]
    sequence: int = 0
    """Its place among the versions; 0 where an older Mainstay wrote it."""

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def published(self, path: Path, *, unchanged: bool = False) -> Published:
        """The night that this manifest describes."""
        return Published(
            version=self.version,
            run_id=self.run_id,
            as_of_date=date.fromisoformat(self.as_of_date),
            published_at=datetime.fromisoformat(self.published_at),
            content=self.content,
            tables={name: PublishedTable(**table) for name, table in self.tables.items()},
            path=path,
            unchanged=unchanged,
        )


def read_manifest(folder: Path) -> Manifest:
    """Read a version folder's manifest, or raise `PublishError`."""
    path = folder / MANIFEST
    try:
        return Manifest(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise PublishError(
            f"{path}: no readable manifest of a published version ({error}); remove that folder"
        ) from error


def serving_file(settings: Settings) -> Path:
    """The file that BI opens."""
    return settings.serving / DATABASE


def versions_folder(settings: Settings) -> Path:
    """Where the versions of the serving file are kept."""
    return settings.serving / "versions"


def parquet_folder(settings: Settings) -> Path:
    """Where the versions of the Parquet files and their `current` pointer are."""
    return settings.serving / "parquet"


def new_version(settings: Settings, run_id: str, now: datetime) -> tuple[str, datetime]:
    """An identifier that no kept version bears, and its moment: what the clock says, be it before that of others."""
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", run_id).strip("-")[:60].rstrip("-") or "run"
    while True:
        version = f"{now.astimezone(UTC).strftime(_STAMP)}-{slug}"
        if not (versions_folder(settings) / version).exists():
            return version, now
        now += timedelta(microseconds=1)


def next_sequence(settings: Settings) -> int:
    """The place of a new version: after all kept ones."""
    return max((_sequence(settings, name) for name in _kept(settings)), default=0) + 1


def version_ids(settings: Settings) -> list[str]:
    """Identifiers of the kept versions, newest first: by their sequence, as clocks can go back."""
    return sorted(_kept(settings), key=lambda name: (_sequence(settings, name), name), reverse=True)


def _kept(settings: Settings) -> list[str]:
    folder = versions_folder(settings)
    return [p.name for p in folder.iterdir() if VERSION_ID.match(p.name)] if folder.is_dir() else []


def _sequence(settings: Settings, version: str) -> int:
    try:
        return read_manifest(versions_folder(settings) / version).sequence
    except PublishError:
        return 0  # as those of an older Mainstay, which are in the order of their names


def versions(settings: Settings) -> list[Version]:
    """The versions kept for rollback, newest first. A folder without a manifest is none, and is logged."""
    live = current(settings)
    found: list[Version] = []
    for name in version_ids(settings):
        try:
            m = read_manifest(versions_folder(settings) / name)
        except PublishError as error:
            logger.warning("%s", error)
            continue
        found.append(
            Version(
                version=m.version,
                run_id=m.run_id,
                as_of_date=date.fromisoformat(m.as_of_date),
                published_at=datetime.fromisoformat(m.published_at),
                row_counts={table: t["row_count"] for table, t in m.tables.items()},
                size_bytes=m.size_bytes,
                sha256=m.sha256,
                is_current=live is not None and live.version == m.version,
            )
        )
    return found


def damage(settings: Settings, manifest: Manifest, database: Path) -> str | None:
    """What of a version is not as its manifest says, or None. Reads every byte of it."""
    expected = {database: manifest.sha256}
    for name, digest in manifest.parquet_sha256.items():
        expected[parquet_folder(settings) / manifest.version / name] = digest
    for path, digest in expected.items():
        if not path.is_file():
            return f"{path} is missing"
        if files.sha256(path) != digest:
            return f"{path} has been changed since it was published"
    return None


def current(settings: Settings) -> Published | None:
    """The night that BI sees, read from the served file itself; None before the first publishing.

    Raises:
        PublishError: The file cannot be read, or is none of ours.
    """
    path = serving_file(settings)
    if not path.exists():
        return None
    try:
        with duckdb.connect() as connection:
            # Not connect(path): that hands out the old night while this process has it open elsewhere.
            connection.execute(f"ATTACH {literal(str(path))} AS serving (READ_ONLY)")
            rows = connection.execute(
                "SELECT version, run_id, as_of_date, published_at, content, "
                "table_name, row_count, contract_version, fingerprint "
                f"FROM serving.main.{ident(INFO_TABLE)} ORDER BY table_name"
            ).fetchall()
    except duckdb.Error as error:
        raise PublishError(
            f"{path}: the serving file cannot be read ({error}); publish again or roll back"
        ) from error
    if len({row[:5] for row in rows}) != 1:
        raise PublishError(f"{path}: {INFO_TABLE} does not name one run; publish again or roll back")
    version, run_id, as_of, published_at, content = rows[0][:5]
    return Published(
        version=version,
        run_id=run_id,
        as_of_date=as_of,
        published_at=published_at.replace(tzinfo=UTC),
        content=content,
        tables={
            name: PublishedTable(count, contract, fingerprint)
            for *_, name, count, contract, fingerprint in rows
        },
        path=path,
    )


def as_of_for(settings: Settings, business_date: date) -> date:
    """The date that a run for `business_date` builds the marts for: never one before what BI sees already.

    A night that is run again for an earlier date corrects that date's rows; it does not take BI back in time.
    """
    published = current(settings)
    return business_date if published is None else max(business_date, published.as_of_date)
