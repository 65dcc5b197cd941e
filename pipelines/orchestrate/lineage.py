"""Which tables each task reads and writes, for Airflow's OpenLineage events, and the way from a task to dbt's.

Airflow's provider sends the events of runs and tasks; what it is told is in `openlineage_environment`. Where the setting
`openlineage_url` is not set, the provider is off.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelines.surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

log = logging.getLogger(__name__)

EXTRACTOR = "pipelines.orchestrate.lineage_extractor.StepExtractor"


def openlineage_environment(settings: Settings) -> dict[str, str]:
    """What Airflow's OpenLineage provider reads from the environment."""
    if settings.openlineage_url is None:
        return {"AIRFLOW__OPENLINEAGE__DISABLED": "True"}
    from pipelines.transform.lineage import job_namespace, transport

    return {
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport(settings)),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": job_namespace(),
        "AIRFLOW__OPENLINEAGE__EXTRACTORS": EXTRACTOR,
        # Not in a fork: the task's process has DuckDB's threads.
        "AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD": "True",
    }


@contextmanager
def parent_of_dbt(settings: Settings, ti: Any) -> Iterator[None]:
    """Have dbt's events name the task as their parent."""
    with surroundings(_parent(ti) if settings.openlineage_url else {}, without=()):
        yield


def _parent(ti: Any) -> dict[str, str]:
    try:
        from airflow.providers.openlineage.plugins.macros import lineage_parent_id, lineage_root_parent_id

        return {
            "OPENLINEAGE_PARENT_ID": lineage_parent_id(ti),
            "OPENLINEAGE_ROOT_PARENT_ID": lineage_root_parent_id(ti),
        }
    except Exception:
        log.warning("dbt's lineage events will not name their task", exc_info=True)
        return {}
