"""Where engines differ is one folder of Python and one of macros: nothing else asks which engine it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.settings import PROJECT_DIR

PYTHON = [
    path
    for folder in ("pipelines", "dags")
    for path in sorted((PROJECT_DIR / folder).rglob("*.py"))
    if not path.is_relative_to(PROJECT_DIR / "pipelines" / "warehouse")
]
SQL = [
    path
    for folder in ("macros", "models", "tests")
    for path in sorted((PROJECT_DIR / "dbt_project" / folder).rglob("*.sql"))
    if not path.is_relative_to(PROJECT_DIR / "dbt_project" / "macros" / "engine")
]


def asks_which(tree: ast.Module) -> Iterator[int]:
    """Lines that import Spark, or read the setting's value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(n.name.startswith(("pyspark", "py4j")) for n in node.names):
            yield node.lineno
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.startswith(("pyspark", "py4j", "pipelines.warehouse.spark")):
                yield node.lineno
        # A rule of a contract has an engine too.
        if isinstance(node, ast.Attribute) and re.search(r"settings\.engine$", ast.unparse(node)):
            yield node.lineno


def test_no_module_but_the_warehouses_asks_which_engine_it_is() -> None:
    found = {
        f"{path.relative_to(PROJECT_DIR)}:{line}"
        for path in PYTHON
        for line in asks_which(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()


@pytest.mark.parametrize(
    "planted",
    [
        "import pyspark",
        "from pipelines.warehouse.spark.lake import Lake",
        "if settings.engine == 'spark': pass",
        "if self._settings.engine == 'spark': pass",
        "if load_settings().home and world.settings.engine == 'spark': pass",
    ],
)
def test_a_module_that_did_would_be_seen(planted: str) -> None:
    assert list(asks_which(ast.parse(planted))) == [1]


def named(path: Path) -> bool:
    return (
        re.search(
            r"spark__|target\.type|adapter\.type|target\.name *[!=]= *.(spark|duckdb)",
            path.read_text(encoding="utf-8"),
        )
        is not None
    )


def test_no_sql_but_the_engines_macros_knows_spark() -> None:
    assert [str(path.relative_to(PROJECT_DIR)) for path in SQL if named(path)] == []
    assert any(named(path) for path in (PROJECT_DIR / "dbt_project" / "macros" / "engine").glob("*.sql"))
