"""What each dbt build read and wrote, as OpenLineage events; sent only where `openlineage_url` is set.

The events come from OpenLineage's own reading of dbt's artifacts. These are handed over in memory: dbt's files would hold what
the database said of rows, so they are not written, and no message is among what is handed over.
"""

from __future__ import annotations

import logging
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.settings import Settings

log = logging.getLogger(__name__)

PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/main/integration/dbt"
"""Whose code makes the events, as an address; OpenLineage asks for one."""

TIMEOUT_SECONDS = 5.0
"""How long one event may take."""

PATIENCE_SECONDS = 60.0
"""How long all events of a build may take."""


def transport(settings: Settings) -> dict[str, Any]:
    """How OpenLineage's clients send events: once each, as a receiver that is down must not hold up a night.

    `OPENLINEAGE_API_KEY` is read from the environment, where OpenLineage's clients look for it as well.
    """
    sent: dict[str, Any] = {
        "type": "http",
        "url": settings.openlineage_url,
        "timeout": TIMEOUT_SECONDS,
        "retry": {"total": 0},
    }
    if key := os.environ.get("OPENLINEAGE_API_KEY"):
        sent["auth"] = {"type": "api_key", "apiKey": key}
    return sent


def job_namespace() -> str:
    """What jobs are named within; `OPENLINEAGE_NAMESPACE` tells apart deployments that share a receiver."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "mainstay"


def warehouse_namespace(settings: Settings) -> str:
    """What the warehouse's tables are named within: dbt's and Airflow's events must name them alike."""
    return f"duckdb://{settings.warehouse.absolute()}"


def tell_lineage(settings: Settings, manifest: Any, results: Sequence[Any], *, full_refresh: bool) -> None:
    """Send the events of a dbt build; what goes wrong is logged, and fails nothing.

    Args:
        settings: The deployment; without `openlineage_url` nothing is done.
        manifest: dbt's, after the build, with its compiled SQL.
        results: dbt's results of the nodes.
        full_refresh: Whether incremental models were made anew.
    """
    if settings.openlineage_url is None:
        return
    try:
        _send(settings, _events(settings, manifest, results, full_refresh=full_refresh))
    except Exception as error:  # noqa: BLE001 - lineage is told by the way
        # The class alone: an HTTP library's message may hold the address with a password.
        log.warning("lineage was not sent to MAINSTAY_OPENLINEAGE_URL: %s", type(error).__name__)


def _send(settings: Settings, events: list[Any]) -> None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    # Outright, and not as a configuration that would be merged with what the environment or a home folder has.
    client = OpenLineageClient(transport=HttpTransport(HttpConfig.from_dict(transport(settings))))
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        for number, event in enumerate(events):
            if time.monotonic() > deadline:
                log.warning(
                    "%s of %s lineage events were sent in %g s; the rest is left out",
                    number,
                    len(events),
                    PATIENCE_SECONDS,
                )
                return
            client.emit(event)
    finally:
        client.close(TIMEOUT_SECONDS)
    log.info("%s lineage events were sent", len(events))


def _events(settings: Settings, manifest: Any, results: Sequence[Any], *, full_refresh: bool) -> list[Any]:
    from openlineage.common.provider.dbt.facets import DbtRunRunFacet
    from openlineage.common.provider.dbt.processor import DbtArtifactProcessor
    from openlineage.common.provider.dbt.utils import get_parent_run_metadata

    artifacts = manifest.writable_manifest().to_dict(omit_none=False)
    metadata = artifacts["metadata"]

    class Processor(DbtArtifactProcessor):  # type: ignore[misc]  # OpenLineage's packages are not followed
        """Reads artifacts that are at hand instead of files."""

        def get_dbt_metadata(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], None]:
            run_results = {
                "metadata": metadata,
                "args": {"which": "build", "full_refresh": full_refresh},
                "results": [_plain(result) for result in results],
            }
            profile = {"type": "duckdb", "path": str(settings.warehouse.absolute())}
            return artifacts, run_results, profile, None

        def get_column_lineage(self, namespace: str, compiled_sql: str) -> None:
            """None: OpenLineage's SQL parser takes the named steps of a query for tables, which there are none of."""

        def dbt_run_run_facet(self) -> dict[str, DbtRunRunFacet]:
            run = DbtRunRunFacet(
                invocation_id=str(metadata["invocation_id"]),
                project_name=metadata["project_name"],
                dbt_runtime="core",
                full_refresh=full_refresh,
            )
            return {"dbt_run": run}

    processor = Processor(PRODUCER, job_namespace(), skip_errors=True, logger=log)
    # The task that the build is part of, where Airflow runs it: it says so in OPENLINEAGE_PARENT_ID.
    processor.dbt_run_metadata = get_parent_run_metadata()
    events: list[Any] = processor.parse().events()
    return events


def _plain(result: Any) -> dict[str, Any]:
    """A node's result without its message."""
    return {
        "unique_id": result.node.unique_id,
        "status": str(result.status),
        "timing": [
            {
                "name": timing.name,
                "started_at": _text(timing.started_at),
                "completed_at": _text(timing.completed_at),
            }
            for timing in result.timing
        ],
        "adapter_response": {},
        "failures": result.failures,
    }


def _text(moment: datetime | None) -> str:
    moment = moment or datetime.now(UTC)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
