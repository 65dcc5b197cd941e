"""Whether two warehouses hold the same tables: staging, intermediate and marts, row for row, exactly."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.contracts import mart_contracts
from pipelines.quoting import file_literal, ident
from pipelines.warehouse.connection import LAKE
from tests.soak.purity.ways import World, from_scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.soak.purity.histories import History
    from tests.soak.purity.ways import Rounds

Rows = list[tuple[Any, ...]]
Tables = dict[str, tuple[tuple[str, ...], Rows]]
"""Columns and rows by schema and name."""

SHOWN_ROWS = 6


class ImpureError(AssertionError):
    """A way gave other tables than a clean load; the text says which, and how it came to that."""


@dataclass(frozen=True)
class Difference:
    """A table's rows that one side alone has."""

    table: str
    columns: tuple[str, ...]
    expected: Rows
    found: Rows

    def __str__(self) -> str:
        lines = [f"  {self.table}: {len(self.expected)} rows are missing, {len(self.found)} are too many"]
        for mark, rows in (("-", self.expected), ("+", self.found)):
            for row in sorted(rows, key=repr)[:SHOWN_ROWS]:
                shown = ", ".join(f"{n}={v}" for n, v in zip(self.columns, row, strict=True) if v is not None)
                lines.append(f"    {mark} {shown}")
        return "\n".join(lines)


def tables(warehouse: Path) -> Tables:
    """All that dbt has built of the rows, in the order in which one follows from the other."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set variable {LAKE} = {file_literal(warehouse.parents[1] / 'lake')}")
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema in ('staging', 'intermediate', 'marts') "
            "order by case table_schema when 'staging' then 1 when 'intermediate' then 2 else 3 end, 2"
        ).fetchall()
        found: Tables = {}
        for schema, name in names:
            cursor = connection.execute(f"select * from {ident(schema)}.{ident(name)}")
            columns = tuple(d[0] for d in cursor.description or ())
            found[f"{schema}.{name}"] = (columns, cursor.fetchall())
    missing = {f"marts.{name}" for name in mart_contracts()} - set(found)
    assert not missing, f"published, but not built: {missing}"
    return found


def differences(expected: Tables, found: Tables) -> list[Difference]:
    """The tables that differ; one that only one side has differs in all its rows."""
    different = []
    for name in [*expected, *(name for name in found if name not in expected)]:
        (columns, left), (others, right) = (side.get(name, ((), [])) for side in (expected, found))
        missing, surplus = Counter(left) - Counter(right), Counter(right) - Counter(left)
        if missing or surplus or columns != others:
            different.append(
                Difference(name, columns or others, list(missing.elements()), list(surplus.elements()))
            )
    return different


@dataclass(frozen=True)
class Trial:
    """A history's marts from scratch, to judge other ways by."""

    home: Path
    history: History
    expected: Tables

    @classmethod
    def of(cls, home: Path, history: History) -> Trial:
        """Load the final files and build, in a deployment below `home`."""
        world = World(home / "from_scratch", history)
        world.go(from_scratch)
        return cls(home, history, tables(world.settings.warehouse))

    def judge(self, *ways: Callable[[History], Rounds]) -> None:
        """Go other ways, one after another in the same deployment.

        Raises:
            ImpureError: one gave other tables.
        """
        world = World(self.home / "-".join(way.__name__ for way in ways), self.history)
        for way in ways:
            world.go(way)
            different = differences(self.expected, tables(world.settings.warehouse))
            if different:
                lines = [
                    f"{way.__name__} gives other tables than one load from scratch: "
                    + ", ".join(d.table for d in different),
                    *(str(d) for d in different),
                    "  what was done:",
                    *(f"    {step}" for step in world.done),
                ]
                raise ImpureError("\n".join(lines))
