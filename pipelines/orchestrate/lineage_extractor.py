"""Tells Airflow's OpenLineage provider what each of Mainstay's tasks reads and writes. Imported by the provider alone."""

from __future__ import annotations

from collections.abc import Callable

from airflow.providers.openlineage.extractors.base import BaseExtractor, OperatorLineage
from openlineage.client.event_v2 import Dataset

from pipelines.contracts import mart_contracts, source_contracts
from pipelines.orchestrate.told import TASKS
from pipelines.publish.catalog import serving_file
from pipelines.settings import Settings, load_settings
from pipelines.transform.lineage import warehouse_namespace


def landed(settings: Settings) -> list[Dataset]:
    """The datasets' landing folders."""
    folder = settings.landing.absolute()
    return [Dataset(namespace="file", name=f"{folder}/{name}") for name in source_contracts(settings)]


def raw(settings: Settings) -> list[Dataset]:
    """The loaded tables."""
    return _tables(settings, "raw", list(source_contracts(settings)))


def marts(settings: Settings) -> list[Dataset]:
    """The marts in the warehouse."""
    return _tables(settings, "marts", list(mart_contracts(settings)))


def served(settings: Settings) -> list[Dataset]:
    """The marts that BI reads."""
    path = serving_file(settings).absolute()
    return [
        Dataset(namespace=f"duckdb://{path}", name=f"{path.stem}.main.{name}")
        for name in mart_contracts(settings)
    ]


def _tables(settings: Settings, schema: str, names: list[str]) -> list[Dataset]:
    namespace = warehouse_namespace(settings)
    return [Dataset(namespace=namespace, name=f"{settings.warehouse.stem}.{schema}.{name}") for name in names]


_Kind = Callable[[Settings], list[Dataset]]

READ_AND_WRITTEN: dict[str, tuple[_Kind | None, _Kind | None]] = {
    "land": (landed, None),
    "validate_land": (landed, None),
    "load": (landed, raw),
    "validate_raw": (raw, None),
    # What lies between is told model by model, by dbt's own events.
    "stage": (raw, None),
    "build": (raw, marts),
    "validate_marts": (marts, None),
    "publish": (marts, served),
    "export": (served, None),
}
"""By task; the others read and write the ledger, or what dbt's own events tell."""


class StepExtractor(BaseExtractor):  # type: ignore[misc]  # Airflow's packages are not followed
    """The datasets of a task of Mainstay's DAGs; of others it says nothing, and Airflow goes by their inlets and outlets."""

    @classmethod
    def get_operator_classnames(cls) -> list[str]:
        """The class of tasks that are written as functions."""
        return ["_PythonDecoratedOperator"]

    def _execute_extraction(self) -> OperatorLineage:
        task = self.operator
        if not task.dag_id.startswith("mainstay_") or task.task_id not in TASKS:
            return OperatorLineage()
        settings = load_settings()
        reads, writes = READ_AND_WRITTEN.get(task.task_id, (None, None))
        return OperatorLineage(
            inputs=reads(settings) if reads else [], outputs=writes(settings) if writes else []
        )
