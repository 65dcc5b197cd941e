"""Rows added, removed and changed agree with what plain Python says of random small tables."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st
from publishing_world import contract
from shortening import examples

from pipelines.publish.pairs import Pair, Side, TableChanges

KEYED = """
      - {name: k, physicalType: VARCHAR, primaryKey: true}
      - {name: month, physicalType: DATE, primaryKey: true, primaryKeyPosition: 2}
      - {name: a, physicalType: INTEGER}
      - {name: b, physicalType: VARCHAR}
"""
KEYS = st.tuples(
    st.sampled_from([None, "", "x", "y"]), st.sampled_from([None, date(2017, 1, 1), date(2017, 2, 1)])
)
VALUES = st.tuples(st.sampled_from([None, 0, 1]), st.sampled_from([None, "", "z"]))
LOOSE = KEYED.replace(", primaryKey: true", "").replace(", primaryKeyPosition: 2", "")
ROWS = st.lists(st.tuples(KEYS, VALUES), max_size=8)


def figures(table: TableChanges) -> tuple[Any, ...]:
    return table.rows_before, table.rows_after, table.added, table.removed, table.changed


def pair_figures(folder: Path, name: str, columns: str, sides: list[list[tuple[Any, ...]]]) -> TableChanges:
    with duckdb.connect() as c:
        for relation, rows in zip(("serving.main", "built.marts"), sides, strict=True):
            c.execute(f"attach ':memory:' as {relation.split('.')[0]}")
            c.execute(f"create schema if not exists {relation}")
            c.execute(f"create table {relation}.{name} (k varchar, month date, a integer, b varchar)")
            if rows:
                c.executemany(f"insert into {relation}.{name} values (?, ?, ?, ?)", rows)
        known = contract(folder, name, columns=columns)
        has = [(column.name, column.type) for column in known.columns]
        pair = Pair(c, known.name, known.key, Side("serving.main", has), Side("built.marts", has))
        return pair.changes(pair.where_different(), *map(len, sides))


@given(old=st.dictionaries(KEYS, VALUES, max_size=8), new=st.dictionaries(KEYS, VALUES, max_size=8))
@settings(max_examples=examples(25, 60), deadline=None)
def test_keyed_figures_agree_with_a_comparison_of_dictionaries(
    old: dict[Any, Any], new: dict[Any, Any]
) -> None:
    sides = [[(*key, *values) for key, values in side.items()] for side in (old, new)]
    with TemporaryDirectory() as folder:
        table = pair_figures(Path(folder), "keyed", KEYED, sides)
    added, removed = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
    assert figures(table) == (len(old), len(new), added, removed, changed)
    assert table.status == ("same" if old == new else "changed")


@given(old=ROWS, new=ROWS)
@settings(max_examples=examples(25, 60), deadline=None)
def test_figures_without_a_key_agree_with_a_comparison_of_multisets(
    old: list[tuple[Any, ...]], new: list[tuple[Any, ...]]
) -> None:
    before, after = ([(*key, *values) for key, values in side] for side in (old, new))
    with TemporaryDirectory() as folder:
        table = pair_figures(Path(folder), "loose", LOOSE, [before, after])
    more, fewer = Counter(after) - Counter(before), Counter(before) - Counter(after)
    assert figures(table) == (len(before), len(after), more.total(), fewer.total(), 0)
    assert table.status == ("changed" if more or fewer else "same")
