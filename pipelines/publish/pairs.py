"""One mart before and after, say as it is served and as it is built: which rows, tiers and amounts differ.

Only the months whose fingerprints differ are read row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.quoting import ident, literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal

    import duckdb


@dataclass(frozen=True)
class TableChanges:
    """What changes in one mart. `rows_before` is None where it is not served, `rows_after` where it is gone."""

    name: str
    status: str
    """`first publication`, `new`, `gone`, `changed`, `same`, or `not compared` for a stated problem."""
    rows_before: int | None
    rows_after: int | None
    added: int = 0
    """Rows whose key is new; in a mart without a key, whole rows, each as often as there are more of it."""
    removed: int = 0
    changed: int = 0
    """Rows whose key stays while another column differs, of those that both versions have."""
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    columns_retyped: tuple[str, ...] = ()
    """Compared in the new type; what it cannot hold counts as null."""


@dataclass(frozen=True)
class TierMove:
    """Customer months served as `from_tier` and built as `to_tier`."""

    from_tier: str | None
    to_tier: str | None
    customers: int
    customer_months: int
    complete_customer_months: int
    first_month: date
    last_month: date


@dataclass(frozen=True)
class MonthRestated:
    """A month's net amount in the reporting currency; 0 where there is no row."""

    month: date | None
    before: Decimal
    after: Decimal
    difference: Decimal


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    schema: str
    """Where its tables are, as SQL: `serving.main`."""
    columns: Sequence[tuple[str, str]]
    """The mart's, each with its type, in their order."""


