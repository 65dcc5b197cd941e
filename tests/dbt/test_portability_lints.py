"""The lints of `portability` find what is planted, and Spark's quantile is DuckDB's."""

from __future__ import annotations

from typing import Any

import duckdb
import jinja2
import numpy as np
import pytest
from dbt_warehouse import DBT_PROJECT
from portability import complaints, decimal_quotients, rounded_doubles, teach_exactness, worked_out_twice


@pytest.mark.parametrize(
    "sql",
    [
        "select a, from t",
        "select * from t qualify row_number() over (order by a) = 1",
        "select strftime(a, '%Y') from t",
        "select unnest(a) as n from t",
        "select * from generate_series(1, 3)",
        'select "a" from t',
        "select [x for x in a] from t",
        "select a.* exclude (b) from a",
        "select list_sort(array_agg(a)) from t",
        "select quantile_cont(a, 0.5) from t",
        "select percentile(a, 0.5) from t",
        "select percentile_approx(a, 0.5) from t",
        "select percentile_disc(0.5) within group (order by a) from t",
        "select median(a) from t",
        "select place * 10 from (select row_number() over (order by a) as place from t) as numbered",
        "select (place - 1) * 10 from (select row_number() over (order by a) as place from t) as numbered",
        "select 2 * rank() over (order by a) from t",
    ],
)
def test_the_check_refuses_what_only_duckdb_understands_or_works_out_so(sql: str) -> None:
    assert complaints(sql)


def test_a_product_of_a_row_number_that_is_cast_is_wide_enough() -> None:
    place = "cast(row_number() over (order by a) as bigint) as place"
    assert complaints(f"select place * 10 from (select {place} from t) as numbered") == []


@pytest.mark.parametrize(
    ("expression", "is_bare"),
    [
        ("cast(a / b as decimal(18, 2))", True),
        ("cast(sum(d) over () as decimal(18, 2))", True),
        ("cast(coalesce(d, 0) as decimal(18, 4))", True),
        ("(a / 2)::decimal(18, 2)", True),
        ("cast(case when b > 0 then d else a end as decimal(18, 2))", True),
        ("by_macro(cast(cast(d as decimal(18, 4)) * 2 as decimal(18, 2)))", True),
        ("by_macro(cast(a / b as decimal(18, 2)))", False),
        ("cast(a * 2 + b as decimal(18, 2))", False),
        ("cast(sum(a) over () as decimal(18, 2))", False),
        ("cast(0.25 as decimal(9, 6))", False),
        ("cast(a / b as double)", False),
    ],
)
def test_a_bare_cast_of_a_double_is_found(expression: str, is_bare: bool) -> None:
    with duckdb.connect() as connection:
        teach_exactness(connection)
        connection.execute("create table t (a decimal(18, 2), b integer, d double)")
        inner = f"with u as (select a, b, d from t) select {expression} as x from u"
        assert bool(rounded_doubles(connection, inner)) == is_bare


@pytest.mark.parametrize(
    ("expression", "is_decimal"),
    [
        ("a / b", True),
        ("b / a", True),
        ("b / 2.0", True),
        ("sum(a) over () / nullif(b, 0)", True),
        ("by_macro(a / b)", True),
        ("d + b / (a / b)", True),
        ("avg(a) over ()", True),
        ("d / a", False),
        ("b / 2.0e0", False),
        ("b / b", False),
        ("sum(b) over () / 2", False),
        ("cast(a as double) / b", False),
        ("avg(b) over ()", False),
        ("avg(d) over ()", False),
    ],
)
def test_a_quotient_that_spark_takes_for_a_decimal_is_found(expression: str, is_decimal: bool) -> None:
    with duckdb.connect() as connection:
        teach_exactness(connection)
        connection.execute("create table t (a decimal(18, 2), b integer, d double)")
        assert bool(decimal_quotients(connection, f"select {expression} as x from t")) == is_decimal


SUMMED = "(select a, sum(b) as b from `w`.`s`.`t` group by a)"


@pytest.mark.parametrize(
    ("sql", "twice"),
    [
        (f"with x as {SUMMED} select * from x union all select * from x", ["x"]),
        (f"with x as {SUMMED}, y as (select * from x) select * from y as p join y as q on p.a = q.a", ["y"]),
        (f"with x as {SUMMED}, y as (select max(b) as b from x) select * from x cross join y", ["x"]),
        (f"with x as {SUMMED} select * from x where b = (select max(b) from x)", ["x"]),
        ("select * from `w`.`s`.`v` union all select * from `w`.`s`.`v`", ["v"]),
        ("select * from `w`.`s`.`v` union all select * from `w`.`s`.`outer_v`", ["v"]),
        (
            "with recursive l as (select distinct a, b from `w`.`s`.`t`), "
            "r as (select a, b from l union all select r.a, l.b from r join l on r.b = l.a) select * from r",
            ["l"],
        ),
        ("with x as (select a from `w`.`s`.`t` where b > 0) select * from x union all select * from x", []),
        (f"with x as {SUMMED} select * from x", []),
        ("select * from `w`.`s`.`t` union all select * from `w`.`s`.`t`", []),
        ("select * from `w`.`s`.`plain` union all select * from `w`.`s`.`plain`", []),
    ],
)
def test_what_is_worked_out_twice_is_found(sql: str, twice: list[str]) -> None:
    views = {
        "v": "select distinct a from `w`.`s`.`t`",
        "outer_v": "select * from `w`.`s`.`v`",
        "plain": "select a from `w`.`s`.`t`",
    }
    assert worked_out_twice(sql, views) == twice


def test_sparks_quantile_is_duckdbs_to_the_last_bit() -> None:
    """Spark's words are taught to DuckDB, so that the formula can be tried."""
    macros: Any = jinja2.Template(
        (DBT_PROJECT / "macros/engine/aggregates.sql").read_text(encoding="utf-8")
    ).module
    fractions = (0, 0.1, 0.25, 0.5, 0.9, 1)
    random = np.random.default_rng(7)
    rows = [(size, float(value)) for size in range(1, 60) for value in random.lognormal(3, 2, size)]
    with duckdb.connect() as connection:
        connection.execute("create macro collect_list(value) as list(value) filter (where value is not null)")
        connection.execute("create macro sort_array(list) as list_sort(list)")
        connection.execute("create macro get(list, place) as list[place + 1]")
        connection.execute("create table t (size integer, value double)")
        connection.executemany("insert into t values (?, ?)", [*rows, (0, None), (1, None)])
        for fraction in fractions:
            ours = macros.spark__quantile("value", fraction)
            found = connection.execute(
                f"select size, {ours}, quantile_cont(value, {fraction}) from t group by size order by size"
            ).fetchall()
            assert len(found) == 60
            assert found[0] == (0, None, None)
            assert [(size, spark) for size, spark, _ in found] == [(size, duck) for size, _, duck in found]
