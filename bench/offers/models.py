"""The offers' models as SQL: compiled by dbt for a day and for other caps, run one after the other in DuckDB."""

from __future__ import annotations

import json
import os
import time
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from pipelines.settings import PROJECT_DIR

FOLDERS = {"intermediate": "models/intermediate/offers", "marts": "models/marts/offers"}

READ = ("marts.fct_transactions", "intermediate.int_customer_days", "staging.stg_products")
"""What the offers' models read of others."""


def compiled(work: Path, as_of: str, figures: dict[str, int]) -> dict[str, str]:
    """Each model's query as of a day, by `schema.name`, in an order in which they can be run."""
    from dbt.cli.main import dbtRunner

    project = PROJECT_DIR / "dbt_project"
    os.environ |= {"MAINSTAY_WAREHOUSE": str(work / "compiled.duckdb"), "MAINSTAY_AS_OF_DATE": as_of}
    given = {f"offer_{name}": value for name, value in figures.items()}
    options = [
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(work / "target"), "--log-path", str(work)),
        *("--quiet", "--no-send-anonymous-usage-stats"),
    ]
    paths = [f"path:{folder}" for folder in FOLDERS.values()]
    outcome = dbtRunner(manifest=_manifest(tuple(options))).invoke(
        ["compile", "--no-introspect", "--select", *paths, *options, "--vars", json.dumps(given)]
    )
    if not outcome.success:
        raise SystemExit(f"the offers' models cannot be compiled: {outcome.exception}")
    nodes = {
        f"{result.node.schema}.{result.node.name}": result.node
        for result in outcome.result
        if result.node.resource_type == "model"
    }
    names = {node.unique_id: name for name, node in nodes.items()}
    reads = {
        name: {names[key] for key in node.depends_on_nodes if key in names} for name, node in nodes.items()
    }
    return {
        name: nodes[name].compiled_code.replace('"compiled".', "")
        for name in TopologicalSorter(reads).static_order()
    }


@cache
def _manifest(options: tuple[str, ...]) -> Any:
    """The project, parsed once: neither the day nor a cap is looked at while parsing."""
    from dbt.cli.main import dbtRunner

    return dbtRunner().invoke(["parse", *options]).result


def built(connection: duckdb.DuckDBPyConnection, queries: dict[str, str]) -> dict[str, dict[str, float]]:
    """Run the queries; each one's wall-clock and processor seconds and rows."""
    took = {}
    for name, query in queries.items():
        began, cpu = time.perf_counter(), time.process_time()
        connection.execute(f"create or replace table {name} as {query}")
        took[name] = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
        (took[name]["rows"],) = connection.execute(f"select count(*) from {name}").fetchone() or (0,)
    return took
