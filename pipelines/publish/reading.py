"""Reading published nights: which version a name means, and a connection to it that can do nothing but read the marts.

A version's own file is opened, so no lock is taken and a publishing meanwhile changes nothing of what is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import PublishError, SettingsError
from pipelines.publish.catalog import (
    DATABASE,
    Published,
    current,
    read_manifest,
    versions,
    versions_folder,
)
from pipelines.quoting import ident, literal
from pipelines.warehouse.connection import connect

if TYPE_CHECKING:
    from pipelines.publish.catalog import Version
    from pipelines.settings import Settings

CURRENT, PREVIOUS = "current", "previous"


def find_version(settings: Settings, name: str = CURRENT) -> Published:
    """The kept version that a name means; its `path` is the version's own file.

    Args:
        settings: Where the serving folder is.
        name: `current`, the one that BI sees; `previous`, the one before it; a version's identifier or its unique
            beginning; or an as-of date, of whose versions the newest is meant.

    Raises:
        PublishError: nothing is published.
        SettingsError: there is no such version; the sentence lists those there are.
    """
    kept, live = versions(settings), current(settings)
    if live is None and not kept:
        raise PublishError(f"{settings.serving}: nothing is published yet; run `mainstay nightly`")
    found = _named(kept, name)
    if found is None and live is not None and name in (CURRENT, live.version):
        return live  # somebody took its folder away; what BI opens is still there
    if found is None:
        lines = "".join(
            f"\n  {v.version}  as of {v.as_of_date}{'  (current)' if v.is_current else ''}" for v in kept
        )
        raise SettingsError(
            f"there is no version {name!r}. Name one of these by its identifier, its as-of date, current or "
            f"previous:{lines}"
        )
    folder = versions_folder(settings) / found.version
    return read_manifest(folder).published(folder / DATABASE)


def _named(kept: list[Version], name: str) -> Version | None:
    """Of the versions, newest first, the one that is meant."""
    place = next((place for place, version in enumerate(kept) if version.is_current), None)
    if name == CURRENT:
        return None if place is None else kept[place]
    if name == PREVIOUS:
        return None if place is None else next(iter(kept[place + 1 :]), None)
    for version in kept:
        if name == version.version or name == version.as_of_date.isoformat():
            return version
    beginning = [version for version in kept if name and version.version.startswith(name)]
    return beginning[0] if len(beginning) == 1 else None


@contextmanager
def reading(
    settings: Settings, published: Published, **beside: Published
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a version that reads its marts and can reach nothing else: no file, no network, no setting.

    Args:
        settings: The deployment, for its limits of threads and memory.
        published: The version; its tables are found by their names alone.
        beside: Other versions, by the name of the database that they are attached as.

    Raises:
        PublishError: a version's file cannot be read.
    """
    # What does not fit into memory must not be written beside the marts, where others look.
    with TemporaryDirectory(prefix="mainstay-") as spill:
        try:
            connection = connect(settings, published.path, read_only=True)
        except duckdb.Error as error:
            raise _unreadable(published, error) from error
        with closing(connection):
            connection.execute(f"SET temp_directory = {literal(spill)}")
            for name, other in beside.items():
                try:
                    connection.execute(f"ATTACH {literal(str(other.path))} AS {ident(name)} (READ_ONLY)")
                except duckdb.Error as error:
                    raise _unreadable(other, error) from error
            # A name in a query is a table's, never one of a variable of this program.
            connection.execute("SET python_enable_replacements = false")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection


def _unreadable(published: Published, error: duckdb.Error) -> PublishError:
    return PublishError(
        f"{published.path}: the version cannot be read ({str(error).splitlines()[0]}); was it removed meanwhile? "
        "`mainstay publish --versions` lists what is kept"
    )
