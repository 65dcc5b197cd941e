"""The SQL in a contract: what an expression over a row may be, and what a query of a data rule may be.

An expression is a function of its row. Anything else (a window, the clock, chance, another table, a file) would make the
marts depend on when and how files were loaded, or let a contract that is only looked at do something. So the text is
parsed to one expression and each part of it is held against what is allowed, before DuckDB is given it to bind.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SANDBOX = {"threads": 1, "enable_external_access": False, "lock_configuration": True}
"""How DuckDB is opened to look at a contract's SQL: without the file system."""

_CLASSES = {
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA", "OPERATOR",
}  # fmt: skip
_REFUSED = {
    "WINDOW": "a window function looks at other rows",
    "SUBQUERY": "a subquery looks at other rows",
    "STAR": "* stands for columns",
    "PARAMETER": "a parameter has no value here",
    "POSITIONAL_REFERENCE": "a column is named, not numbered",
}
_MACROS = {
    "date_add", "days_in_month", "fdiv", "fmod", "json", "map_contains_entry", "map_contains_value", "nullif", "round_even",
    "roundbankers", "split_part",
}  # fmt: skip
_UNSTEADY = {
    "age", "alias", "current_localtime", "current_localtimestamp", "current_setting", "getvariable", "json_deserialize_sql",
    "json_serialize_plan", "json_serialize_sql", "parse_duckdb_log_message", "vector_type", "version",
}  # fmt: skip
"""Called CONSISTENT by DuckDB, but of the clock, the session, the program or the engine."""

CLOCK = {
    "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user", "session_user",
    "user", "current_role", "current_catalog", "current_schema",
}  # fmt: skip
"""SQL's names without parentheses, which parse as columns."""

INSTEAD = (
    "an expression is a function of its row alone; beside the columns it may use partition_date (the landing date), "
    "file_name and file_line"
)


@lru_cache(maxsize=1024)
def names_in(sql: str) -> frozenset[str]:
    """The columns that an expression names, in lower case.

    Raises:
        ValueError: it is not one expression over a row; the text says why.
    """
    # Bare and in parentheses: what closes a parenthesis that is not its own fails one of the two.
    node = _one_select(f"SELECT {sql}")
    _one_select(f"SELECT ({sql})")
    items = node.get("select_list", [])  # a set operation or a list of rows has none
    extras = ("modifiers", "where_clause", "group_expressions", "having", "qualify", "sample")
    if (
        len(items) != 1
        or items[0]["alias"]
        or node["from_table"]["type"] != "EMPTY"
        or node["cte_map"]["map"]
        or any(node[extra] for extra in extras)
    ):
        raise ValueError(f"it is more than one expression; {INSTEAD}")
    return frozenset(_names(items[0], frozenset()))


@lru_cache(maxsize=1)
def _parser(process: int) -> duckdb.DuckDBPyConnection:
    """To open DuckDB costs more than all parsing; a forked process opens its own."""
    del process
    return duckdb.connect(config=dict(SANDBOX))


def sandbox() -> duckdb.DuckDBPyConnection:
    """A connection of the caller's own to a database without the file system, in which a contract's SQL is bound."""
    with _one_at_a_time:
        return _parser(os.getpid()).cursor()


@contextmanager
def left_if_broken() -> Iterator[None]:
    """After an error that leaves its database unusable the next to ask gets another sandbox."""
    try:
        yield
    except (duckdb.InternalException, duckdb.FatalException):
        with _one_at_a_time:
            _parser.cache_clear()
        raise


def _asked(sql: str, parameters: list[str]) -> list[Any]:
    with left_if_broken(), _one_at_a_time:
        rows: list[Any] = _parser(os.getpid()).execute(sql, parameters).fetchall()
    return rows


_one_at_a_time = threading.Lock()


def _one_select(sql: str) -> dict[str, Any]:
    """DuckDB's own reading of a text that is one SELECT, without running it."""
    [[answer]] = _asked("SELECT json_serialize_sql(?)", [sql])
    parsed = json.loads(answer)
    if parsed.get("error_type") == "not implemented":
        raise ValueError("it holds a statement that is no SELECT")
    if parsed["error"]:
        raise ValueError(parsed["error_message"])
    nodes = [statement["node"] for statement in parsed["statements"]]
    if len(nodes) != 1:
        raise ValueError("it is more than one statement; write one")
    return dict(nodes[0])


