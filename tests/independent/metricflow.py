"""Metrics as MetricFlow gives them: its SQL, made from what dbt parsed, run on a warehouse without dbt in between."""

from __future__ import annotations

import math
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb
from dbt.contracts.graph.semantic_manifest import SemanticManifest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from pipelines.transform import variables
from pipelines.transform.parsed import parse_key, read_parsed
from pipelines.warehouse.stale import context_hash

from .metric_figures import FIGURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.settings import Settings


class _Dialect:
    """What MetricFlow asks of a database as long as it only writes SQL."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()


class Metrics:
    """The metrics of a parsed dbt project."""

    def __init__(self, manifest: Any) -> None:
        """Take dbt's manifest."""
        self.names = sorted(metric.name for metric in manifest.metrics.values())
        self._text = SemanticManifest(manifest)._get_pydantic_semantic_manifest().json()

    @cached_property
    def _engine(self) -> MetricFlowEngine:
        lookup = SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(self._text))
        return MetricFlowEngine(lookup, _Dialect())  # type: ignore[arg-type]

    def sql(self, metric: str, group_by: Sequence[str] = ()) -> str:
        """The query that `mf query` would run: what is grouped by, then the metric."""
        request = MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=list(group_by))
        text: str = self._engine.explain(request).sql_statement.sql
        return text


def differences(settings: Settings) -> list[str]:
    """Where a metric of a deployment that was built with these settings is not what its marts say.

    A metric without a figure to compare it with is a difference, too, and so is a figure that compares nothing.
    """
    metrics = Metrics(read_parsed(settings, parse_key(settings, context_hash(settings, variables(settings)))))
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        connection.execute("set search_path = 'marts'")
        return _differences(metrics, connection)


def _differences(metrics: Metrics, connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = [f"{name}: no figure to compare it with" for name in metrics.names if name not in FIGURES]
    found += [f"{name}: there is no such metric" for name in FIGURES if name not in metrics.names]
    for name in FIGURES.keys() & set(metrics.names):
        for group_by, query in FIGURES[name]:
            asked = connection.execute(metrics.sql(name, group_by))
            columns = [column for column, *_ in asked.description or []]
            order = [columns.index(column) for column in (*group_by, name)]
            said = _figures([[row[place] for place in order] for row in asked.fetchall()])
            meant = _figures(connection.execute(query).fetchall())
            if not meant:
                found.append(f"{name} by {group_by}: the marts have nothing to compare with")
            found += [
                f"{name} by {group_by} {key}: {said.get(key)}, and the marts say {meant.get(key)}"
                for key in said.keys() | meant.keys()
                if not _is_same(said.get(key), meant.get(key), is_there=key in said)
            ]
    return sorted(found)


def _figures(rows: Sequence[Sequence[Any]]) -> dict[tuple[Any, ...], float | None]:
    """The figures by what they are grouped by; moments as dates."""
    found = {}
    for *key, figure in rows:
        plain = tuple(k.date() if isinstance(k, datetime) else k for k in key)
        assert plain not in found, f"two rows for {plain}"
        found[plain] = None if figure is None else float(figure)
    return found


def _is_same(said: float | None, meant: float | None, *, is_there: bool) -> bool:
    """Equal but for the last digits of a sum; nothing counted may be no row, as of a month without feedback."""
    if said is None or meant is None:
        return said is meant or (not is_there and not meant)
    return math.isclose(said, meant, rel_tol=1e-9, abs_tol=1e-9)
