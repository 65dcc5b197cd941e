"""What publishing would change: the marts as they are built in the warehouse against what is served.

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
from pipelines.publish.pairs import MonthRestated, Pair, TableChanges, TierMove
from pipelines.publish.swap import marts_at_hand
from pipelines.quoting import literal

if TYPE_CHECKING:
    from pipelines.contracts import MartContract
    from pipelines.publish.catalog import Published, PublishedTable
    from pipelines.settings import Settings


@dataclass(frozen=True)
class Changes:
    """What publishing would change of what is served."""

    before: str | None
    """Version that is compared with; None where nothing is served that can be."""
    as_of_before: date | None
    problem: str | None
    """Why what is served could not be compared, although something is."""
    tables: tuple[TableChanges, ...]
    """Every mart that is built or served, by name."""
    tiers_moved: tuple[TierMove, ...] = ()
    """By from_tier and to_tier; customer months that are new or gone are rows added and removed, not moves."""
    tier_months: tuple[date, ...] = ()
    """Months in which a tier moved."""
    revenue_restated: tuple[MonthRestated, ...] = ()
    """Months of fct_transactions whose net amount differs."""
    revenue_total: MonthRestated | None = None
    """Sum of the months restated; None where there is none."""

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
                return _compare_with(connection, settings.warehouse.stem, live, marts.contracts, built)
            except duckdb.Error:
                # Publishing is what mends a damaged file, so that must not keep anyone from it.
                problem = damage(settings, read_manifest(versions_folder(settings) / live.version), path)
                if problem is None:
                    raise
    status = "not compared" if problem else "first publication"
    tables = (TableChanges(name, status, None, table.row_count) for name, table in built.items())
    return Changes(None, None, problem, tuple(tables))


def _compare_with(
    connection: duckdb.DuckDBPyConnection,
    warehouse: str,
    live: Published,
    contracts: list[MartContract],
    built: dict[str, PublishedTable],
) -> Changes:
    served = _columns_of(connection, "serving", "main")
    tables = [
        TableChanges(name, "gone", old.row_count, None, removed=old.row_count)
        for name, old in live.tables.items()
        if name not in built
    ]
    moves: list[TierMove] = []
    months: list[date] = []
    restated: list[MonthRestated] = []
    for contract in contracts:
        name, rows = contract.name, built[contract.name].row_count
        if name not in live.tables:
            tables.append(TableChanges(name, "new", None, rows, added=rows))
            continue
        pair = Pair(connection, warehouse, contract, served[name])
        same = live.tables[name].fingerprint == built[name].fingerprint and pair.has_same_columns
        where = None if same else pair.where_different()
        tables.append(pair.changes(where, live.tables[name].row_count, rows))
        if where and name == "customer_tiers_monthly":
            moves, months = pair.tiers_moved(where)
        if where and name == "fct_transactions":
            restated = pair.revenue_restated(where, live.as_of_date)
    total = None
    if restated:
        before, after = sum(r.before for r in restated), sum(r.after for r in restated)
        total = MonthRestated(None, Decimal(before), Decimal(after), Decimal(after - before))
    return Changes(
        live.version,
        live.as_of_date,
        None,
        tuple(sorted(tables, key=lambda t: t.name)),
        tuple(moves),
        tuple(months),
        tuple(restated),
        total,
    )