def _names(node: Any, bound: frozenset[str]) -> Iterator[str]:
    """The columns below a node; `bound` are the parameters of the lambdas around it."""
    if isinstance(node, list):
        for part in node:
            yield from _names(part, bound)
    if not isinstance(node, dict):
        return
    kind = node.get("class")
    if kind is not None and (kind not in _CLASSES or node.get("type") == "GROUPING_FUNCTION"):
        raise ValueError(f"{_REFUSED.get(kind, f'{kind.lower()} cannot be used')}; {INSTEAD}")
    if kind == "COLUMN_REF":
        path = [part.lower() for part in node["column_names"]]
        if path[0] not in bound:
            if len(path) > 1:
                raise ValueError(f"{'.'.join(path)}: columns stand by their name alone")
            yield path[0]
        return
    if kind == "FUNCTION":
        _check_function(node)
    if kind == "LAMBDA":
        bound |= {part.lower() for one in _parameters(node["lhs"]) for part in one["column_names"]}
        yield from _names(node["expr"], bound)
        return
    for part in node.values():
        yield from _names(part, bound)


def _parameters(lhs: dict[str, Any]) -> list[dict[str, Any]]:
    return [lhs] if lhs["class"] == "COLUMN_REF" else list(lhs.get("children", []))


def _check_function(node: Mapping[str, Any]) -> None:
    name = node["function_name"].lower()
    if node["schema"] not in ("", "main") or node["catalog"]:
        raise ValueError(f"{node['schema']}.{name}() is not known; call a function by its name alone")
    known = _functions()
    if name in known["row"] and not (name == "age" and len(node["children"]) < 2):
        if node["filter"] is None and not node["distinct"]:
            return
    elif name in known["aggregate"]:
        raise ValueError(f"{name}() looks at other rows; {INSTEAD}")
    elif name not in known["every"]:
        raise ValueError(f"there is no function {name}()")
    raise ValueError(f"{name}() cannot be used; {INSTEAD}")


@lru_cache
def _functions() -> dict[str, frozenset[str]]:
    """DuckDB's functions: those of a row alone, aggregates, those that a query may use, and all."""
    rows = _asked(
        "SELECT DISTINCT lower(function_name), function_type, stability FROM duckdb_functions()", []
    )
    kinds: dict[str, set[str]] = {}
    for name, kind, stability in rows:
        kinds.setdefault(name, set()).add(f"{kind} {stability}" if kind == "scalar" else kind)
    row = {name for name, kind in kinds.items() if kind <= {"scalar CONSISTENT", "table", "aggregate"}}
    row = {name for name in row if "scalar CONSISTENT" in kinds[name] and not name.startswith("__")}
    lists = {n for n, kind in kinds.items() if kind == {"macro"} and n.startswith(("list_", "array_"))}
    # Two dates' age is theirs; the age of one is that of today.
    of_row = (row - _UNSTEADY) | lists | _MACROS | {"age"}
    aggregate = {name for name, kind in kinds.items() if "aggregate" in kind}
    steady = {n for n, kind in kinds.items() if "scalar CONSISTENT_WITHIN_QUERY" in kind}
    return {
        "row": frozenset(of_row),
        "aggregate": frozenset(aggregate),
        "query": frozenset(of_row | aggregate | steady | {"unnest"}),
        "every": frozenset(kinds),
    }


def check_query(sql: str, batch: str = "batch", schemas: Sequence[str] = ("raw", "staging", "marts")) -> None:
    """A query of a data rule: one SELECT that reads its batch and the warehouse's tables, and no file or function of tables.

    Args:
        sql: the query; `{batch}` stands for the rows that are checked.
        batch: a name to take the batch's place.
        schemas: schemas whose tables it may read.

    Raises:
        ValueError: it is something else; the text says what.
    """
    nodes = list(_nodes(_one_select(sql.replace("{batch}", batch).rstrip("; \n"))))
    named = {entry["key"].lower() for node in nodes for entry in (node.get("cte_map") or {}).get("map", [])}
    for name in named:
        # Beside the part of the query that it is for, DuckDB would take the name for a file's.
        if not name.isidentifier():
            raise ValueError(f"{name!r} is no plain name; call it by letters, digits and _")
    for node in nodes:
        kind = node.get("type")
        if node.get("class") == "FUNCTION" and node["function_name"].lower() not in _functions()["query"]:
            raise ValueError(f"{node['function_name']}() cannot be used in a query")
        if kind == "TABLE_FUNCTION" and node["function"]["function_name"].lower() not in (
            "unnest",
            "range",
            "generate_series",
        ):
            raise ValueError(f"{node['function']['function_name']}() cannot be read from; read {{batch}}")
        if kind == "SHOW_REF":
            raise ValueError("SHOW and DESCRIBE cannot be used; write a SELECT from {batch}")
        if kind == "BASE_TABLE":
            schema, table = node["schema_name"].lower(), node["table_name"].lower()
            if node["catalog_name"] or (schema or table) not in ({batch, *named} if not schema else schemas):
                raise ValueError(f"it reads {node['table_name']!r}; read {{batch}}, or raw.… by its schema")


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(part)
