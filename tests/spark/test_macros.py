"""The macros that round and interpolate give DuckDB's figures on Spark, to the last digit; a bare cast would not."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from pipelines.settings import PROJECT_DIR

MACROS = PROJECT_DIR / "dbt_project" / "macros" / "engine" / "aggregates.sql"


@pytest.fixture(scope="module")
def macros() -> Any:
    """The macros as dbt renders them, of each engine."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])  # noqa: S701 - SQL, not HTML
    return environment.from_string(MACROS.read_text(encoding="utf-8")).module


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Doubles as sums and quotients leave them: many a tie, and what lies next to one."""
    chance = random.Random(7)
    ties = [(2 * chance.randrange(10**7) + 1) / (2 * 10**scale) for scale in (0, 2, 4) for _ in range(1500)]
    quotients = [chance.randrange(1, 10**7) / chance.randrange(1, 400) for _ in range(3000)]
    values = [
        sign * value
        for value in (*ties, *quotients, 0.0, 0.005, 1.005, 4.35, 4.87025, 2.5e10)
        for sign in (1, -1)
    ]
    path = tmp_path_factory.mktemp("numbers") / "numbers.parquet"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE n (place INTEGER, x DOUBLE)")
        connection.executemany("INSERT INTO n VALUES (?, ?)", list(enumerate(values)))
        connection.execute(f"COPY n TO '{path}' (FORMAT parquet)")
    return path


def by_spark(session: Any, numbers: Path, expression: str) -> list[Decimal]:
    frame = session.read.parquet(str(numbers)).selectExpr("place", f"{expression} AS rounded")
    return [row["rounded"] for row in frame.orderBy("place").collect()]


def by_duckdb(numbers: Path, expression: str) -> list[Decimal]:
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT {expression} FROM read_parquet('{numbers}') ORDER BY place"
        ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("scale", [0, 2, 3, 4, 10])
def test_a_double_becomes_the_same_decimal(session: Any, macros: Any, numbers: Path, scale: int) -> None:
    wanted = by_duckdb(numbers, macros.default__to_decimal("x", scale, 28))
    assert by_spark(session, numbers, macros.spark__to_decimal("x", scale, 28)) == wanted


@pytest.mark.parametrize("scale", [2, 4])
def test_without_the_macro_they_differ(session: Any, macros: Any, numbers: Path, scale: int) -> None:
    """What the lint forbids, and why: without it the test above would not notice a macro that does nothing."""
    bare = macros.default__to_decimal("x", scale, 18)
    assert by_spark(session, numbers, bare) != by_duckdb(numbers, bare)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9])
def test_a_quantile_is_the_same_to_the_last_bit(
    session: Any, macros: Any, numbers: Path, fraction: float
) -> None:
    wanted = by_duckdb(numbers, "1")  # as many rows as there are
    groups = 97
    assert len(wanted) > 50 * groups
    with duckdb.connect() as connection:
        expected = connection.execute(
            f"SELECT place % {groups} AS part, {macros.default__quantile('x', fraction)} AS cut "
            f"FROM read_parquet('{numbers}') GROUP BY part ORDER BY part"
        ).fetchall()
    frame = session.read.parquet(str(numbers)).selectExpr(f"place % {groups} AS part", "x")
    frame.createOrReplaceTempView("numbers")
    found = session.sql(
        f"SELECT part, {macros.spark__quantile('x', fraction)} AS cut FROM numbers GROUP BY part ORDER BY part"
    ).collect()
    assert [(row["part"], row["cut"]) for row in found] == expected


def test_texts_are_joined_the_same_also_where_they_are_empty(session: Any, macros: Any) -> None:
    rows = "(1, 1, ''), (2, 1, null), (3, 2, 'b'), (3, 1, 'a'), (3, 3, null), (4, 1, ''), (4, 2, ''), (5, 2, 'x'), (5, 1, '')"
    query = "SELECT part, {} AS joined FROM (VALUES {}) AS t (part, place, said) GROUP BY part ORDER BY part"
    wanted = duckdb.execute(query.format(macros.default__joined_texts("said", "place"), rows)).fetchall()
    assert wanted == [(1, ""), (2, None), (3, "a,b"), (4, ","), (5, ",x")]
    found = session.sql(query.format(macros.spark__joined_texts("said", "place"), rows)).collect()
    assert [(row["part"], row["joined"]) for row in found] == wanted


def test_a_query_of_more_steps_and_rows_than_spark_allows_by_default_ends(session: Any) -> None:
    """As the tiers that customers hold need it, with grace months or soft landing: 100 steps, and a million rows in all."""
    (row,) = session.sql(
        "WITH RECURSIVE steps AS (SELECT id, 1 AS step FROM range(0, 10000, 1, 1) "
        "UNION ALL SELECT id, step + 1 FROM steps WHERE step < 101) SELECT count(*), max(step) FROM steps"
    ).collect()
    assert tuple(row) == (1_010_000, 101)
