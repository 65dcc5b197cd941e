"""What keeps compiled SQL from giving the same on Spark as on DuckDB, or from being worked out once.

Three lints over compiled models, each of which returns what it found: syntax and functions that Spark lacks or works out
otherwise; bare casts of doubles to decimals; and what Spark would work out more than once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import duckdb
import sqlglot
from sqlglot import exp

# Functions and hints that Spark has and sqlglot knows by no class of its own.
SPARK_FUNCTIONS = {"GET", "REBALANCE"}

# What sqlglot reads in every dialect although Spark lacks it.
NOT_IN_SPARK = (exp.Comprehension, exp.PercentileCont, exp.Qualify, exp.Unnest)

# Spark has some of these, with other last bits than DuckDB: the macro `quantile` is for them.
QUANTILES = (exp.ApproxQuantile, exp.Median, exp.PercentileDisc, exp.Quantile)

# Whole numbers of windows: INT in Spark, BIGINT in DuckDB.
PLACES = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile)

# What makes a relation dear to work out; without any it is a filtered table, as cheap as reading the table.
WORK = (exp.AggFunc, exp.Distinct, exp.Explode, exp.Group, exp.Join, exp.SetOperation, exp.Window)


def complaints(sql: str) -> list[str]:
    """What keeps the text from being one Spark query with DuckDB's figures."""
    try:
        statements = sqlglot.parse(sql, read="spark")
    except sqlglot.errors.SqlglotError as error:
        return [str(error)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return ["not one query"]
    found = []
    if re.search(r",\s*(from|where|group by|order by|\))\b", sql, re.IGNORECASE):
        found.append("a trailing comma")
    if "generate_series" in sql.lower():  # sqlglot takes it for Spark's sequence
        found.append("generate_series")
    if '"' in sql:
        found.append("a double-quoted name, which Spark reads as text")
    for function in statements[0].find_all(exp.Anonymous):
        if function.name.upper() not in SPARK_FUNCTIONS:
            found.append(f"function {function.name}")
    if any(star.args.get("except_") for star in statements[0].find_all(exp.Star)):
        found.append("a star with exceptions")
    found += [type(node).__name__ for node in statements[0].find_all(*NOT_IN_SPARK, *QUANTILES)]
    return found + _narrow_products(statements[0])


def _narrow_products(tree: exp.Expr) -> list[str]:
    """The products of a row number, which Spark has no room for from some hundred thousand rows on; one that is cast is wide."""
    places = {alias.alias for alias in tree.find_all(exp.Alias) if _is_place(alias.this)}
    return [
        f"a product of a row number, an INT in Spark: {product.sql('spark')}"
        for product in tree.find_all(exp.Mul)
        if any(
            _is_place(node) or (isinstance(node, exp.Column) and node.name in places)
            for side in (product.left, product.right)
            for node in side.walk(
                prune=lambda node: isinstance(node, (exp.Cast, exp.AggFunc)) or _is_place(node)
            )
        )
    ]


def _is_place(node: exp.Expr) -> bool:
    return isinstance(node, exp.Window) and isinstance(node.this, PLACES)


MARK = "by_macro"
"""Around what the macro `to_decimal` makes, when compiled to be judged."""


def teach_exactness(connection: duckdb.DuckDBPyConnection) -> None:
    """Gives DuckDB a function that takes whole numbers and decimals, but no double, and one that takes whole numbers alone.

    Its binder is the judge of types.
    """
    for name, type_ in (("exactly", "DECIMAL(38, 4)"), ("wholly", "HUGEINT")):
        taken = duckdb.sqltype(type_)
        connection.create_function(name, lambda value: value, [taken], taken)
    connection.execute(f"create temporary macro {MARK}(value) as value")


def rounded_doubles(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """The casts to DECIMAL whose operand is a DOUBLE, as every quotient is in DuckDB; those of the macro left out.

    The connection has been taught exactness, and has the relations that the query reads; nothing is run.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    places = range(len(_bare_casts(tree)))
    if _binds(connection, tree, places):
        return []
    return [_bare_casts(tree)[n].sql("duckdb") for n in places if not _binds(connection, tree, [n])]


def decimal_quotients(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """The quotients and averages of decimals: DuckDB works them out as doubles, Spark as decimals that it rounds.

    One of whole numbers is a double on both. The connection is as for `rounded_doubles`.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    return [node.sql("duckdb") for n, node in enumerate(_quotients(tree)) if _is_decimal(connection, tree, n)]


def _quotients(tree: exp.Expr) -> list[exp.Expr]:
    return list(tree.find_all(exp.Div, exp.Avg))


def _is_decimal(connection: duckdb.DuckDBPyConnection, tree: exp.Expr, place: int) -> bool:
    """Whether Spark would work out this quotient as a decimal: no operand is a double, and one is not whole."""

    def takes(function: str) -> bool:
        copy = tree.copy()
        node = _quotients(copy)[place]
        for operand in [node.this, node.expression] if isinstance(node, exp.Div) else [node.this]:
            operand.replace(exp.Anonymous(this=function, expressions=[operand.copy()]))
        return _accepted(connection, copy, function)

    return takes("exactly") and not takes("wholly")


def _bare_casts(tree: exp.Expr) -> list[exp.Cast]:
    return [
        node
        for node in tree.find_all(exp.Cast)
        if node.to.is_type(exp.DataType.Type.DECIMAL)
        and not (isinstance(node.parent, exp.Anonymous) and node.parent.name == MARK)
    ]


def _binds(connection: duckdb.DuckDBPyConnection, tree: exp.Expr, places: Sequence[int]) -> bool:
    """Whether DuckDB finds the operands of these bare casts exact."""
    copy = tree.copy()
    casts = _bare_casts(copy)
    for place in places:
        operand = casts[place].this
        operand.replace(exp.Anonymous(this="exactly", expressions=[operand.copy()]))
    return _accepted(connection, copy, "exactly")


def _accepted(connection: duckdb.DuckDBPyConnection, tree: exp.Expr, function: str) -> bool:
    """Whether DuckDB gives this taught function only what it takes."""
    try:
        connection.execute(f"explain {tree.sql('duckdb')}")
    except duckdb.BinderException as error:
        if re.search(rf"{function}\((DOUBLE|FLOAT|DECIMAL\([\d,]+\))\)", str(error)):
            return False
        raise
    return True


def worked_out_twice(sql: str, views: Mapping[str, str]) -> list[str]:
    """The query's CTEs with work in them that are named more than once, and the views, those within views counted too.

    Spark writes out anew whatever is not a table, each time that it is named. `views` has the SQL of each view by its
    name. What is named once, within something named twice, is that one's fault, and is not said again; nor is a CTE's
    step from its own rows to the next.
    """
    tree = sqlglot.parse_one(sql, read="spark")
    ctes = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
    named = Counter(table.name for table in _tables(tree, ctes) if table.name not in _names_around(table))
    trees, seen = [tree], set()
    while trees:
        for table in _tables(trees.pop(), views):
            named[table.name] += 1
            if table.name not in seen:
                seen.add(table.name)
                trees.append(sqlglot.parse_one(views[table.name], read="spark"))
    return sorted(name for name, count in named.items() if count > 1 and _works(name, ctes, views))


def _tables(tree: exp.Expr, known: Mapping[str, object]) -> list[exp.Table]:
    """Where the tree names one of the known."""
    return [table for table in tree.find_all(exp.Table) if table.name in known]


def _names_around(table: exp.Table) -> set[str]:
    """The CTEs in whose text it stands."""
    found, around = set(), table.find_ancestor(exp.CTE)
    while around:
        found.add(around.alias)
        around = around.find_ancestor(exp.CTE)
    return found


def _works(name: str, ctes: Mapping[str, exp.Expr], views: Mapping[str, str]) -> bool:
    """Whether work is done in the CTE or view, or in what it reads."""
    if name in ctes:
        body = ctes[name]
    else:
        body = sqlglot.parse_one(views[name], read="spark")
        ctes = {}  # a view sees none of its reader's
    if body.find(*WORK):
        return True
    inner = {table.name for table in _tables(body, {**ctes, **views})}
    return any(_works(each, ctes, views) for each in inner - {name})
