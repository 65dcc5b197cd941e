"""Stage, build and fit: run dbt in this process, one `dbt build` per step."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import BuildError
from pipelines.policies import read_policies
from pipelines.settings import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from pipelines.settings import Settings

SELECTIONS = {
    "stage": ["--select", "resource_type:seed", "path:models/staging"],
    "build": [
        *("--select", "path:models/intermediate", "path:models/marts", "path:tests"),
        *("--exclude", "source:fits+"),
    ],
    "fit": ["--select", "source:fits+"],
}
"""What each step builds: `fit` the marts that rest on fitted models, `build` all the others."""


_parsed: dict[str, Any] = {}
"""What dbt made of the project, by context: the second step of a process need not parse it again."""


@dataclass(frozen=True)
class NodeResult:
    """Outcome of one dbt node; seconds are wall-clock."""

    name: str
    resource_type: str
    status: str
    seconds: float
    message: str | None

    @property
    def failed(self) -> bool:
        """Whether the node stops the night."""
        return self.status in ("error", "fail", "runtime error")


def variables(settings: Settings) -> dict[str, Any]:
    """The dbt variables of a deployment, the same every night; policies are checked on the way."""
    names = (
        "timezone",
        "currency",
        "tier_window_months",
        "new_customer_months",
        "soft_landing",
        "grace_months",
        "survey_validity_months",
        "benchmark_quantile",
        "benchmark_min_peers",
        "default_lapsed_days",
        "revenue_retention_window_months",
        "default_margin_rate",
    )
    policies = read_policies(settings)
    return {
        **{name: getattr(settings, name) for name in names},
        "peer_attribute_levels": policies.peer_attribute_levels,
    }


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What dbt_project.yml and profiles.yml read from the environment."""
    project = PROJECT_DIR / "dbt_project"
    return {
        "MAINSTAY_WAREHOUSE": str(settings.warehouse),
        "MAINSTAY_SEEDS_PATH": os.path.relpath(settings.policies, project),
        "MAINSTAY_DBT_DUCKDB_THREADS": str(settings.duckdb_threads or os.cpu_count() or 2),
        "MAINSTAY_DBT_MEMORY_LIMIT": settings.duckdb_memory_limit or _default_memory_limit(),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def _default_memory_limit() -> str:
    """Four fifths of the machine's memory: DuckDB's own default, which a dbt profile cannot leave unsaid."""
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') * 4 // 5 // 2**20}MiB"


def transform(
    settings: Settings,
    step: str,
    as_of: date,
    context: str,
    on_node: Callable[[NodeResult], None] | None = None,
    *,
    full_refresh: bool = False,
) -> list[NodeResult]:
    """Run one step's dbt build as of a business date.

    Args:
        settings: The deployment.
        step: `stage`, `build` or `fit`.
        as_of: The business date.
        context: Hash of what dbt parses, see `stale.context_hash`.
        on_node: Hears of each node as it ends.
        full_refresh: Make incremental models anew from all rows, instead of their stale dates alone.

    Raises:
        BuildError: a model or test failed; the text names the first ones.
    """
    project = [
        "--project-dir",
        str(PROJECT_DIR / "dbt_project"),
        "--profiles-dir",
        str(PROJECT_DIR / "dbt_project"),
        "--target-path",
        str(settings.var / "dbt" / "target"),
        "--log-path",
        str(settings.var / "logs"),
        "--vars",
        json.dumps(variables(settings)),
        "--log-level",
        "none",
        "--log-level-file",
        "info",
        "--no-use-colors",
        "--no-print",
    ]
    arguments = [
        "build",
        *project,
        "--exclude-resource-type",
        "unit_test",
        # While staging, a test that also reads a mart waits for the build.
        "--indirect-selection",
        "cautious" if step == "stage" else "eager",
        *(["--full-refresh"] if full_refresh else []),
        *SELECTIONS[step],
    ]
    results: list[NodeResult] = []

    def heard(event: Any) -> None:
        if on_node is not None and event.info.name in ("LogModelResult", "LogTestResult", "LogSeedResult"):
            node = event.data.node_info
            on_node(
                NodeResult(
                    node.node_name, node.resource_type, node.node_status, event.data.execution_time, None
                )
            )

    run = {
        "MAINSTAY_AS_OF_DATE": as_of.isoformat(),
        "MAINSTAY_REBUILD": "all" if full_refresh else "stale_dates",
    }
    with _environment(dbt_environment(settings) | run):
        from dbt.cli.main import dbtRunner  # costs a second: only where dbt runs

        try:
            outcome = _parsed.get(context) or dbtRunner().invoke(["parse", *project])
            if outcome.success:
                _parsed[context] = outcome
                _seeds_of(settings, outcome.result)
                outcome = dbtRunner(manifest=outcome.result, callbacks=[heard]).invoke(arguments)
        finally:
            _close_connections()
    if isinstance(outcome.exception, KeyboardInterrupt | SystemExit):
        raise outcome.exception  # dbt hands over as a result what must end the process
    for result in getattr(outcome.result, "results", None) or []:
        node = result.node
        results.append(
            NodeResult(
                node.name, str(node.resource_type), str(result.status), result.execution_time, result.message
            )
        )
    if not outcome.success:
        raise BuildError(_failure(settings, step, results, outcome.exception))
    return results


def _seeds_of(settings: Settings, manifest: Any) -> None:
    """Where the policies lie is all that a parsed project knows of one deployment.

    dbt knows them by a path relative to the project, and writes what it runs under that path below its target
    folder: with a policies folder elsewhere that leads out of it.
    """
    for node in manifest.nodes.values():
        if node.resource_type == "seed":
            node.root_path = str(settings.policies)
            node.original_file_path = Path(node.original_file_path).name


def _failure(
    settings: Settings, step: str, results: list[NodeResult], exception: BaseException | None
) -> str:
    failed = [r for r in results if r.failed]
    where = f"see {settings.var / 'logs' / 'dbt.log'}"
    if not failed:
        return f"{step}: dbt could not run: {exception}; {where}"
    first = "; ".join(
        f"{r.resource_type} {r.name}: {' '.join((r.message or r.status).split())[:300]}" for r in failed[:3]
    )
    return f"{step}: {len(failed)} of {len(results)} dbt nodes failed: {first}; {where}"


def _close_connections() -> None:
    """dbt-duckdb keeps the warehouse open until it is told to let go."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections

    cleanup_connections()
    DuckDBConnectionManager.close_all_connections()


class _environment:
    """Set environment variables for the time of a block."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.values}
        os.environ.update(self.values)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def slowest(results: list[NodeResult], count: int = 5) -> Iterator[NodeResult]:
    """The nodes that took longest."""
    yield from sorted(results, key=lambda r: -r.seconds)[:count]