class Pair:
    """One mart on both sides, in the columns that both have and the types of the side after."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        key: Sequence[str],
        before: Side,
        after: Side,
    ) -> None:
        self._connection = connection
        self._name = name
        old, new = dict(before.columns), dict(after.columns)
        self.has_same_columns = list(before.columns) == list(after.columns)
        self._columns = [name for name in new if name in old]
        self._added = tuple(name for name in new if name not in old)
        self._removed = tuple(name for name in old if name not in new)
        self._retyped = tuple(name for name in self._columns if old[name] != new[name])
        # A key that one side does not have identifies nothing; rows are then compared whole.
        self._key = tuple(key) if set(key) <= set(self._columns) else ()
        dated = [name for name in ("month", *self._key) if new.get(name) == "DATE" and name in old]
        self._part = dated[0] if dated else None
        cast = ", ".join(
            f"TRY_CAST({ident(c)} AS {new[c]}) AS {ident(c)}" if c in self._retyped else ident(c)
            for c in self._columns
        )
        names = ", ".join(map(ident, self._columns))
        self._before = f"(SELECT {cast} FROM {before.schema}.{ident(name)})"
        self._after = f"(SELECT {names} FROM {after.schema}.{ident(name)})"
        self._hash = f"hash({names})"

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return rows

    def _parts(self, relation: str) -> dict[str | None, tuple[int, int, int]]:
        """Fingerprint of each month, or whatever the rows are told apart by; dates as text, which holds all."""
        part = f"CAST({ident(self._part)} AS VARCHAR)" if self._part else "NULL"
        rows = self._rows(
            'SELECT "a part", count(*), bit_xor("a hash"), sum("a hash") '
            f'FROM (SELECT {part} AS "a part", {self._hash} AS "a hash" FROM {relation}) GROUP BY "a part"'
        )
        return {row[0]: row[1:] for row in rows}

    def where_different(self) -> str | None:
        """The condition that keeps only the months that differ, or None where none does."""
        if not self._columns:
            return None
        before, after = self._parts(self._before), self._parts(self._after)
        different = {part for part in before.keys() | after.keys() if before.get(part) != after.get(part)}
        if not different or not self._part:
            return "true" if different else None
        dates = ", ".join(f"DATE {literal(part)}" for part in sorted(filter(None, different)))
        conditions = [f"{ident(self._part)} IN ({dates})"] if dates else []
        conditions += [f"{ident(self._part)} IS NULL"] if None in different else []
        return f"({' OR '.join(conditions)})"

    def changes(self, where: str | None, rows_before: int, rows_after: int) -> TableChanges:
        """Rows added, removed and changed."""
        added = removed = changed = 0
        if not self._columns:
            added, removed = rows_after, rows_before
        elif where:
            # A key's rows that only one side has, more than once where the key is not unique: as many as have
            # a partner on the other side are changed, the rest is added or removed. Null is a value as any.
            key = ", ".join(map(ident, self._key or self._columns))
            [(added, removed, changed)] = self._rows(
                f"""
                WITH sides AS (
                    SELECT {key}, {self._hash} AS "a hash", 1 AS "a side" FROM {self._after} WHERE {where}
                    UNION ALL
                    SELECT {key}, {self._hash}, -1 FROM {self._before} WHERE {where}
                ), different AS (
                    SELECT {key}, sum("a side") AS "a rest" FROM sides
                    GROUP BY {key}, "a hash" HAVING sum("a side") <> 0
                ), keys AS (
                    SELECT
                        coalesce(sum("a rest") FILTER (WHERE "a rest" > 0), 0) AS more,
                        coalesce(-sum("a rest") FILTER (WHERE "a rest" < 0), 0) AS fewer
                    FROM different GROUP BY {key}
                )
                SELECT
                    coalesce(sum(greatest(more - fewer, 0)), 0),
                    coalesce(sum(greatest(fewer - more, 0)), 0),
                    coalesce(sum(least(more, fewer)), 0)
                FROM keys
                """
            )
        columns = (self._added, self._removed, self._retyped)
        status = "changed" if any((added, removed, changed, *columns)) else "same"
        return TableChanges(
            self._name, status, rows_before, rows_after, int(added), int(removed), int(changed), *columns
        )

    def tiers_moved(self, where: str) -> tuple[list[TierMove], list[date]]:
        """Customer months with another tier, from tier to tier, and the months they are in."""
        if not {"customer_id", "month", "tier", "is_complete_month"} <= set(self._columns):
            return [], []
        moved = f"""
            SELECT
                old.tier AS from_tier, new.tier AS to_tier, customer_id, month,
                new.is_complete_month AS is_complete
            FROM (SELECT * FROM {self._before} WHERE {where}) AS old
            INNER JOIN (SELECT * FROM {self._after} WHERE {where}) AS new USING (customer_id, month)
            WHERE old.tier IS DISTINCT FROM new.tier
        """
        moves = self._rows(
            "SELECT from_tier, to_tier, count(DISTINCT customer_id), count(*), "
            "count(*) FILTER (WHERE is_complete), min(month), max(month) "
            f"FROM ({moved}) GROUP BY from_tier, to_tier ORDER BY ALL"
        )
        months = self._rows(f"SELECT DISTINCT month FROM ({moved}) ORDER BY month")
        return [TierMove(*move) for move in moves], [month for (month,) in months]

    def revenue_restated(self, where: str, as_of_before: date) -> list[MonthRestated]:
        """Months that were served before whose net amount differs, by the days that were served.

        A month before the first that was served, or a day after the as-of date it was served for, is new, not restated.
        """
        last = literal(as_of_before.isoformat())
        served = (
            f"(month IS NULL OR month BETWEEN (SELECT min(month) FROM {self._before}) "
            f"AND date_trunc('month', DATE {last}))"
        )
        if "business_date" in self._columns:
            served += f" AND (business_date IS NULL OR business_date <= DATE {last})"
        return self.revenue_changed(where, served)

    def revenue_changed(self, where: str, of: str = "true") -> list[MonthRestated]:
        """Months whose net amount differs, by the rows that a condition is `of`: new months and days as well."""
        if not {"month", "net_amount"} <= set(self._columns):
            return []
        rows = self._rows(
            f"""
            SELECT
                month,
                coalesce(sum(amount) FILTER (WHERE NOT is_new), 0) AS before,
                coalesce(sum(amount) FILTER (WHERE is_new), 0) AS after
            FROM (
                SELECT month, net_amount AS amount, false AS is_new FROM {self._before}
                WHERE {where} AND {of}
                UNION ALL
                SELECT month, net_amount, true FROM {self._after} WHERE {where} AND {of}
            ) GROUP BY month HAVING before <> after ORDER BY month NULLS FIRST
            """
        )
        return [MonthRestated(month, before, after, after - before) for month, before, after in rows]
