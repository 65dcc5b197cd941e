"""What is different between two nights: the marts as they are built against what is served, or two published versions.

It costs a fingerprint of every mart; where that differs one more for each month, and then only the months
that differ are compared row by row. So a corrected day costs little more than the fingerprints.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.publish.audit import _columns_of
from pipelines.publish.catalog import damage, read_manifest, serving_file, versions_folder
from pipelines.publish.pairs import MonthRestated, Pair, Side, TableChanges, TierMove
from pipelines.publish.swap import marts_at_hand
from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.contracts import MartContract
    from pipelines.publish.catalog import Published, PublishedTable
    from pipelines.settings import Settings


@dataclass(frozen=True)
class Changes:
    """What of the marts is different after, from what was before."""

    before: str | None
    """Version that is compared with; None where nothing is served that can be."""
    as_of_before: date | None
    problem: str | None
    """Why what is served could not be compared, although something is."""
    tables: tuple[TableChanges, ...]
    """Every mart of either side, by name."""
    tiers_moved: tuple[TierMove, ...] = ()
    """By from_tier and to_tier; customer months that are new or gone are rows added and removed, not moves."""
    tier_months: tuple[date, ...] = ()
    """Months in which a tier moved."""
    revenue_restated: tuple[MonthRestated, ...] = ()
    """Months of fct_transactions whose net amount differs."""
    revenue_total: MonthRestated | None = None
    """Sum of the months restated; None where there is none."""
    revenue_changed: tuple[MonthRestated, ...] = ()
    """Months of fct_transactions whose net amount differs, by new days as well."""

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON: dates as ISO text, amounts as text with the currency's decimals, counts as numbers."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
    return value


def compare(settings: Settings, contracts: dict[str, MartContract]) -> Changes:
    """Compare the marts as they are built with what is served. The caller holds the warehouse's lock.

    Raises:
        PublishError: The marts are missing or not what their contracts say: publishing would refuse them, too.
        LockedError: Another process writes to the warehouse or publishes.
    """
    path = serving_file(settings)
    with marts_at_hand(settings, contracts) as marts:
        connection, live, built = marts.connection, marts.live, marts.tables
        problem = f"{path}: the serving file cannot be read" if live is None and path.exists() else None
        if live is not None:
            try:
                connection.execute(f"ATTACH {literal(str(path))} AS serving (READ_ONLY)")
                before = Marts("serving.main", live.tables, _columns_of(connection, "serving", "main"))
                columns = {c.name: [(p.name, p.type) for p in c.columns] for c in marts.contracts}
                after = Marts(f"{ident(settings.warehouse.stem)}.marts", built, columns)
                return compare_marts(connection, live, before, after, contracts)
            except duckdb.Error:
                # Publishing is what mends a damaged file, so that must not keep anyone from it.
                problem = damage(settings, read_manifest(versions_folder(settings) / live.version), path)
                if problem is None:
                    raise
    status = "not compared" if problem else "first publication"
    tables = (TableChanges(name, status, None, table.row_count) for name, table in built.items())
    return Changes(None, None, problem, tuple(tables))


@dataclass(frozen=True)
class Marts:
    """All marts of one side."""

    schema: str
    """Where they are, as SQL."""
    tables: Mapping[str, PublishedTable]
    columns: Mapping[str, list[tuple[str, str]]]
    """Of each its columns with their types."""


def compare_marts(
    connection: duckdb.DuckDBPyConnection,
    served: Published,
    before: Marts,
    after: Marts,
    contracts: Mapping[str, MartContract],
) -> Changes:
    """Compare all marts of two sides that the connection has attached.

    Args:
        connection: Reads both sides.
        served: The night that the side before is.
        before: What was served.
        after: What is served now, or will be.
        contracts: Whose keys tell rows apart; the rows of a mart without one are compared whole.
    """
    tables = []
    moves: list[TierMove] = []
    months: list[date] = []
    restated: list[MonthRestated] = []
    revenue: list[MonthRestated] = []
    for name in sorted({*before.tables, *after.tables}):
        old, new = before.tables.get(name), after.tables.get(name)
        if old is None or new is None:
            tables.append(_on_one_side(name, old, new))
            continue
        key = contracts[name].key if name in contracts else ()
        pair = Pair(
            connection,
            name,
            key,
            Side(before.schema, before.columns[name]),
            Side(after.schema, after.columns[name]),
        )
        same = old.fingerprint == new.fingerprint and pair.has_same_columns
        where = None if same else pair.where_different()
        tables.append(pair.changes(where, old.row_count, new.row_count))
        if where and name == "customer_tiers_monthly":
            moves, months = pair.tiers_moved(where)
        if where and name == "fct_transactions":
            restated = pair.revenue_restated(where, served.as_of_date)
            revenue = pair.revenue_changed(where)
    return Changes(
        before=served.version,
        as_of_before=served.as_of_date,
        problem=None,
        tables=tuple(tables),
        tiers_moved=tuple(moves),
        tier_months=tuple(months),
        revenue_restated=tuple(restated),
        revenue_total=_total(restated),
        revenue_changed=tuple(revenue),
    )


def _on_one_side(name: str, old: PublishedTable | None, new: PublishedTable | None) -> TableChanges:
    if old is not None:
        return TableChanges(name, "gone", old.row_count, None, removed=old.row_count)
    assert new is not None  # noqa: S101 - it is a mart of one of both
    return TableChanges(name, "new", None, new.row_count, added=new.row_count)


def _total(months: list[MonthRestated]) -> MonthRestated | None:
    if not months:
        return None
    before, after = sum(r.before for r in months), sum(r.after for r in months)
    return MonthRestated(None, Decimal(before), Decimal(after), Decimal(after - before))
