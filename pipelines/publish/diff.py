"""What is different between any two published versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.publish.audit import _columns_of
from pipelines.publish.changes import Changes, Marts, compare_marts
from pipelines.publish.pairs import TableChanges
from pipelines.publish.reading import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.contracts import MartContract
    from pipelines.publish.catalog import Published
    from pipelines.settings import Settings


def compare_versions(
    settings: Settings, before: Published, after: Published, contracts: Mapping[str, MartContract]
) -> Changes:
    """What is different in the version after from the version before, be it older or newer. Takes no lock.

    Raises:
        PublishError: a version's file cannot be read.
    """
    if before.version == after.version:  # one file cannot be attached twice
        same = (TableChanges(n, "same", t.row_count, t.row_count) for n, t in sorted(after.tables.items()))
        return Changes(before.version, before.as_of_date, None, tuple(same))
    with reading(settings, after, before=before) as connection:
        own = connection.execute("SELECT current_database()").fetchall()[0][0]
        return compare_marts(
            connection,
            before,
            Marts("before.main", before.tables, _columns_of(connection, "before", "main")),
            Marts("main", after.tables, _columns_of(connection, own, "main")),
            contracts,
        )
